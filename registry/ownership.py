"""Whose a model is, when its owner goes. Owns the owner of `models`, and `grants`, too."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import Conflict, InvalidInput
from registry.records import Actor
from registry.tables import GrantRow, ModelRow, UserRow


def hand_over_all_in(s: Session, actor: Actor, former: UserRow, heir: UserRow) -> int:
    """Give all models of one user, the trash included, to another; gives how many.

    Raises:
        InvalidInput: Both are the same user.
        Conflict: The heir has a model with the same address part.
    """
    if former.id == heir.id:
        raise InvalidInput({"heir": "must be somebody else"})
    of_heir = select(ModelRow.slug).where(ModelRow.owner_id == heir.id)
    of_former = ModelRow.owner_id == former.id
    clashes = s.execute(
        select(ModelRow.slug).where(of_former, ModelRow.slug.in_(of_heir)).order_by(ModelRow.slug)
    ).scalars()
    if names := list(clashes):
        raise Conflict(
            f"{heir.username} has models of the same address part: {', '.join(names[:5])}"
            f"{' and more' if len(names) > 5 else ''}. Choose another heir, or purge those first."
        )
    rows = list(s.execute(select(ModelRow).where(of_former)).scalars())
    for row in rows:
        s.execute(delete(GrantRow).where(GrantRow.model_id == row.id, GrantRow.user_id == heir.id))
        row.owner_id = heir.id
        before = f"{former.username}/{row.slug}"
        audit.record(s, actor, "model.transfer", before, model_id=row.id, to=heir.username)
    s.flush()
    return len(rows)


def count_in(s: Session, user_id: str) -> int:
    """How many models are a user's, the trash included."""
    owned = select(func.count()).where(ModelRow.owner_id == user_id)
    return s.execute(owned).scalar_one()

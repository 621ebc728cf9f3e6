"""What happened, as far as an actor may know: a scoped reading of the audit lines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from registry import models, policy
from registry.core import Registry
from registry.keyset import After, Order
from registry.records import Actor, AuditLine, Page
from registry.tables import AuditRow, GrantRow, ModelRow

NEWEST = Order((AuditRow.id, "down"))
_OTHERS = frozenset({"parent", "similar", "token"})
_FOR_MANAGERS = ("model.share", "model.unshare", "webhook.")
"""Actions that say with whom a model is shared, and where its events go."""


def find(
    reg: Registry,
    actor: Actor,
    *,
    model: str = "",
    page: int = 1,
    size: int = 50,
    after: After = (),
) -> Page[AuditLine]:
    """The actor's own lines and those of models the actor may see, newest first.

    Args:
        after: The `last` of the page before; then `page` counts for nothing.

    Raises:
        NotFound: `model` is given and the actor may not see it.
    """
    with reg.reading() as s:
        if model:
            where = AuditRow.model_id == models.for_action(s, actor, "model.read", model).id
        else:
            where = seen_by(actor)
        total = s.execute(select(func.count()).select_from(AuditRow).where(where)).scalar_one()
        rows, last = NEWEST.cut(s, select(AuditRow).where(where), after, size, (page - 1) * size)
        managed = managed_in(s, actor)
        lines = tuple(record(actor, row, managed) for row in rows)
        return Page(lines, total, page, size, last)


def managed_in(s: Session, actor: Actor) -> frozenset[str]:
    """The ids of the models that the actor manages."""
    granted = select(GrantRow.model_id).where(
        GrantRow.user_id == actor.id, GrantRow.level == "manage"
    )
    mine = or_(ModelRow.owner_id == actor.id, ModelRow.id.in_(granted))
    return frozenset(s.execute(select(ModelRow.id).where(mine)).scalars())


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition for the actor's own lines and those of models the actor may see."""
    seen = select(ModelRow.id).where(models.visible_to(actor))
    return or_(AuditRow.actor_id == actor.id, AuditRow.model_id.in_(seen))


def sees_all(actor: Actor) -> bool:
    """Whether the actor may read everybody's lines."""
    return not policy.why_not(actor, None, "people.govern")


def record(actor: Actor, row: Any, managed: frozenset[str]) -> AuditLine:
    """A line as this actor, who manages these models, may read it."""
    said = _told(actor, row, managed)
    return AuditLine(row.id, row.at, row.actor, row.action, row.subject, said)


def _told(actor: Actor, row: Any, managed: frozenset[str]) -> dict[str, Any]:
    """The details; other models are named to who named them only: others may not see those.

    How a token begins is for its own person. Lines that are kept say `from_`, which is no word.
    """
    detail = {key.rstrip("_"): said for key, said in row.detail.items()}
    if row.actor_id == actor.id or sees_all(actor):
        return detail
    if row.action.startswith(_FOR_MANAGERS) and row.model_id not in managed:
        return {}
    return {key: said for key, said in detail.items() if key not in _OTHERS}

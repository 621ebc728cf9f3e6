"""What must be settled before an account goes: models, data sets, evaluations, scorings."""

from __future__ import annotations

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from registry import datasets, holdings, models, predictions, results, scorings, sessions
from registry.core import Registry
from registry.errors import Conflict
from registry.records import Actor
from registry.tables import AliasRow, GrantRow, ModelRow, ParentRow, UserRow, VersionRow

_TRANSFER = (
    "Transfer each to somebody under Settings → Transfer, or make it private, unshared and without "
    "the production alias; then delete your account"
)


def clear_models(reg: Registry, actor: Actor) -> int:
    """Purge the actor's private models; gives the bytes freed.

    Raises:
        Conflict: Others rely on some of them; nothing was purged.
    """
    with reg.reading() as s:
        _need_unshared_in(s, actor)
        found = s.execute(
            select(ModelRow.slug, ModelRow.deleted_at).where(ModelRow.owner_id == actor.id)
        ).all()
    freed = 0
    for slug, deleted_at in found:
        ref = f"{actor.username}/{slug}"
        if deleted_at is None:
            models.trash(reg, actor, ref)
        freed += models.purge(reg, actor, ref)
    return freed


def clear_rows_in(s: Session, reg: Registry, actor: Actor) -> int:
    """Delete the actor's data sets, evaluations, scorings and inputs; gives the bytes freed."""
    predictions.forget_in(s, actor.id)
    topics = (datasets, results, scorings)
    digests = [digest for topic in topics for digest in topic.drop_all_in(s, actor.id)]
    return holdings.free_in(s, reg, digests)


def purge_models_in(s: Session, reg: Registry, actor: Actor, leaving: UserRow) -> int:
    """Delete the models of somebody whom an administrator removes; gives the bytes freed.

    Raises:
        Conflict: Others rely on some of them; nothing was deleted.
    """
    _need_unshared_in(s, sessions.actor_of(leaving), "Name an heir who gets them instead")
    rows = s.execute(select(ModelRow).where(ModelRow.owner_id == leaving.id)).scalars()
    return sum(models.purge_in(s, reg, actor, row) for row in list(rows))


def need_no_models_in(s: Session, actor: Actor) -> None:
    """Make sure that no model came back meanwhile.

    Raises:
        Conflict: There is one.
    """
    if s.execute(select(ModelRow.id).where(ModelRow.owner_id == actor.id)).first():
        raise Conflict("a model was added meanwhile. Delete the account again to remove it too.")


def _need_unshared_in(s: Session, actor: Actor, what_now: str = _TRANSFER) -> None:
    child = VersionRow.__table__.alias("child")
    shared = exists().where(GrantRow.model_id == ModelRow.id)
    production = exists().where(AliasRow.model_id == ModelRow.id, AliasRow.name == "production")
    derived = exists().where(
        VersionRow.model_id == ModelRow.id,
        ParentRow.parent_id == VersionRow.id,
        ParentRow.child_id == child.c.id,
        child.c.model_id != ModelRow.id,
    )
    relied_on = or_(ModelRow.visibility == "public", shared, production)
    slugs = s.execute(
        select(ModelRow.slug)
        .where(
            ModelRow.owner_id == actor.id,
            or_(relied_on & ModelRow.deleted_at.is_(None), derived),
        )
        .order_by(ModelRow.slug)
    ).scalars()
    if names := [f"{actor.username}/{slug}" for slug in slugs]:
        raise Conflict(
            f"others rely on {', '.join(names[:5])}{' and more' if len(names) > 5 else ''} "
            f"(shared, public, in production or a parent of their models). {what_now}."
        )

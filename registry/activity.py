"""What happened, as far as an actor may know: a scoped reading of the audit lines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_, select

from registry import models
from registry.core import Registry
from registry.records import Actor, AuditLine, Page
from registry.tables import AuditRow, ModelRow


def find(
    reg: Registry, actor: Actor, *, model: str = "", page: int = 1, size: int = 50
) -> Page[AuditLine]:
    """The actor's own lines and those of models the actor may see, newest first.

    Raises:
        NotFound: `model` is given and the actor may not see it.
    """
    with reg.reading() as s:
        if model:
            where = AuditRow.model_id == models.for_action(s, actor, "model.read", model).id
        else:
            seen = select(ModelRow.id).where(models.visible_to(actor))
            where = or_(AuditRow.actor_id == actor.id, AuditRow.model_id.in_(seen))
        total = s.execute(select(func.count()).select_from(AuditRow).where(where)).scalar_one()
        rows = s.execute(
            select(AuditRow)
            .where(where)
            .order_by(AuditRow.id.desc())
            .limit(size)
            .offset((page - 1) * size)
        ).scalars()
        lines = tuple(
            AuditLine(row.id, row.at, row.actor, row.action, row.subject, _told(actor, row))
            for row in rows
        )
        return Page(lines, total, page, size)


def _told(actor: Actor, row: AuditRow) -> dict[str, Any]:
    """The details; a parent is named to who linked it only, since others may not see it."""
    known = row.actor_id == actor.id
    return {key: said for key, said in row.detail.items() if known or key != "parent"}

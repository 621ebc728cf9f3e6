"""Sharing: grants of view, edit or manage on one model. Owns `grants`."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, models
from registry.core import Registry
from registry.errors import InvalidInput
from registry.policy import ACTIONS, PERMISSIONS, Rule
from registry.policy import why_not as allowed
from registry.records import LEVELS, Actor, Grant, Level
from registry.tables import GrantRow, UserRow

__all__ = ["ACTIONS", "PERMISSIONS", "Rule", "allowed", "grants", "share", "unshare"]


def share(reg: Registry, actor: Actor, model: str, username: str, level: Level) -> list[Grant]:
    """Let a user view, edit or manage the model; replaces an earlier grant.

    Raises:
        InvalidInput: No such user, the owner, or an unknown level.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it.
    """
    if level not in LEVELS:
        raise InvalidInput({"level": f"must be one of {', '.join(LEVELS)}"})
    with reg.writing() as s:
        row = models.for_action(s, actor, "model.share", model)
        user = models.user_named(s, username)
        if user.id == row.owner_id:
            raise InvalidInput({"username": f"{user.username} owns this model already"})
        s.merge(GrantRow(model_id=row.id, user_id=user.id, level=level))
        subject = models.address(s, row)
        audit.record(
            s, actor, "model.share", subject, model_id=row.id, to=user.username, level=level
        )
        s.flush()
        return _grants(s, row.id)


def unshare(reg: Registry, actor: Actor, model: str, username: str) -> list[Grant]:
    """Take a grant back.

    Raises:
        InvalidInput: The model is not shared with that user.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it.
    """
    with reg.writing() as s:
        row = models.for_action(s, actor, "model.share", model)
        grant = s.execute(
            select(GrantRow)
            .join(UserRow, UserRow.id == GrantRow.user_id)
            .where(GrantRow.model_id == row.id, UserRow.username == username.strip().casefold())
        ).scalar_one_or_none()
        if grant is None:
            raise InvalidInput({"username": f"this model is not shared with {username}"})
        s.delete(grant)
        audit.record(
            s, actor, "model.unshare", models.address(s, row), model_id=row.id, from_=username
        )
        s.flush()
        return _grants(s, row.id)


def grants(reg: Registry, actor: Actor, model: str) -> list[Grant]:
    """With whom the model is shared, by user name.

    Raises:
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it.
    """
    with reg.reading() as s:
        return _grants(s, models.for_action(s, actor, "model.share", model).id)


def _grants(s: Session, model_id: str) -> list[Grant]:
    rows = s.execute(
        select(UserRow.username, GrantRow.level)
        .join(UserRow, UserRow.id == GrantRow.user_id)
        .where(GrantRow.model_id == model_id)
        .order_by(UserRow.username)
    )
    return [Grant(username, cast("Level", level)) for username, level in rows]

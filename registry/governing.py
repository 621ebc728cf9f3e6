"""People as administrators govern them: role, permissions, quota, the end. Owns `users` too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from registry import admins, audit, farewell, jobs, models, ownership, people, quotas, sessions
from registry.core import Registry
from registry.errors import Conflict, InvalidInput
from registry.policy import PERMISSIONS
from registry.records import ROLES, Actor, Page, Person, Role
from registry.tables import SessionRow, UserRow

MOST_MB, MOST_MODELS = 100_000_000, 1_000_000


def find(
    reg: Registry,
    actor: Actor,
    text: str = "",
    *,
    role: str = "",
    page: int = 1,
    size: int = 25,
) -> Page[Person]:
    """Accounts by user name, whose user name, name or e-mail has `text` in it.

    Raises:
        Forbidden: The actor is no admin.
    """
    admins.need(actor)
    where = _like(text)
    if role:
        where.append(UserRow.role == role)
    with reg.reading() as s:
        total = s.execute(select(func.count()).select_from(UserRow).where(*where)).scalar_one()
        rows = s.execute(
            select(UserRow)
            .where(*where)
            .order_by(UserRow.username)
            .limit(size)
            .offset((page - 1) * size)
        ).scalars()
        return Page(tuple(_records(s, reg, list(rows))), total, page, size)


def get(reg: Registry, actor: Actor, username: str) -> Person:
    """One account.

    Raises:
        Forbidden: The actor is no admin.
        NotFound: There is no such user.
    """
    admins.need(actor)
    with reg.reading() as s:
        return _records(s, reg, [people.named_in(s, username)])[0]


def set_role(reg: Registry, actor: Actor, username: str, role: Role) -> Person:
    """Change somebody's role, at once also for open sessions and tokens.

    Raises:
        InvalidInput: There is no such role.
        Forbidden: The actor is no admin.
        NotFound: There is no such user.
        Conflict: It is the only administrator.
    """
    admins.need(actor)
    if role not in ROLES:
        raise InvalidInput({"role": f"must be one of {', '.join(ROLES)}"})
    with reg.writing() as s:
        row = people.named_in(s, username)
        before, row.role = row.role, role
        admins.keep_one_in(s)
        audit.record(s, actor, "account.role", row.username, before=before, role=role)
        return _records(s, reg, [row])[0]


def permit(reg: Registry, actor: Actor, username: str, permissions: Sequence[str]) -> Person:
    """Leave somebody just these permissions of their role, at once also for sessions and tokens.

    Raises:
        InvalidInput: One is no permission of their role.
        Forbidden: The actor is no admin.
        NotFound: There is no such user.
        Conflict: It is the only administrator.
    """
    admins.need(actor)
    with reg.writing() as s:
        row = people.named_in(s, username)
        of_role = PERMISSIONS[cast("Role", row.role)]
        if beyond := sorted(set(permissions) - of_role):
            said = f"a {row.role} does not have {', '.join(beyond)}; change the role"
            raise InvalidInput({"permissions": said})
        row.denied = sorted((set(row.denied) - of_role) | (of_role - set(permissions)))
        admins.keep_one_in(s)
        audit.record(s, actor, "account.permissions", row.username, denied=row.denied)
        return _records(s, reg, [row])[0]


def set_quota(
    reg: Registry,
    actor: Actor,
    username: str,
    *,
    quota_mb: int | None = None,
    quota_models: int | None = None,
) -> Person:
    """Limit what somebody may keep here.

    Args:
        quota_mb: MiB; 0 for no limit, None for that of the settings.
        quota_models: Number of models; 0 for no limit, None for that of the settings.

    Raises:
        InvalidInput: A number does not fit.
        Forbidden: The actor is no admin.
        NotFound: There is no such user.
    """
    admins.need(actor)
    wanted = {"quota_mb": (quota_mb, MOST_MB), "quota_models": (quota_models, MOST_MODELS)}
    if problems := {
        name: f"must be 0 to {most:,}"
        for name, (value, most) in wanted.items()
        if value is not None and not 0 <= value <= most
    }:
        raise InvalidInput(problems)
    with reg.writing() as s:
        row = people.named_in(s, username)
        row.quota_mb, row.quota_models = quota_mb, quota_models
        audit.record(s, actor, "account.quota", row.username, mb=quota_mb, models=quota_models)
        return _records(s, reg, [row])[0]


def remove(reg: Registry, actor: Actor, username: str, heir: str = "") -> None:
    """Delete somebody's account for good.

    Args:
        heir: User name of who gets all their models; "" deletes the models with the account.

    Raises:
        InvalidInput: There is no such heir.
        Forbidden: The actor is no admin.
        NotFound: There is no such user.
        Conflict: It is the actor's own account or the only administrator; the heir has a model of
            the same address; or, without an heir, others rely on a model.
    """
    admins.need(actor)
    with reg.writing() as s:
        row = people.named_in(s, username)
        if row.id == actor.id:
            raise Conflict("this is your own account: delete it on the Account page")
        if row.role == "admin":
            admins.keep_one_in(s, without=row.id)
        n = ownership.count_in(s, row.id)
        if heir:
            ownership.hand_over_all_in(s, actor, row, models.user_named(s, heir))
        else:
            farewell.purge_models_in(s, reg, actor, row)
        jobs.cancel_of_in(s, row.id)
        sessions.drop_in(s, row.id)
        farewell.clear_rows_in(s, reg, sessions.actor_of(row))
        s.delete(row)
        audit.record(s, actor, "account.remove", row.username, heir=heir, models=n)


def _like(text: str) -> list[ColumnElement[bool]]:
    wanted = text.strip().casefold()
    columns = (UserRow.username, UserRow.name, UserRow.email)
    return [or_(*(c.icontains(wanted, autoescape=True) for c in columns))] if wanted else []


def _records(s: Session, reg: Registry, rows: Sequence[UserRow]) -> list[Person]:
    ids = [row.id for row in rows]
    newest = (
        select(SessionRow.user_id, func.max(SessionRow.seen_at))
        .where(SessionRow.user_id.in_(ids))
        .group_by(SessionRow.user_id)
    )
    seen: dict[str, datetime] = dict(s.execute(newest).all())
    kept = quotas.of_users_in(s, reg, rows)
    return [
        Person(
            username=row.username,
            name=row.name,
            email=row.email,
            role=cast("Role", row.role),
            denied=tuple(row.denied),
            disabled=row.disabled,
            created_at=row.created_at,
            seen_at=max((t for t in (seen.get(row.id), row.last_sign_in_at) if t), default=None),
            quota=kept[row.id],
            quota_mb=row.quota_mb,
            quota_models=row.quota_models,
        )
        for row in rows
    ]

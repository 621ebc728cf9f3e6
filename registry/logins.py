"""Logins by the API: a short secret to ask with, a long one to get the next two. Owns `logins`.

The short one is signed and names its login, which must still be alive. The long one works once:
used again, it was stolen from whoever used it first or from whoever comes now, and the login ends.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer
from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from registry import audit, rates
from registry.calling import Login
from registry.core import Registry
from registry.errors import NotSignedIn
from registry.memory import recalled
from registry.people import actor_of
from registry.records import Actor
from registry.tables import LoginRow, UserRow, new_id, now

ACCESS, REFRESH = "vta_", "vtf_"
ACCESS_S = 900
LASTS = timedelta(days=30)
_OVER = "this login is over. Sign in again."


def open_login(reg: Registry, actor: Actor) -> Login:
    """A login for an actor who just proved who they are; it lasts 30 days."""
    moment, login_id = now(), new_id()
    login = _issued(reg, login_id, moment + LASTS)
    with reg.writing() as s:
        past = moment - timedelta(days=1)
        s.execute(
            delete(LoginRow).where(or_(LoginRow.expires_at < past, LoginRow.revoked_at < past))
        )
        s.add(
            LoginRow(
                id=login_id,
                user_id=actor.id,
                refresh_hash=_digest(login.refresh),
                expires_at=moment + LASTS,
            )
        )
        audit.record(s, actor, "login.open", actor.username)
    return login


def by_access(reg: Registry, secret: str) -> Actor:
    """Who asks by this short secret.

    Raises:
        NotSignedIn: It is none of ours, older than 15 minutes, or its login is over.
    """
    try:
        login_id = _short(reg).loads(secret.removeprefix(ACCESS), max_age=ACCESS_S)
    except BadData:
        raise NotSignedIn("this access token is over: refresh it, or sign in again") from None
    found = recalled(_holder, reg, login_id)
    if found is None or found[1] <= now():
        raise NotSignedIn(_OVER)
    return found[0]


def refresh(reg: Registry, secret: str) -> Login:
    """Swap the long secret for the next two; it works once.

    Raises:
        NotSignedIn: It is none of ours, its login is over, or it was used before: then the login
            ends here, for whoever holds it.
        RateLimited: There were too many calls within the last minute; it was not used.
    """
    login_id = _login_of(reg, secret)
    with reg.writing() as s:
        row = _alive_in(s, login_id)
        user = s.get_one(UserRow, row.user_id)
        if hmac.compare_digest(row.refresh_hash, _digest(secret)):
            rates.spend_call(reg, actor_of(user))
            login = _issued(reg, login_id, row.expires_at)
            row.refresh_hash, row.refreshed_at = _digest(login.refresh), now()
            return login
        row.revoked_at = now()
        audit.record(s, actor_of(user), "login.reuse", user.username)
    raise NotSignedIn("this refresh token was used before, so the login has ended. Sign in again.")


def end(reg: Registry, secret: str) -> None:
    """End the login of a long secret, an old one too; one that is over is left alone."""
    try:
        login_id = _login_of(reg, secret)
        with reg.writing() as s:
            row = _alive_in(s, login_id)
            row.revoked_at = now()
            user = s.get_one(UserRow, row.user_id)
            audit.record(s, actor_of(user), "login.end", user.username)
    except NotSignedIn:
        return


def revoke_in(s: Session, user_id: str) -> None:
    """End a user's logins, inside the caller's transaction."""
    s.execute(
        update(LoginRow)
        .where(LoginRow.user_id == user_id, LoginRow.revoked_at.is_(None))
        .values(revoked_at=now())
    )


def _holder(reg: Registry, login_id: str) -> tuple[Actor, datetime] | None:
    """Who the login belongs to, and when it ends."""
    with reg.reading() as s:
        found = s.execute(_ALIVE, {"known": login_id}).first()
        return (actor_of(found[1]), found[0].expires_at) if found else None


_ALIVE = (
    select(LoginRow, UserRow)
    .join(UserRow, UserRow.id == LoginRow.user_id)
    .where(
        LoginRow.id == bindparam("known"),
        LoginRow.revoked_at.is_(None),
        UserRow.disabled.is_(False),
    )
)


def _alive_in(s: Session, login_id: str) -> LoginRow:
    row = s.execute(_ALIVE, {"known": login_id}).scalar_one_or_none()
    if row is None or row.expires_at <= now():
        raise NotSignedIn(_OVER)
    return row


def _issued(reg: Registry, login_id: str, expires_at: datetime) -> Login:
    """The next two secrets of a login."""
    access = ACCESS + str(_short(reg).dumps(login_id))
    long = REFRESH + str(_long(reg).dumps([login_id, secrets.token_urlsafe(24)]))
    return Login(access, long, now() + timedelta(seconds=ACCESS_S), expires_at)


def _login_of(reg: Registry, secret: str) -> str:
    try:
        login_id, _ = _long(reg).loads(secret.removeprefix(REFRESH))
    except (BadData, ValueError, TypeError):
        raise NotSignedIn("this is no refresh token of ours. Sign in again.") from None
    return str(login_id)


def _short(reg: Registry) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(reg.secret, salt="vitrine.access")


def _long(reg: Registry) -> URLSafeSerializer:
    return URLSafeSerializer(reg.secret, salt="vitrine.refresh")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

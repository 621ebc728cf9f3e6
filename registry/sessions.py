"""Sessions: who is signed in, in which browser. Owns `sessions`.

Signing in gives a session and a one-time ticket; the browser swaps the ticket for an opaque
token by HTTP (`redeem`) and keeps it in an HttpOnly cookie. Only hashes are stored.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Select, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from registry import audit, logins
from registry.core import Registry
from registry.errors import NotSignedIn
from registry.people import actor_of as actor_of
from registry.records import Actor
from registry.tables import SessionRow, UserRow, now

TICKET_S = 60
_SEEN_EVERY = timedelta(minutes=5)


def open_session(reg: Registry, actor: Actor) -> tuple[str, str]:
    """A fresh session for an actor who just proved who they are.

    Returns:
        The session's id, for the server's own memory, and the ticket, for `redeem` within 60 s.
    """
    ticket = secrets.token_urlsafe(32)
    moment = now()
    with reg.writing() as s:
        _sweep_in(s)
        row = SessionRow(
            user_id=actor.id,
            ticket_hash=_digest(ticket),
            ticket_expires_at=moment + timedelta(seconds=TICKET_S),
            expires_at=moment + timedelta(hours=reg.settings.session_max_h),
        )
        s.add(row)
        audit.record(s, actor, "session.open", actor.username)
        return row.id, ticket


def redeem(reg: Registry, ticket: str) -> str:
    """Swap a ticket for the session's token; works once.

    Raises:
        NotSignedIn: The ticket is unknown, used or older than 60 s.
    """
    token = secrets.token_urlsafe(32)
    moment = now()
    with reg.writing() as s:
        changed = s.execute(
            update(SessionRow)
            .where(
                SessionRow.ticket_hash == _digest(ticket),
                SessionRow.ticket_expires_at > moment,
                SessionRow.revoked_at.is_(None),
            )
            .values(token_hash=_digest(token), ticket_hash=None, ticket_expires_at=None)
            .returning(SessionRow.id)
        ).first()
    if changed is None:
        raise NotSignedIn("this sign-in took too long. Sign in again.")
    return token


def redeemed(reg: Registry, session_id: str) -> bool:
    """Whether the browser has its cookie."""
    with reg.reading() as s:
        row = s.get(SessionRow, session_id)
        return row is not None and row.token_hash is not None


def by_token(reg: Registry, token: str) -> tuple[Actor, str] | None:
    """Who holds this token, and the session's id; None when it is not, or no longer, valid."""
    return _alive(reg, _BY_TOKEN, _digest(token)) if token else None


def by_session(reg: Registry, session_id: str) -> Actor | None:
    """Who this session belongs to; None when it has ended."""
    found = _alive(reg, _BY_ID, session_id)
    return found[0] if found else None


def sign_out(reg: Registry, session_id: str) -> None:
    """End a session, in all its tabs. An ended or unknown session is left alone."""
    with reg.writing() as s:
        row = s.get(SessionRow, session_id)
        if row is None or row.revoked_at is not None:
            return
        row.revoked_at = now()
        user = s.get_one(UserRow, row.user_id)
        audit.record(s, actor_of(user), "account.sign_out", user.username)


def sign_out_everywhere(reg: Registry, actor: Actor, keep_session: str = "") -> int:
    """End the actor's sessions in every browser but `keep_session`; gives how many."""
    with reg.writing() as s:
        n = revoke_in(s, actor.id, keep_session)
        audit.record(s, actor, "account.sign_out_everywhere", actor.username, sessions=n)
        return n


def revoke_in(s: Session, user_id: str, keep_session: str = "") -> int:
    """End a user's live sessions and logins, inside the caller's transaction; how many sessions."""
    logins.revoke_in(s, user_id)
    ended = s.execute(
        update(SessionRow)
        .where(
            SessionRow.user_id == user_id,
            SessionRow.revoked_at.is_(None),
            SessionRow.id != keep_session,
        )
        .values(revoked_at=now())
        .returning(SessionRow.id)
    )
    return len(ended.all())


def drop_in(s: Session, user_id: str) -> None:
    """Remove a user's sessions, inside the caller's transaction."""
    s.execute(delete(SessionRow).where(SessionRow.user_id == user_id))


_Live = Select[str, datetime, UserRow]
_LIVE: _Live = (
    select(SessionRow.id, SessionRow.seen_at, UserRow)
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(
        SessionRow.revoked_at.is_(None),
        SessionRow.expires_at > bindparam("moment"),
        SessionRow.seen_at > bindparam("idle_since"),
        UserRow.disabled.is_(False),
    )
)
_BY_ID = _LIVE.where(SessionRow.id == bindparam("known"))
_BY_TOKEN = _LIVE.where(SessionRow.token_hash == bindparam("known"))


def _alive(reg: Registry, which: _Live, known: str) -> tuple[Actor, str] | None:
    moment = now()
    idle = timedelta(hours=reg.settings.session_idle_h)
    with reg.reading() as s:
        asked = {"moment": moment, "idle_since": moment - idle, "known": known}
        found = s.execute(which, asked).first()
        if found is None:
            return None
        session, seen_at, user = found
        actor = actor_of(user)
    if seen_at < moment - min(_SEEN_EVERY, idle / 4):
        with reg.writing() as s:
            s.execute(update(SessionRow).where(SessionRow.id == session).values(seen_at=moment))
    return actor, session


def _sweep_in(s: Session) -> None:
    """Forget sessions that ended more than a day ago."""
    past = now() - timedelta(days=1)
    s.execute(
        delete(SessionRow).where(or_(SessionRow.expires_at < past, SessionRow.revoked_at < past))
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""Tokens of the API: made, used, counted down, revoked. Owns `tokens`.

A token is shown once, when it is made; kept are its SHA-256 and its first characters. A fast hash
is enough, other than for passwords: a secret of 192 random bits cannot be guessed at any speed,
and the hash can be looked up.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from registry import audit, policy, sessions
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn
from registry.memory import recalled
from registry.records import Actor, Token
from registry.tables import TokenRow, UserRow, now

PERMISSIONS = ("search", "download", "predict", "upload", "delete")
DAYS, MOST_DAYS, CALLS, MOST_CALLS = 30, 365, 1_000, 1_000_000
MOST_TOKENS = 50
_LABEL, _RANDOM_BYTES, _SHOWN = "vtr_", 24, 12
_KEPT_AFTER_END = timedelta(days=30)
_SECRET = re.compile(r"vtr_[A-Za-z0-9_-]{32}[0-9a-f]{8}")
_WRONG = "this token is not valid: it may be mistyped, revoked or expired. Make a new one."


def create(
    reg: Registry,
    actor: Actor,
    name: str,
    permissions: Sequence[str],
    days: int = DAYS,
    calls: int = CALLS,
) -> tuple[Token, str]:
    """Make a token for scripts of the actor.

    Args:
        name: What it is for, in the actor's words.
        permissions: Some of `PERMISSIONS`; what the role loses later, the token loses too.
        days: Days until it expires, 1 to 365.
        calls: How often it can be used, 1 to 1,000,000.

    Returns:
        The token and its secret, which cannot be shown again.

    Raises:
        InvalidInput: A field does not fit.
        Forbidden: The actor's role does not include a permission, or the actor is a token.
        Conflict: The actor has very many already.
    """
    _require(actor)
    name = _checked(actor, name, permissions, days, calls)
    secret = _new_secret()
    with reg.writing() as s:
        _sweep_in(s)
        if len(s.execute(select(TokenRow.id).where(*_live_of(actor))).all()) >= MOST_TOKENS:
            raise Conflict(f"you have {MOST_TOKENS} tokens already: revoke one you do not use")
        row = _row(actor, name, secret, permissions)
        row.calls_left, row.expires_at = calls, row.created_at + timedelta(days=days)
        s.add(row)
        s.flush()
        may = row.permissions
        audit.record(s, actor, "token.create", row.prefix, permissions=may, days=days, calls=calls)
        return _record(row), secret


def find(reg: Registry, actor: Actor) -> tuple[Token, ...]:
    """The actor's tokens, newest first; those that ended are listed for 30 days more.

    Raises:
        Forbidden: The actor is a token.
    """
    _require(actor)
    with reg.reading() as s:
        rows = s.execute(
            select(TokenRow)
            .where(TokenRow.user_id == actor.id, ~_long_over())
            .order_by(TokenRow.created_at.desc(), TokenRow.id.desc())
        ).scalars()
        return tuple(_record(row) for row in rows)


def revoke(reg: Registry, actor: Actor, token_id: str) -> None:
    """End a token at once; an ended one is left alone.

    Raises:
        NotFound: The actor has no such token.
        Forbidden: The actor is a token.
    """
    _require(actor)
    with reg.writing() as s:
        row = s.get(TokenRow, token_id)
        if row is None or row.user_id != actor.id:
            raise NotFound("you have no such token")
        if row.revoked_at is None:
            row.revoked_at = now()
            audit.record(s, actor, "token.revoke", row.prefix)


def revoke_all(reg: Registry, actor: Actor) -> int:
    """End all tokens of the actor at once; gives how many were live.

    Raises:
        Forbidden: The actor is a token.
    """
    _require(actor)
    with reg.writing() as s:
        ended = s.execute(
            update(TokenRow)
            .where(*_live_of(actor))
            .values(revoked_at=now())
            .returning(TokenRow.prefix)
        ).scalars()
        prefixes = sorted(ended)
        if prefixes:
            audit.record(s, actor, "token.revoke_all", actor.username, tokens=prefixes)
        return len(prefixes)


def _require(actor: Actor) -> None:
    if why := policy.why_not(actor, None, "token.make"):
        raise Forbidden(why)


def use(
    reg: Registry,
    secret: str,
    permission: str,
    before: Callable[[Registry, Actor], object] | None = None,
) -> Actor:
    """Who asks by this secret, for something that needs `permission` if any; counts one call.

    Args:
        before: Asked before the call is counted: what it refuses costs nothing.

    Raises:
        NotSignedIn: There is no such token, or it is over, or its person is disabled.
        Forbidden: It does not permit this, or has no calls left.
    """
    if not is_whole(secret):
        raise NotSignedIn(_WRONG)
    found = recalled(_holder, reg, _digest(secret))  # what is not valid costs the writers no turn
    if found is None:
        raise NotSignedIn(_WRONG)
    token_id, actor = found
    if permission and (why := policy.why_no(actor, permission)):
        raise Forbidden(why)
    if before:
        before(reg, actor)
    with reg.counting() as c:
        taken = c.execute(_TAKE, {"known": token_id, "moment": now()}).first()
    if taken is None:
        raise Forbidden("this token has no calls left, or is over; make a new one")
    return actor


def give_back(reg: Registry, secret: str) -> None:
    """Take back the count of a call that was refused as one too many, once per such call."""
    with reg.counting() as c:
        c.execute(_GIVE, {"known": _digest(secret)})


def is_whole(secret: str) -> bool:
    """Whether the text is a token by its form: the last 8 digits check the rest."""
    return bool(_SECRET.fullmatch(secret)) and secret[-8:] == _check(secret[:-8])


def _holder(reg: Registry, digest: str) -> tuple[str, Actor] | None:
    """The id of the token and who asks by it."""
    with reg.reading() as s:
        found = s.execute(_HOLDER, {"known": digest, "moment": now()}).first()
    if found is None:
        return None
    row, user = found
    permitted = frozenset(row.permissions)
    return row.id, replace(sessions.actor_of(user), token=row.prefix, permitted=permitted)


_LIVE = (TokenRow.revoked_at.is_(None), TokenRow.expires_at > bindparam("moment"))
_HOLDER = (
    select(TokenRow, UserRow)
    .join(UserRow, UserRow.id == TokenRow.user_id)
    .where(TokenRow.token_hash == bindparam("known"), *_LIVE, UserRow.disabled.is_(False))
)
# One statement: two calls at once cannot both take the last one.
_TAKE = (
    update(TokenRow)
    .where(
        TokenRow.id == bindparam("known"),
        TokenRow.calls_left > 0,
        *_LIVE,
        exists().where(UserRow.id == TokenRow.user_id, UserRow.disabled.is_(False)),
    )
    .values(calls_left=TokenRow.calls_left - 1, last_used_at=bindparam("moment"))
    .returning(TokenRow.id)
)


_GIVE = (
    update(TokenRow)
    .where(TokenRow.token_hash == bindparam("known"))
    .values(calls_left=TokenRow.calls_left + 1)
)


def _new_secret() -> str:
    """192 random bits between a label and a checksum, by which scanners of secrets know it."""
    body = _LABEL + secrets.token_urlsafe(_RANDOM_BYTES)
    return body + _check(body)


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checked(actor: Actor, name: str, permissions: Sequence[str], days: int, calls: int) -> str:
    """The name as it is kept; problems of all fields at once."""
    name = " ".join(name.split())
    problems = {}
    if not 1 <= len(name) <= 100 or any(unicodedata.category(c)[0] == "C" for c in name):
        problems["name"] = "must have 1 to 100 characters, none of them invisible"
    if not permissions or not set(permissions) <= set(PERMISSIONS):
        problems["permissions"] = f"must be one or more of {', '.join(PERMISSIONS)}"
    if not 1 <= days <= MOST_DAYS:
        problems["days"] = f"must be 1 to {MOST_DAYS}"
    if not 1 <= calls <= MOST_CALLS:
        problems["calls"] = f"must be 1 to {MOST_CALLS:,}"
    if problems:
        raise InvalidInput(problems)
    if beyond := sorted(set(permissions) - policy.permissions(actor)):
        raise Forbidden(policy.why_no(actor, beyond[0]))
    return name


def _row(actor: Actor, name: str, secret: str, permissions: Sequence[str]) -> TokenRow:
    return TokenRow(
        user_id=actor.id,
        name=name,
        prefix=secret[:_SHOWN],
        token_hash=_digest(secret),
        permissions=[p for p in PERMISSIONS if p in permissions],
        created_at=now(),
    )


def _live_of(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return (
        TokenRow.user_id == actor.id,
        TokenRow.revoked_at.is_(None),
        TokenRow.expires_at > now(),
    )


def _long_over() -> ColumnElement[bool]:
    past = now() - _KEPT_AFTER_END
    revoked = TokenRow.revoked_at.is_not(None) & (TokenRow.revoked_at < past)
    return or_(revoked, TokenRow.expires_at < past)


def _sweep_in(s: Session) -> None:
    s.execute(delete(TokenRow).where(_long_over()))


def _record(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        permissions=tuple(row.permissions),
        calls_left=row.calls_left,
        expires_at=row.expires_at,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )

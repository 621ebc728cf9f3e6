"""Guesses at passwords: counted per typed name and per address. Owns `sign_ins`."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit, passwords
from registry.core import Registry
from registry.errors import NotSignedIn, RateLimited
from registry.records import GUEST
from registry.tables import SignInRow, UserRow, now

FREE_FAILURES = 5
_FIRST_DELAY_S, _LONGEST_DELAY_S = 10.0, 900.0
_FORGET_AFTER = timedelta(hours=1)
_WRONG = "The user name or the password is not right. Check both and try again."
_LIMITS = {"guess": "60 per 10 minutes", "register": "20 per hour"}


def check(reg: Registry, username: str, password: str, address: str = "") -> UserRow:
    """The row of the user whose name and password these are (detached, to read).

    The try is counted before the password is looked at, so that many at once count too. An
    unknown name costs the same time, the same rows and the same message.

    Raises:
        NotSignedIn: Name and password do not belong together, or the account is disabled.
        RateLimited: Too many tries for this name or from this address.
    """
    typed = username.strip().casefold()[:64]
    allow("guess", address)
    with reg.writing() as s:
        failures = _count_in(s, typed)
        user = s.execute(select(UserRow).where(UserRow.username == typed)).scalar_one_or_none()
    if not passwords.matches(user.password_hash if user else None, password) or user is None:
        if failures == FREE_FAILURES:
            with reg.writing() as s:
                # People type passwords into the wrong field: only real names are written down.
                audit.record(s, GUEST, "account.lock", typed if user else "(unknown name)")
        raise NotSignedIn(_WRONG)
    if user.disabled:
        raise NotSignedIn("This account is disabled. Ask an administrator to enable it.")
    with reg.writing() as s:
        forget_in(s, typed)
    return user


def allow(kind: str, address: str) -> None:
    """Count one try from an address ("" for one not known, which is not counted).

    Raises:
        RateLimited: There were too many.
    """
    limiter, item = _limiter(), _item(kind)
    if not address or limiter.hit(item, kind, address):
        return
    wait_s = max(1.0, limiter.get_window_stats(item, kind, address).reset_time - now().timestamp())
    raise RateLimited(f"Too many tries from your address. Try again in {_words(wait_s)}.", wait_s)


def forget_in(s: Session, username: str) -> None:
    """Clear the count of a name."""
    s.execute(delete(SignInRow).where(SignInRow.username == username))


def _count_in(s: Session, typed: str) -> int:
    """Count one try as a failure until it proves right; gives how many there are now."""
    moment = now()
    s.execute(delete(SignInRow).where(SignInRow.locked_until < moment - _FORGET_AFTER))
    row = s.get(SignInRow, typed)
    if row is None:
        row = SignInRow(username=typed, failures=0)
        s.add(row)
    if row.locked_until and row.locked_until > moment:
        wait_s = (row.locked_until - moment).total_seconds()
        raise RateLimited(
            f"Too many wrong tries for this name. Try again in {_words(wait_s)}.", wait_s
        )
    row.failures += 1
    over = row.failures - FREE_FAILURES
    delay_s = 0.0 if over < 0 else min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2**over)
    row.locked_until = moment + timedelta(seconds=delay_s)
    return row.failures


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


@cache
def _limiter() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


@cache
def _item(kind: str) -> RateLimitItem:
    return parse(_LIMITS[kind])

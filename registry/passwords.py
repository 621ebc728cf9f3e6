"""Passwords: what is accepted, and argon2id hashes of them. No database."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MIN_LENGTH, MAX_LENGTH = 12, 128
_MIN_DISTINCT = 5
# One hash takes 19 MiB and a core for about 50 ms: more at once would starve the pages.
_PARALLEL_HASHES = 2
_turn = threading.BoundedSemaphore(_PARALLEL_HASHES)
# Source: OWASP Password Storage Cheat Sheet, "Argon2id": 19 MiB, t=2, p=1.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def problem(password: str, *, username: str = "") -> str:
    """What is wrong with a new password, as half a sentence; "" when it is fine."""
    text = _normal(password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return f"must have {MIN_LENGTH} to {MAX_LENGTH} characters, this one has {len(text)}"
    if len(set(text)) < _MIN_DISTINCT:
        return f"must have at least {_MIN_DISTINCT} different characters"
    if len(username) > 3 and username.casefold() in text.casefold():
        return "must not contain the user name"
    return ""


def hashed(password: str) -> str:
    """The argon2id hash to keep, with its parameters and salt."""
    with _turn:
        return _hasher.hash(_normal(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed.

    None takes as long as a real hash and is always False: unknown names look like known ones.
    """
    text = _normal(password)
    if len(text) > MAX_LENGTH:
        text = ""
    with _turn:
        try:
            return _hasher.verify(password_hash or _dummy(), text) and password_hash is not None
        except (Argon2Error, InvalidHashError):
            return False


def _normal(password: str) -> str:
    """One spelling of what was typed, however keyboard and clipboard composed it."""
    return unicodedata.normalize("NFKC", password[: MAX_LENGTH * 8]).strip()


@cache
def _dummy() -> str:
    return _hasher.hash(secrets.token_hex(16))

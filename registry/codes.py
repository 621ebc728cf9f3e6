"""One-time codes: the first admin's set-up code, invitations and password resets. Owns `codes`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Literal

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from registry.core import Registry
from registry.errors import InvalidInput
from registry.tables import CodeRow, now

_LIFE = {"invite": timedelta(days=7), "reset": timedelta(hours=24)}
_STALE = "is not valid, was used already or has expired; ask an administrator for a new one"
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"


def setup_code(reg: Registry) -> str:
    """What the first visitor types to become admin; the same at every start until then."""
    if reg.settings.setup_code:
        return reg.settings.setup_code
    mac = hmac.new(reg.secret, b"vitrine set-up code", hashlib.sha256).digest()
    return _grouped(base64.b32encode(mac).decode()[:16])


def is_setup_code(reg: Registry, typed: str) -> bool:
    """Whether the typed code is the set-up code; hyphens, spaces and case do not matter."""
    return hmac.compare_digest(_plain(typed).encode(), _plain(setup_code(reg)).encode())


def issue_in(s: Session, kind: Literal["invite", "reset"], user_id: str | None) -> str:
    """A new code, shown once; a reset code replaces the user's earlier ones."""
    s.execute(delete(CodeRow).where(or_(CodeRow.expires_at < now(), CodeRow.used_at.is_not(None))))
    if kind == "reset":
        s.execute(delete(CodeRow).where(CodeRow.kind == kind, CodeRow.user_id == user_id))
    code = "".join(secrets.choice(_LETTERS) for _ in range(16))
    s.add(
        CodeRow(code_hash=_digest(code), kind=kind, user_id=user_id, expires_at=now() + _LIFE[kind])
    )
    s.flush()
    return _grouped(code)


def use_in(s: Session, kind: Literal["invite", "reset"], typed: str) -> str | None:
    """Use a code up; gives the id of the user it was made for or by.

    Raises:
        InvalidInput: The code is unknown, used or expired.
    """
    row = s.execute(
        select(CodeRow).where(
            CodeRow.code_hash == _digest(_plain(typed)),
            CodeRow.kind == kind,
            CodeRow.used_at.is_(None),
            CodeRow.expires_at > now(),
        )
    ).scalar_one_or_none()
    if row is None:
        raise InvalidInput({"code": _STALE})
    row.used_at = now()
    return row.user_id


def drop_in(s: Session, user_id: str) -> None:
    """Forget a user's reset codes."""
    s.execute(delete(CodeRow).where(CodeRow.kind == "reset", CodeRow.user_id == user_id))


def _plain(typed: str) -> str:
    return "".join(c for c in typed.upper() if c.isalnum())


def _grouped(code: str) -> str:
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()

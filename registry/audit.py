"""Audit lines: who did what, when; append-only and chained with an HMAC. Owns `audit`."""

from __future__ import annotations

import hmac
import json
import re
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor
from registry.tables import AuditRow, now

_FIRST = "0" * 64


def record(
    s: Session,
    actor: Actor,
    action: str,
    subject: str,
    *,
    model_id: str | None = None,
    **detail: Any,
) -> None:
    """Append one line to the chain, inside the caller's writing transaction.

    What was done by a token is told from what the person did.
    """
    detail |= {"token": actor.token} if actor.token else {}
    last = s.execute(select(AuditRow.mac).order_by(AuditRow.id.desc()).limit(1)).scalar()
    row = AuditRow(
        at=now(),
        actor_id=actor.id,
        actor=actor.username,
        action=action,
        subject=subject[:400],
        model_id=model_id,
        detail=detail,
    )
    row.mac = _mac(s.info["secret"], last or _FIRST, row)
    s.add(row)
    s.flush()


def head(reg: Registry) -> str:
    """The newest line, as `number:code`: kept elsewhere, it shows later that none was cut off."""
    with reg.reading() as s:
        newest = s.execute(select(AuditRow.id, AuditRow.mac).order_by(AuditRow.id.desc()).limit(1))
        return next((f"{number}:{mac}" for number, mac in newest), "")


def verify(reg: Registry, head: str = "") -> int | None:
    """The id of the first line that is missing or does not fit the chain; None when all do.

    Args:
        head: What `head` said once; lines up to there must be there still.

    Raises:
        InvalidInput: `head` is nothing that `head` says.
    """
    known_id, known_mac = _parsed(head)
    last, expected_id = _FIRST, 0
    with reg.reading() as s:
        for row in s.execute(_ALL).yield_per(1000):
            if expected_id and row.id != expected_id:
                return expected_id
            if not hmac.compare_digest(row.mac, _mac(reg.secret, last, row)):
                return int(row.id)
            if row.id == known_id and row.mac != known_mac:
                return int(row.id)
            last, expected_id = row.mac, row.id + 1
    return (expected_id or 1) if expected_id <= known_id and known_id else None


_ALL = select(
    AuditRow.id,
    AuditRow.at,
    AuditRow.actor_id,
    AuditRow.actor,
    AuditRow.action,
    AuditRow.subject,
    AuditRow.model_id,
    AuditRow.detail,
    AuditRow.mac,
).order_by(AuditRow.id)


def _parsed(head: str) -> tuple[int, str]:
    if not head:
        return 0, ""
    number, _, mac = head.strip().partition(":")
    if not re.fullmatch(r"[1-9][0-9]{0,17}", number) or not re.fullmatch(r"[0-9a-f]{64}", mac):
        raise InvalidInput({"head": "must be what verify-audit printed: number:code"})
    return int(number), mac


def _mac(key: bytes, last: str, row: Any) -> str:
    said = [_stamp(row.at), row.actor_id, row.actor, row.action, row.subject, row.model_id]
    text = json.dumps([*said, row.detail], sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, (last + text).encode(), "sha256").hex()


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")

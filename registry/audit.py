"""Audit lines: who did what, when; append-only and chained with an HMAC. Owns `audit`."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.core import Registry
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


def verify(reg: Registry) -> int | None:
    """The id of the first line that does not fit the chain, or None when all do."""
    with reg.reading() as s:
        last, expected_id = _FIRST, None
        for row in s.execute(select(AuditRow).order_by(AuditRow.id)).scalars().yield_per(1000):
            gap = expected_id is not None and row.id != expected_id
            if gap or not hmac.compare_digest(row.mac, _mac(reg.secret, last, row)):
                return row.id
            last, expected_id = row.mac, row.id + 1
    return None


def _mac(key: bytes, last: str, row: AuditRow) -> str:
    said = [_stamp(row.at), row.actor_id, row.actor, row.action, row.subject, row.model_id]
    text = json.dumps([*said, row.detail], sort_keys=True, separators=(",", ":"))
    return hmac.new(key, (last + text).encode(), hashlib.sha256).hexdigest()


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")

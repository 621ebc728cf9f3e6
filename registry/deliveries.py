"""Tells webhooks what happened: audit lines become deliveries, deliveries become durable jobs.

`collect` reads the audit lines that came since it last did, so that nothing that was committed is
lost when the process is killed. A delivery may arrive twice: `webhook-id` says so. Owns
`deliveries`.

Source: Standard Webhooks 1.0.0 (headers, signature, payload, 410 Gone).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit, fetching, jobs, models, policy, rates, sessions, webhooks
from registry.core import Registry
from registry.errors import Conflict, FetchFailed
from registry.records import SYSTEM, Actor, Delivery
from registry.tables import AuditRow, DeliveryRow, ModelRow, UserRow, WebhookRow, now

KIND, PING = "webhook", "webhook.test"
WAITS_S = (10.0, 60.0, 600.0, 3600.0, 6 * 3600.0)
"""After each failed try but the last, which is the sixth."""
MOST_FAILURES = 20
_AT_ONCE, _SHOWN, _SAID_CHARS = 200, 10, 200
_TOO_OLD, _KEPT = timedelta(days=1), timedelta(days=30)
_TOLD = {"alias.moved": ("alias", "from_", "to", "reason"), "gate.refused": ("alias", "failed")}
"""Event to the details of its audit line that are passed on; of others, none."""
_GONE = 410


def collect(reg: Registry) -> int:
    """Make deliveries of the audit lines that are new; how many. Harmless when repeated."""
    if not reg.settings.webhooks:
        return 0
    with reg.reading() as s:
        newest = webhooks.newest_line_in(s)
        behind = s.execute(_hooks().where(WebhookRow.seen_id < newest).limit(1)).first()
    if behind is None:
        return 0
    with reg.writing() as s:
        hooks = list(s.execute(_hooks().where(WebhookRow.seen_id < newest)).scalars())
        since = min((hook.seen_id for hook in hooks), default=newest)
        lines = list(
            s.execute(
                select(AuditRow).where(AuditRow.id > since).order_by(AuditRow.id).limit(_AT_ONCE)
            ).scalars()
        )
        made = sum(_make(s, hook, line) for hook in hooks for line in lines)
        for hook in hooks:
            hook.seen_id = max(hook.seen_id, lines[-1].id if lines else newest)
        return made


def deliver(reg: Registry, delivery_id: str) -> None:
    """One try; a failed one records the next. Harmless when repeated after a cut."""
    with reg.reading() as s:
        row = s.get(DeliveryRow, delivery_id)
        hook = s.get(WebhookRow, row.webhook_id) if row else None
        if row is None or hook is None or row.state != "waiting":
            return
        why = hook.disabled or why_not_in(s, hook, row.model_id)
        url, body = hook.url, json.dumps(row.body, separators=(",", ":")).encode()
    if why or not reg.settings.webhooks:
        _finish(reg, delivery_id, "failed", None, why or webhooks.OFF)
        return
    try:
        reply = fetching.post(reg.settings, url, _headers(reg, hook.id, delivery_id, body), body)
    except FetchFailed as failed:
        _failed(reg, delivery_id, None, failed.message)
        return
    said = " ".join(reply.body[:2000].decode("utf-8", "replace").split())[:_SAID_CHARS]
    if 200 <= reply.status < 300:
        _finish(reg, delivery_id, "delivered", reply.status, said)
    else:
        _failed(reg, delivery_id, reply.status, said)


def ping(reg: Registry, actor: Actor, webhook_id: str) -> Delivery:
    """Send a webhook a test now.

    Raises:
        Conflict: Webhooks are off, or this one is.
        NotFound: There is none that the actor may change.
        RateLimited: There were too many addresses asked within the last minute.
    """
    with reg.reading() as s:
        webhooks.row_in(s, actor, webhook_id)
    rates.spend_link(reg, actor)
    with reg.writing() as s:
        hook, model = webhooks.row_in(s, actor, webhook_id)
        if why := hook.disabled or ("" if reg.settings.webhooks else webhooks.OFF):
            raise Conflict(why)
        subject = models.address(s, model) if model else actor.username
        audit.record(s, actor, "webhook.ping", subject, model_id=hook.model_id)
        row, job_id = _add(s, hook, PING, {"by": actor.username, "model": subject if model else ""})
        found = _record(row)
    jobs.start(reg, job_id)
    return found


def find(reg: Registry, actor: Actor, webhook_id: str) -> tuple[Delivery, ...]:
    """The last ten deliveries of a webhook, newest first.

    Raises:
        NotFound: There is none that the actor may change.
    """
    with reg.reading() as s:
        hook, _ = webhooks.row_in(s, actor, webhook_id)
        rows = s.execute(
            select(DeliveryRow)
            .where(DeliveryRow.webhook_id == hook.id)
            .order_by(DeliveryRow.created_at.desc(), DeliveryRow.id)
            .limit(_SHOWN)
        ).scalars()
        return tuple(_record(row) for row in rows)


def sweep(reg: Registry) -> None:
    """Forget what was told a month ago."""
    with reg.writing() as s:
        s.execute(delete(DeliveryRow).where(DeliveryRow.created_at < now() - _KEPT))


def signature(key: bytes, delivery_id: str, timestamp: str, body: bytes) -> str:
    """What `webhook-signature` says: `v1,` and the HMAC-SHA256 in base64."""
    said = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()


def why_not_in(s: Session, hook: WebhookRow, model_id: str | None) -> str:
    """Why the person of a webhook is not to be told of a model any more; "" when they are.

    A webhook of one model needs a person who manages it, one of all models who sees it.
    """
    user = s.get(UserRow, hook.user_id)
    if user is None or user.disabled:
        return "the account of its person is disabled"
    actor = sessions.actor_of(user)
    model = s.get(ModelRow, model_id) if model_id else None
    if model is None:
        return ""
    action = "webhook.edit" if hook.model_id else "model.read"
    if policy.why_not(actor, models.level_of(s, actor, model), action):
        return f"{actor.username} has no such access to the model any more"
    return ""


def _hooks() -> Any:
    return select(WebhookRow).where(WebhookRow.disabled == "").order_by(WebhookRow.id)


def _make(s: Session, hook: WebhookRow, line: AuditRow) -> int:
    """The deliveries of one audit line to one webhook."""
    if line.id <= hook.seen_id or line.model_id is None or line.at < now() - _TOO_OLD:
        return 0
    if hook.model_id not in (None, line.model_id) or s.get(ModelRow, line.model_id) is None:
        return 0
    events = [name for name, actions in webhooks.EVENTS.items() if line.action in actions]
    if line.detail.get("held"):  # published straight into quarantine
        events.append("version.quarantined")
    wanted = [event for event in events if event in hook.events]
    if not wanted or why_not_in(s, hook, line.model_id):
        return 0
    for event in wanted:
        _add(s, hook, event, _data(line, event), line.model_id, line.at.isoformat())
    return len(wanted)


def _data(line: AuditRow, event: str) -> dict[str, Any]:
    model, _, number = line.subject.partition("@")
    told = {key.rstrip("_"): line.detail.get(key) for key in _TOLD.get(event, ())}
    version = {"version": int(number)} if number.isdigit() else {}
    return {"model": model, **version, "by": line.actor, **told}


def _add(
    s: Session,
    hook: WebhookRow,
    event: str,
    data: dict[str, Any],
    model_id: str | None = None,
    at: str = "",
) -> tuple[DeliveryRow, str]:
    """A delivery and the job of its first try."""
    body = {"type": event, "timestamp": at or now().isoformat(), "data": data}
    row = DeliveryRow(webhook_id=hook.id, model_id=model_id, event=event, body=body)
    s.add(row)
    s.flush()
    return row, jobs.submit_in(s, SYSTEM, KIND, row.id, event)


def _headers(reg: Registry, webhook_id: str, delivery_id: str, body: bytes) -> dict[str, str]:
    timestamp = str(int(time.time()))
    signed = signature(webhooks.secret(reg, webhook_id), delivery_id, timestamp, body)
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signed,
    }


def _finish(reg: Registry, delivery_id: str, state: str, answered: int | None, said: str) -> None:
    with reg.writing() as s:
        row = s.get(DeliveryRow, delivery_id)
        if row is None:
            return  # removed meanwhile
        row.state, row.answered, row.said = state, answered, said[:_SAID_CHARS]
        row.finished_at = now()
        if state == "delivered":
            row.tries += 1
            s.get_one(WebhookRow, row.webhook_id).failures = 0


def _failed(reg: Registry, delivery_id: str, answered: int | None, said: str) -> None:
    """Note a failed try; record the next, or give up, and switch off what fails for long."""
    with reg.writing() as s:
        row = s.get(DeliveryRow, delivery_id)
        if row is None:
            return  # removed meanwhile
        hook = s.get_one(WebhookRow, row.webhook_id)
        row.tries, row.answered, row.said = row.tries + 1, answered, said[:_SAID_CHARS]
        hook.failures += 1
        if answered == _GONE or hook.failures >= MOST_FAILURES:
            gone = answered == _GONE
            hook.disabled = (
                "it answered 410 Gone" if gone else f"{hook.failures} tries in a row failed"
            )
            audit.record(s, SYSTEM, "webhook.disable", hook.id, model_id=hook.model_id,
                         why=hook.disabled)  # fmt: skip
        if hook.disabled or row.event == PING or row.tries > len(WAITS_S):
            row.state, row.finished_at = "failed", now()
        else:
            jobs.submit_in(s, SYSTEM, KIND, row.id, row.event, WAITS_S[row.tries - 1])


def _record(row: DeliveryRow) -> Delivery:
    return Delivery(
        row.id, row.event, row.state, row.tries or 0, row.answered, row.said or "",
        row.created_at, row.finished_at,
    )  # fmt: skip

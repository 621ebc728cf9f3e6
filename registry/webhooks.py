"""Webhooks: addresses that are told what happened. Owns `webhooks`; `deliveries` tells them.

The secret that signs is nowhere kept: it is made from the server's own key and the webhook's id
whenever it is needed, so that a copy of the database signs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from registry import audit, fetching, models, policy
from registry.core import Registry
from registry.errors import Conflict, FetchFailed, Forbidden, InvalidInput, NotFound
from registry.records import Actor, Webhook
from registry.tables import AuditRow, ModelRow, UserRow, WebhookRow, new_id

EVENTS: dict[str, tuple[str, ...]] = {
    "version.added": ("version.add",),
    "version.ready": ("version.ready",),
    "version.failed": ("version.failed",),
    "version.quarantined": ("version.quarantine",),
    "version.trusted": ("version.trust",),
    "version.refused": ("version.refuse",),
    "version.trashed": ("version.trash",),
    "version.restored": ("version.restore",),
    "alias.moved": ("alias.move", "alias.remove"),
    "gate.refused": ("gate.refuse",),
    "model.edited": ("model.edit",),
    "model.published": ("model.public",),
    "model.made_private": ("model.private",),
    "model.transferred": ("model.transfer",),
    "model.trashed": ("model.trash",),
    "model.restored": ("model.restore",),
}
"""Event to the actions of audit lines that it tells of."""
OFF = "webhooks are off: the operator turns them on with VITRINE_WEBHOOKS=1"
MOST = 10
_NONE = "there is no such webhook of yours"


def add(
    reg: Registry, actor: Actor, url: str, events: Sequence[str], model: str = ""
) -> tuple[Webhook, str]:
    """Tell `url` of what happens from now on.

    Args:
        model: Only this one, which the actor has to manage; "": all that the actor may see.

    Returns:
        The webhook and its secret, which is not shown again.

    Raises:
        InvalidInput: The address or an event does not fit.
        Conflict: Webhooks are off, or there are many already.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it, or is a token.
    """
    _require(actor)
    url, chosen = _checked(reg, url, events)
    with reg.writing() as s:
        row = models.for_action(s, actor, "webhook.edit", model) if model else None
        if not reg.settings.webhooks:
            raise Conflict(OFF)
        if len(s.execute(select(WebhookRow.id).where(*_same(actor, row))).all()) >= MOST:
            raise Conflict(f"there are {MOST} already: remove one that is not used")
        hook = WebhookRow(
            id=new_id(),
            user_id=actor.id,
            model_id=row.id if row else None,
            url=url,
            events=chosen,
            seen_id=newest_line_in(s),
        )
        s.add(hook)
        _note(s, actor, "webhook.add", hook, row)
        s.flush()
        return record_in(s, hook), shown_secret(reg, hook.id)


def find(reg: Registry, actor: Actor, model: str = "") -> tuple[Webhook, ...]:
    """Those of a model, or the actor's own that are of no single one; oldest first.

    Raises:
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it, or is a token.
    """
    _require(actor)
    with reg.reading() as s:
        row = models.for_action(s, actor, "webhook.edit", model) if model else None
        found = select(WebhookRow).where(*_same(actor, row)).order_by(WebhookRow.created_at)
        return tuple(record_in(s, hook) for hook in s.execute(found).scalars())


def remove(reg: Registry, actor: Actor, webhook_id: str) -> None:
    """Tell this address nothing more; what waits is dropped.

    Raises:
        NotFound: There is none that the actor may change.
    """
    with reg.writing() as s:
        hook, model = row_in(s, actor, webhook_id)
        _note(s, actor, "webhook.remove", hook, model)
        s.delete(hook)


def edit(
    reg: Registry,
    actor: Actor,
    webhook_id: str,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
) -> Webhook:
    """Tell another address, or of other events, from now on; None leaves a part alone.

    Raises:
        InvalidInput: The address or an event does not fit.
        NotFound: There is none that the actor may change.
    """
    with reg.writing() as s:
        hook, model = row_in(s, actor, webhook_id)
        told = hook.url if url is None else url, hook.events if events is None else events
        hook.url, hook.events = _checked(reg, *told)
        _note(s, actor, "webhook.edit", hook, model)
        return record_in(s, hook)


def enable(reg: Registry, actor: Actor, webhook_id: str) -> Webhook:
    """Switch one on again that was switched off; what happened meanwhile is not told.

    Raises:
        NotFound: There is none that the actor may change.
    """
    with reg.writing() as s:
        hook, model = row_in(s, actor, webhook_id)
        if hook.disabled:
            hook.disabled, hook.failures, hook.seen_id = "", 0, newest_line_in(s)
            hook.user_id = actor.id
            _note(s, actor, "webhook.enable", hook, model)
        return record_in(s, hook)


def row_in(s: Session, actor: Actor, webhook_id: str) -> tuple[WebhookRow, ModelRow | None]:
    """One that the actor may change: their own, or of a model they manage.

    Raises:
        NotFound: There is none.
    """
    hook = s.get(WebhookRow, webhook_id)
    if hook is None or policy.why_not(actor, None, "webhook.make"):
        raise NotFound(_NONE)
    model = s.get(ModelRow, hook.model_id) if hook.model_id else None
    if model is None:
        if hook.user_id != actor.id:
            raise NotFound(_NONE)
    elif policy.why_not(actor, models.level_of(s, actor, model), "webhook.edit"):
        raise NotFound(_NONE)
    return hook, model


def newest_line_in(s: Session) -> int:
    """The id of the newest audit line; 0 without any."""
    return s.execute(select(func.max(AuditRow.id))).scalar() or 0


def secret(reg: Registry, webhook_id: str) -> bytes:
    """What signs, 32 bytes."""
    return hmac.new(reg.secret, f"webhook {webhook_id}".encode(), hashlib.sha256).digest()


def shown_secret(reg: Registry, webhook_id: str) -> str:
    """As the receiver writes it down. Source: Standard Webhooks 1.0.0, Signature scheme."""
    return "whsec_" + base64.b64encode(secret(reg, webhook_id)).decode()


def record_in(s: Session, hook: WebhookRow) -> Webhook:
    """The record of a row."""
    model = s.get(ModelRow, hook.model_id) if hook.model_id else None
    return Webhook(
        id=hook.id,
        url=hook.url,
        model=models.address(s, model) if model else "",
        events=tuple(hook.events),
        by=s.get_one(UserRow, hook.user_id).username,
        disabled=hook.disabled or "",
        created_at=hook.created_at,
    )


def _same(actor: Actor, model: ModelRow | None) -> tuple[ColumnElement[bool], ...]:
    if model:
        return (WebhookRow.model_id == model.id,)
    return (WebhookRow.user_id == actor.id, WebhookRow.model_id.is_(None))


def _require(actor: Actor) -> None:
    if why := policy.why_not(actor, None, "webhook.make"):
        raise Forbidden(why)


def _note(s: Session, actor: Actor, action: str, hook: WebhookRow, model: ModelRow | None) -> None:
    """An audit line with the host alone: addresses of webhooks often hold secrets."""
    subject = models.address(s, model) if model else actor.username
    host = urlsplit(hook.url).hostname
    audit.record(s, actor, action, subject, model_id=hook.model_id, host=host, events=hook.events)


def _checked(reg: Registry, url: str, events: Sequence[str]) -> tuple[str, list[str]]:
    problems, url = {}, url.strip()
    try:
        fetching.look_at(reg.settings, url)
    except FetchFailed as refused:
        problems["url"] = refused.message
    chosen = [name for name in EVENTS if name in set(events)]
    if not chosen or len(chosen) < len(set(events)):
        problems["events"] = f"must be one or more of {', '.join(EVENTS)}"
    if problems:
        raise InvalidInput(problems)
    return url, chosen

"""Webhooks: addresses that are told what happens. Only after signing in with a password."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from registry import deliveries, webhooks
from registry.core import Registry
from registry.records import Actor
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.cursors import At, Listed
from registry.web.api.documented import may
from registry.web.api.shapes import DeliveryShape, NewWebhook, WebhookShape
from registry.web.api.wanted import WebhookEdit, WebhookWish

router = admission.router("webhooks")
_ONE = "/webhooks/{webhook_id}"


@router.get(
    "/webhooks",
    summary="Webhooks",
    response_model=Listed[WebhookShape],
    **may("webhook.make", 404),
)
async def find(
    by: By,
    at: At,
    model: Annotated[
        str, Query(max_length=300, description="Of this one; left out, yours that are of no one.")
    ] = "",
) -> Response:
    """Oldest first."""
    return await by.answer(
        Listed[WebhookShape], lambda: at.slice(by.reg, webhooks.find(by.reg, by.actor, model))
    )


@router.post(
    "/webhooks",
    summary="Make a webhook",
    response_model=NewWebhook,
    status_code=201,
    **may("webhook.make", 404, 409, body=True),
)
async def make(by: By, wish: WebhookWish) -> Response:
    """Tell an address of what happens; the secret that signs is shown once."""
    return await by.answer(NewWebhook, lambda: _made(by.reg, by.actor, wish), 201)


def _made(reg: Registry, actor: Actor, wish: WebhookWish) -> dict[str, Any]:
    made, secret = webhooks.add(reg, actor, wish.url, wish.events, wish.model)
    return {"webhook": made, "secret": secret}


@router.patch(
    _ONE,
    summary="Edit a webhook",
    response_model=WebhookShape,
    **may("webhook.make", 404, body=True),
)
async def edit(by: By, webhook_id: str, change: WebhookEdit) -> Response:
    """Another address, or other events; the secret stays."""
    told = change.model_dump(exclude_unset=True)
    return await by.tell(WebhookShape, webhooks.edit, webhook_id, **told)


@router.delete(_ONE, summary="Remove a webhook", status_code=204, **may("webhook.make", 404))
async def remove(by: By, webhook_id: str) -> Response:
    """The address is told nothing more."""
    return await by.do(webhooks.remove, webhook_id)


@router.post(
    _ONE + "/enable",
    summary="Switch a webhook on again",
    response_model=WebhookShape,
    **may("webhook.make", 404),
)
async def enable(by: By, webhook_id: str) -> Response:
    """One that was switched off as it failed for long; what happened meanwhile is not told."""
    return await by.tell(WebhookShape, webhooks.enable, webhook_id)


@router.post(
    _ONE + "/test",
    summary="Test a webhook",
    response_model=DeliveryShape,
    status_code=202,
    **may("webhook.make", 404, 409),
)
async def ping(by: By, webhook_id: str) -> Response:
    """Send it an event of its own now; its deliveries say what came of it."""
    return await by.answer(
        DeliveryShape, lambda: deliveries.ping(by.reg, by.actor, webhook_id), 202
    )


@router.get(
    _ONE + "/deliveries",
    summary="Deliveries of a webhook",
    response_model=Listed[DeliveryShape],
    **may("webhook.make", 404),
)
async def told(by: By, at: At, webhook_id: str) -> Response:
    """The last ten, newest first."""
    return await by.answer(
        Listed[DeliveryShape],
        lambda: at.slice(by.reg, deliveries.find(by.reg, by.actor, webhook_id)),
    )

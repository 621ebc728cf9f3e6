"""The API put together; mounted beside the pages at /api/v1."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Match, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.web.api import (
    aliases,
    auditing,
    batches,
    browsing,
    explorer,
    exporting,
    fetching,
    gates,
    governing,
    history,
    measuring,
    models,
    people,
    predicting,
    problems,
    publishing,
    ratings,
    resuming,
    signing_in,
    trust,
    usage,
    versions,
    webhooks,
)
from registry.web.api.documented import SHAPES, show_parameters

PREFIX = "/api/v1"


class _Api(FastAPI):
    """Describes problems once, for all operations."""

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            said = super().openapi()
            known = said["components"]["schemas"]
            for name, shape in SHAPES.items():
                schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
                for inner, more in schema.pop("$defs", {}).items():
                    known.setdefault(inner, more)
                known[name] = schema
            for operations in said["paths"].values():
                for operation in operations.values():
                    show_parameters(operation)
        return super().openapi()


api = _Api(
    title="Vitrine",
    version="1",
    summary="Look at models, change them, ask them for predictions.",
    description=(
        "Every call carries a token: `Authorization: Bearer vtr_…`, made on the account page, or "
        "the access token of a login. "
        "Lists come in pages: `items`, and `next`, the `cursor` of the page after it. "
        "Errors are problem details (RFC 9457): `detail` says what, why and what to do."
    ),
    redirect_slashes=False,  # it would send a caller, and the token, to the host that was asked for
    docs_url=None,  # explorer.py: these would load scripts from elsewhere
    redoc_url=None,
    separate_input_output_schemas=False,
    generate_unique_id_function=lambda route: f"{route.tags[0]}.{route.name.strip('_')}",
    exception_handlers=problems.HANDLERS,
)
_CHANGING = (models, versions, aliases, publishing, resuming)
for part in (predicting, signing_in, people, browsing, fetching, *_CHANGING, explorer):
    api.include_router(part.router)
_QUALITY = (gates, measuring, ratings, trust, usage)
for part in (auditing, batches, exporting, governing, history, *_QUALITY, webhooks):
    api.include_router(part.router)

MOUNT = Mount(PREFIX, app=api)
MOUNT.path_regex = re.compile(MOUNT.path_regex.pattern, re.DOTALL)  # a line break is ours too
_PREDICT = Route(PREFIX + predicting.PATH, predicting.straight, methods=["POST"])
_predicting = Starlette(routes=[_PREDICT], exception_handlers=problems.HANDLERS)


class Straight:
    """ASGI middleware: calls of the API do not pass through what only pages need.

    That is Streamlit's session cookie, its compression and its list of addresses. Predictions do
    not pass through FastAPI either, which only describes them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if _PREDICT.matches(scope)[0] == Match.FULL:
                await _predicting(scope, receive, send)
                return
            match, child = MOUNT.matches(scope)
            if match == Match.FULL:
                await MOUNT.handle({**scope, **child}, receive, send)
                return
            if scope["path"] == "/api" or scope["path"].startswith("/api/"):
                await api(scope, receive, send)  # nothing is there; it says so in its own way
                return
        await self.app(scope, receive, send)

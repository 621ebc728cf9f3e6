"""Errors as problem details, which every answer of the API but a success is.

Source: RFC 9457, "Problem Details for HTTP APIs", sections 3 and 4.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from registry import codec
from registry.errors import (
    Busy,
    GateClosed,
    InvalidInput,
    NotSignedIn,
    PredictionFailed,
    RateLimited,
    RegistryError,
    SeveralModels,
    UnsafeArtifact,
)

MEDIA_TYPE = "application/problem+json"
_RETRY_BUSY_S = 1
_log = structlog.get_logger(__name__)


async def of_error(_request: Request, error: Exception) -> JSONResponse:
    """A RegistryError: its status and sentence, and what it knows beyond them."""
    assert isinstance(error, RegistryError)
    more: dict[str, Any] = {}
    headers = {}
    if isinstance(error, InvalidInput):
        more["problems"] = error.problems
    if isinstance(error, PredictionFailed) and error.log.strip():
        more["log"] = error.log[-4000:]
    if isinstance(error, GateClosed):
        more["rules"] = [{"passed": one.passed, "said": one.said} for one in error.results]
    if isinstance(error, UnsafeArtifact):
        more["findings"] = codec.dump(error.report.findings)
    if isinstance(error, SeveralModels):
        more["names"] = list(error.names)
    if isinstance(error, RateLimited):
        headers["retry-after"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, Busy):
        headers["retry-after"] = str(_RETRY_BUSY_S)
    if isinstance(error, NotSignedIn):
        headers["www-authenticate"] = 'Bearer realm="Vitrine"'
    if error.status == 413:
        headers["connection"] = "close"  # the rest of the body is not read
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__)
    return _problem(error.status, name, error.message, headers, **more)


async def of_http(_request: Request, error: Exception) -> JSONResponse:
    """What the router refuses: no such path, a wrong method, a wrong media type."""
    status = int(getattr(error, "status_code", 500))
    said = {404: "there is nothing at this address", 405: "this address takes another method"}
    detail = said.get(status) or str(getattr(error, "detail", ""))
    name = {404: "Not found", 405: "Method not allowed", 415: "Unsupported media type"}
    headers = dict(getattr(error, "headers", None) or {})
    return _problem(status, name.get(status, "Refused"), detail, headers)


async def of_parameters(_request: Request, error: Exception) -> JSONResponse:
    """Parameters, or members of a body, that do not fit."""
    return await of_error(_request, InvalidInput(named(getattr(error, "errors", list)())))


def named(errors: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Field to what is wrong with it, as pydantic says; fields within others are joined by dots."""
    found = {}
    for error in errors:
        loc = [str(part) for part in error["loc"]]
        inner = loc[1:] if loc[:1] in (["body"], ["query"], ["path"], ["header"]) else loc
        found[".".join(inner)[:200] or "body"] = str(error["msg"])
    return found


async def of_bug(_request: Request, error: Exception) -> JSONResponse:
    """What nobody expected: logged without its words, and told as an id to quote."""
    error_id = secrets.token_hex(4)
    _log.error("api broke", error_id=error_id, error=type(error).__name__)
    detail = f"something broke on our side; tell an administrator this id: {error_id}"
    return _problem(500, "Broken", detail, {}, error_id=error_id)


def _problem(
    status: int, name: str, detail: str, headers: dict[str, str], **more: Any
) -> JSONResponse:
    kind = name.lower().replace(" ", "-")
    said = {
        "type": f"urn:vitrine:problem:{kind}",
        "title": name[:1] + name[1:].lower(),
        "status": status,
        "detail": detail,
        **more,
    }
    headers = {"cache-control": "no-store", **headers}
    return JSONResponse(said, status, headers=headers, media_type=MEDIA_TYPE)


HANDLERS: Any = {
    RegistryError: of_error,
    HTTPException: of_http,
    RequestValidationError: of_parameters,
    Exception: of_bug,
}
"""What becomes of an exception; of the first class that fits."""

"""How an operation is described: the permission it needs, what it answers, what can go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, Field

from registry import policy
from registry.web.api.problems import MEDIA_TYPE

PERMISSION, ACTION = "x-permission", "x-action"


class Problem(BaseModel):
    """RFC 9457: what, why, what to do now."""

    type: str = Field(examples=["urn:vitrine:problem:invalid-input"])
    title: str
    status: int
    detail: str
    problems: dict[str, str] | None = Field(None, description="Field to what is wrong with it.")
    log: str | None = Field(None, description="What the model said when it failed.")
    rules: list[dict[str, Any]] | None = Field(None, description="Rules of a gate, with figures.")
    findings: list[dict[str, Any]] | None = Field(None, description="What a scan found.")
    names: list[str] | None = Field(None, description="Models in a package: choose one.")
    error_id: str | None = Field(None, description="What to tell an administrator.")


_STATUSES = {
    400: "The request cannot be read, or ended early.",
    401: "No valid token.",
    403: "The token or its person may not do this, or the token has no calls left.",
    404: "No such thing, or not for you: the two look alike.",
    408: "The body did not arrive in time.",
    409: "It does not fit the present state.",
    412: "The version of the protocol is another.",
    413: "The body is too large.",
    415: "The body is of another media type, or of no format that is known.",
    416: "The file has no such range.",
    422: "Something does not fit; `problems` names each field.",
    429: "Too often; see Retry-After.",
    500: "Something broke here; `detail` has an id to tell an administrator.",
    501: "A library is not installed here.",
    502: "The model failed; `log` has its words.",
    503: "Too much at once; see Retry-After.",
    504: "The model took too long.",
    507: "The disk is full.",
}
_ALWAYS = (400, 422, 429, 500, 503)
_BODY = (408, 413, 415)


def may(
    needs: str,
    *more: int,
    body: bool = False,
    answers: Mapping[int, Any] = MappingProxyType({}),
    **said: Any,
) -> dict[str, Any]:
    """Arguments of a route: what its caller must be allowed, and statuses beyond the usual.

    Args:
        needs: An action of the policy; a permission where it has none for this; "any" for whatever
            token, "none" for no token at all.
        body: Whether it takes a body.
        answers: Successes that FastAPI does not describe by itself.
        said: More of the operation's description, as OpenAPI has it.
    """
    rule = policy.ACTIONS.get(needs)
    permission = needs if rule is None else "any" if rule.in_person else rule.permission
    action = {ACTION: needs} if rule else {}
    known = () if permission == "none" else (401, 403)
    statuses = sorted({*known, *_ALWAYS, *more, *(_BODY if body else ())})
    return {
        "responses": {**answers, **{status: _problem(status) for status in statuses}},
        "openapi_extra": {PERMISSION: permission, **action, **said},
    }


SHAPES: dict[str, type[BaseModel]] = {"Problem": Problem}
"""Shapes that descriptions refer to by themselves."""


_EXAMPLES = {
    "owner": "alice",
    "slug": "iris",
    "version": "3",
    "file": "model",
    "alias": "production",
    "username": "bob",
    "job_id": "0b4f5b6c8e1d4b7f9a3c2d1e0f5a6b7c",
    "case_id": "7c0b4f5b6c8e1d4b7f9a3c2d1e0f5a6b",
    "prediction_id": "1d4b7f9a3c2d1e0f5a6b7c0b4f5b6c8e",
    "scoring_id": "4b7f9a3c2d1e0f5a6b7c0b4f5b6c8e1d",
    "webhook_id": "6c8e1d4b7f9a3c2d1e0f5a6b7c0b4f5b",
    "what": "mlflow",
    "token_id": "5a6b7c0b4f5b6c8e1d4b7f9a3c2d1e0f",
    "upload_id": "9a3c2d1e0f5a6b7c0b4f5b6c8e1d4b7f",
}


def show_parameters(operation: dict[str, Any]) -> None:
    """Give the parts of an address an example each."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["example"] = _EXAMPLES[parameter["name"]]


def ref(shape: type[BaseModel]) -> dict[str, str]:
    """A reference to the description of a shape."""
    SHAPES[shape.__name__] = shape
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def form_of(uploaded: type[BaseModel], details: type[BaseModel]) -> dict[str, Any]:
    """A body that brings its file, or names the upload that brought it."""
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    kinds = ("config", "requirements", "sample", "data", "code", "card", "license")
    others = dict.fromkeys(kinds, file)
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": file, "details": ref(details), **others},
    }
    encoding = {"details": {"contentType": "application/json"}}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form, "encoding": encoding},
            "application/json": {"schema": ref(uploaded)},
        },
    }


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": _STATUSES[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }

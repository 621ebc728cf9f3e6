"""The API: predictions over HTTP, for who holds a token. Mounted beside the pages at /api/v1.

Cookies count for nothing here, so that another site's page cannot ask in anybody's name. The
work is done in threads, a bounded number at once, and whoever asks is known before a body is read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Query, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from registry import codec, rates, tokens
from registry.core import Registry
from registry.errors import Busy, NotSignedIn, RegistryError
from registry.predict import predict
from registry.records import Actor, Prediction
from registry.web import bodies, handle, problems
from registry.web.shapes import EXAMPLES, PROBLEMS, Answer

PREFIX = "/api/v1"
_AT_ONCE, _OPEN, _OPEN_EACH = 16, 64, 4  # one person takes a quarter of the turns, not all
_turns = CapacityLimiter(_AT_ONCE)
_door = CapacityLimiter(4)  # tokens are looked at apart: slow answers keep nobody outside
_open: Counter[str] = Counter()  # calls under way per person; touched by the event loop alone
T = TypeVar("T")

api = FastAPI(
    title="Vitrine",
    version="1",
    summary="Ask models that you may see for predictions.",
    description=(
        "Every call carries a token from the account page: `Authorization: Bearer vtr_…`. "
        "Errors are problem details (RFC 9457): `detail` says what, why and what to do."
    ),
    docs_url=None,  # they would load scripts from elsewhere, which the content policy refuses
    redoc_url=None,
    exception_handlers={
        RegistryError: problems.of_error,
        HTTPException: problems.of_http,
        RequestValidationError: problems.of_parameters,
        Exception: problems.of_bug,
    },
)
_bearer = HTTPBearer(auto_error=False, description="A token from the account page.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
VersionName = Annotated[
    str,
    Query(
        max_length=255,
        description="A number or an alias. Left out: the champion, else the newest ready version.",
        examples=["3", "production"],
    ),
]


@api.post(
    "/models/{owner}/{slug}/predict",
    summary="Predict",
    response_model=Answer,
    responses=PROBLEMS,
    openapi_extra={"requestBody": {"required": True, "content": EXAMPLES}},
)
async def predict_(
    request: Request, owner: str, slug: str, bearer: Bearer, version: VersionName = ""
) -> Response:
    """Let a version of a model answer rows of a table or named tensors."""
    reg = handle.get()
    actor = await to_thread.run_sync(_admitted, reg, bearer, "predict", limiter=_door)
    bodies.need_json(request)
    ref = f"{owner}/{slug}" + (f"@{version}" if version else "")
    with _place(actor):
        body = await bodies.read(request, reg.settings.max_request_bytes)
        said = await _in_turn(_answered, reg, actor, ref, body)
    return Response(said, headers={"cache-control": "no-store"}, media_type=bodies.JSON)


def _admitted(reg: Registry, bearer: HTTPAuthorizationCredentials | None, permission: str) -> Actor:
    """Who asks.

    Raises:
        NotSignedIn: There is no valid token.
        Forbidden: It does not permit this, or has no calls left.
        RateLimited: There were too many calls within the last minute.
    """
    if bearer is None:
        raise NotSignedIn("send a token from your account page: Authorization: Bearer vtr_…")
    actor = tokens.use(reg, bearer.credentials, permission)
    rates.spend_call(reg, actor)
    return actor


def _answered(reg: Registry, actor: Actor, ref: str, body: bytes) -> bytes:
    """Parse, predict and write: all that takes a processor."""
    return _written(predict(reg, actor, ref, bodies.rows_in(body)))


def _written(answer: Prediction) -> bytes:
    outputs: dict[str, Any] = {}
    for output in answer.outputs:
        name = output.name if output.name not in outputs else f"{output.name} ({output.role})"
        outputs[name] = {
            "role": output.role,
            "values": output.values,
            "dtype": output.dtype,
            "shape": output.shape,
            "classes": output.classes,
        }
    said = {
        "id": answer.id,
        "ref": answer.ref,
        "n_rows": answer.n_rows,
        "outputs": outputs,
        "latency_ms": {
            "queue": answer.queue_ms,
            "load": answer.load_ms,
            "predict": answer.predict_ms,
            "total": answer.latency_ms,
        },
        "warm": answer.warm,
        "findings": codec.dump(answer.findings),
    }
    try:
        return to_json(said)
    except ValueError:  # half of a character pair, in what a model said
        return json.dumps(said).encode()


@contextmanager
def _place(actor: Actor) -> Iterator[None]:
    """One of the calls under way, whose bodies are in memory.

    Raises:
        Busy: There are too many, or too many of this person.
    """
    if _open[actor.id] >= _OPEN_EACH or _open.total() >= _OPEN:
        raise Busy("too many calls are under way; send many rows in one call, or try again")
    _open[actor.id] += 1
    try:
        yield
    finally:
        _open[actor.id] -= 1
        if not _open[actor.id]:
            del _open[actor.id]


async def _in_turn(function: Callable[..., T], *arguments: Any) -> T:
    """Run it in a thread, as one of some at once."""
    return await to_thread.run_sync(function, *arguments, limiter=_turns)


MOUNT = Mount(PREFIX, app=api)

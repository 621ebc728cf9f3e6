"""Predictions over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from registry import codec, policy
from registry.core import Registry
from registry.errors import InvalidInput
from registry.inputs import MAX_ROWS
from registry.outputs import Arranged
from registry.predict import MOST_STREAMED, listed, predict, predict_arrays, stream
from registry.records import Actor, Prediction
from registry.web.api import admission, arrow, bodies
from registry.web.api.admission import By
from registry.web.api.answered import ANSWERED, EXAMPLES, Answer
from registry.web.api.documented import may

router = admission.router("predictions")
PATH = "/models/{owner}/{slug}/predict"
_LONGEST = 255
VersionName = Annotated[
    str,
    Query(
        max_length=_LONGEST,
        description="A number or an alias. Left out: the champion, else the newest ready version.",
        examples=["3", "production"],
    ),
]


@router.post(
    PATH,
    summary="Predict",
    response_model=Answer,
    **may(
        "model.predict", 404, 409, 502, 504, body=True, answers={200: ANSWERED},
        requestBody={"required": True, "content": EXAMPLES},
    ),
)  # fmt: skip
async def predict_(
    request: Request, by: By, owner: str, slug: str, version: VersionName = ""
) -> Response:
    """Let a version of a model answer rows of a table or named tensors."""
    return await _answer(request)


async def _answer(request: Request) -> Response:
    by, version = admission.caller_of(request), request.query_params.get("version", "")
    if len(version) > _LONGEST:
        raise InvalidInput({"version": f"must have at most {_LONGEST} characters"})
    admission.need_plain({"version": version})
    kind = bodies.need_one_of(request, bodies.JSON, arrow.MEDIA_TYPE)
    ref = "{owner}/{slug}".format_map(request.path_params) + (f"@{version}" if version else "")
    streamed = arrow.wanted(request)
    with admission.place(by):
        most_bytes = by.reg.settings.max_request_bytes
        if kind == arrow.MEDIA_TYPE:
            stream = await bodies.gathered(request, most_bytes)
            return await by.ask(_of_stream, ref, stream, streamed)
        body = await bodies.read(request, most_bytes)
        return await by.ask(_of_json, ref, body, streamed)


straight = admission.guarded(policy.ACTIONS["model.predict"].permission, _answer)
"""The same without what FastAPI does for a call, which takes longer than many a model."""


def _of_json(reg: Registry, actor: Actor, ref: str, body: bytes, streamed: bool) -> Response:
    """Parse, predict and write: all that takes a processor."""
    rows = bodies.rows_in(body)
    if streamed:
        return _as_stream(*predict_arrays(reg, actor, ref, rows))
    return _as_json(predict(reg, actor, ref, rows))


def _of_stream(reg: Registry, actor: Actor, ref: str, body: bytearray, streamed: bool) -> Response:
    most = MOST_STREAMED if streamed else MAX_ROWS
    said, found = stream(reg, actor, ref, body, most)
    return _as_stream(said, found) if streamed else _as_json(listed(said, found))


def _as_stream(said: Prediction, found: tuple[Arranged, ...]) -> Response:
    """An Arrow stream; JSON where the outputs are no columns."""
    body = arrow.written(_facts(said), found, said.n_rows)
    if body is None:
        return _as_json(listed(said, found))
    return Response(body, headers={"cache-control": "no-store"}, media_type=arrow.MEDIA_TYPE)


def _as_json(answer: Prediction) -> Response:
    outputs: dict[str, Any] = {}
    for name, output in zip(arrow.names(answer.outputs), answer.outputs, strict=True):
        outputs[name] = {
            "role": output.role,
            "values": output.values,
            "dtype": output.dtype,
            "shape": output.shape,
            "classes": output.classes,
        }
    said = {**_facts(answer), "outputs": outputs}
    try:
        body = to_json(said)
    except ValueError:  # half of a character pair, in what a model said
        body = json.dumps(said).encode()
    return Response(body, headers={"cache-control": "no-store"}, media_type=bodies.JSON)


def _facts(answer: Prediction) -> dict[str, Any]:
    return {
        "id": answer.id,
        "ref": answer.ref,
        "n_rows": answer.n_rows,
        "latency_ms": {
            "queue": answer.queue_ms,
            "load": answer.load_ms,
            "predict": answer.predict_ms,
            "total": answer.latency_ms,
        },
        "warm": answer.warm,
        "findings": codec.dump(answer.findings),
    }

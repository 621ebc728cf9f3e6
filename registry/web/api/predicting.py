"""Predictions over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from registry import codec
from registry.core import Registry
from registry.predict import predict
from registry.records import Actor, Prediction
from registry.web.api import admission, bodies
from registry.web.api.admission import By
from registry.web.api.answered import EXAMPLES, Answer
from registry.web.api.documented import may

router = admission.router("predictions")
VersionName = Annotated[
    str,
    Query(
        max_length=255,
        description="A number or an alias. Left out: the champion, else the newest ready version.",
        examples=["3", "production"],
    ),
]


@router.post(
    "/models/{owner}/{slug}/predict",
    summary="Predict",
    response_model=Answer,
    **may(
        "model.predict", 404, 409, 502, 504, body=True,
        requestBody={"required": True, "content": EXAMPLES},
    ),
)  # fmt: skip
async def predict_(
    request: Request, by: By, owner: str, slug: str, version: VersionName = ""
) -> Response:
    """Let a version of a model answer rows of a table or named tensors."""
    bodies.need_json(request)
    ref = f"{owner}/{slug}" + (f"@{version}" if version else "")
    with admission.place(by):
        body = await bodies.read(request, by.reg.settings.max_request_bytes)
        said = await by.ask(_answered, ref, body)
    return Response(said, headers={"cache-control": "no-store"}, media_type=bodies.JSON)


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

"""Batches: rows go up, a version answers them in the background, the answers come down."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from anyio import CancelScope
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry import scoring, scorings, staging
from registry.core import Registry
from registry.errors import NotFound
from registry.records import Actor, Scoring, Staged
from registry.web.api import admission, bodies, streams
from registry.web.api.admission import By, Caller
from registry.web.api.cursors import At, Listed
from registry.web.api.documented import may, ref
from registry.web.api.fetching import FILE, IfNoneMatch, IfRange, Range, sent
from registry.web.api.said import Freed
from registry.web.api.shapes import ScoringShape
from registry.web.api.wanted import Batch

router = admission.router("batches")
_ONE = "/scorings/{scoring_id}"
_TABLES = {"text/csv": "rows.csv", "application/vnd.apache.parquet": "rows.parquet"}
_ROWS = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "required": True,
    "content": {
        bodies.JSON: {
            "schema": ref(Batch),
            "example": {"upload": "9a3c2d1e0f5a6b7c0b4f5b6c8e1d4b7f"},
        },
        **dict.fromkeys(_TABLES, _ROWS),
    },
}


@router.post(
    "/models/{owner}/{slug}/versions/{version}/scorings",
    summary="Have a file of rows answered",
    response_model=ScoringShape,
    status_code=202,
    **may("scoring.make", 404, 409, 507, body=True, requestBody=_BODY),
)
async def start(request: Request, by: By, owner: str, slug: str, version: str) -> Response:
    """In the background. The rows are the body, CSV or Parquet, or an upload that came in parts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    where = f"{owner}/{slug}@{version}"
    with admission.place(by):
        if kind == bodies.JSON:
            upload_id = Batch.read(await bodies.read(request, bodies.SMALL)).upload
            made = await by.ask(_started, where, upload_id)
        elif kind in _TABLES:
            made = await _received(request, by, where, _TABLES[kind])
        else:
            raise HTTPException(415, f"send {', '.join(_TABLES)} or {bodies.JSON}")
    headers = {"location": f"/api/v1/scorings/{made.id}"}
    return admission.written(ScoringShape, made, 202, headers)


async def _received(request: Request, by: Caller, where: str, filename: str) -> Scoring:
    """Take the body and begin; when nothing comes of it, nothing of it is kept."""
    announced = streams.announced_digest(request)
    incoming = await by.ask(staging.receive, filename)
    staged: Staged | None = None
    try:
        async for block in streams.blocks(request):
            await by.run(partial(incoming.write, block))
        staged = await by.run(incoming.finish)
        streams.need_digest(announced, bytes.fromhex(staged.digest))
        return await by.ask(_started, where, staged.id)
    except BaseException:
        with CancelScope(shield=True):
            await by.run(incoming.abort)
            if staged:
                with suppress(NotFound):  # it is being answered: then it is used up
                    await by.ask(staging.discard, staged.id)
        raise


def _started(reg: Registry, actor: Actor, where: str, staged_id: str) -> Scoring:
    return scorings.get(reg, actor, scoring.start(reg, actor, where, staged_id))


@router.get(
    "/scorings", summary="My batches", response_model=Listed[ScoringShape], **may("predict")
)
async def find(by: By, at: At) -> Response:
    """Newest first, at most 100."""
    return await by.answer(
        Listed[ScoringShape], lambda: at.slice(by.reg, scorings.find(by.reg, by.actor))
    )


@router.get(_ONE, summary="One batch", response_model=ScoringShape, **may("predict", 404))
async def get(by: By, scoring_id: str) -> Response:
    """How far it is, and which rows have no answer."""
    return await by.tell(ScoringShape, scorings.get, scoring_id)


@router.get(
    _ONE + "/result",
    summary="Download the answers",
    response_class=Response,
    **may("predict", 404, 409, 416, answers=FILE),
)
async def result(
    request: Request,
    by: By,
    scoring_id: str,
    range: Range = "",
    if_range: IfRange = "",
    if_none_match: IfNoneMatch = "",
) -> Response:
    """The rows with their answers, in the format they came in; 409 while there are none."""
    opened = await by.ask(scorings.open_result, scoring_id)
    return sent(request, opened, range, if_range, if_none_match)


@router.post(_ONE + "/cancel", summary="Cancel a batch", status_code=204, **may("predict", 404))
async def cancel(by: By, scoring_id: str) -> Response:
    """Before its next block of rows; one that is over stays as it is."""
    return await by.do(scoring.cancel, scoring_id)


@router.delete(_ONE, summary="Delete a batch", response_model=Freed, **may("predict", 404))
async def remove(by: By, scoring_id: str) -> Response:
    """With its files; one that runs stops."""
    return await by.answer(
        Freed, lambda: {"freed_bytes": scorings.remove(by.reg, by.actor, scoring_id)}
    )

"""The log of predictions: found, shown, flagged, shared, exported; what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from starlette.responses import Response, StreamingResponse

from registry import keeping, predictions
from registry.core import Registry
from registry.records import Actor, Flag, Kept, PredictionFilter
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.cursors import At, Cut, Listed
from registry.web.api.documented import may
from registry.web.api.shapes import KeptShape, PastPredictionShape, PredictionLineShape
from registry.web.api.wanted import FlagTold, KeepingTold

router = admission.router("history")
_OF_MODEL = "/models/{owner}/{slug}/predictions"
_ONE = "/predictions/{prediction_id}"
_CSV: dict[str, Any] = {"content": {"text/csv": {"schema": {"type": "string"}}}}
Count = Annotated[int, Query(ge=0, le=1_000_000_000)]
Day = Annotated[date | None, Query(ge=date(1970, 1, 1), le=date(9999, 1, 1))]


def _only(
    mine: Annotated[bool, Query(description="Those you asked, where you may see others’.")] = False,
    version: Annotated[Count, Query(description="Its number; 0 for all.")] = 0,
    outcome: Annotated[
        str, Query(max_length=100, description="`ok`, `failed`, or the name of an error.")
    ] = "",
    flag: Annotated[Flag | Literal["", "any"], Query()] = "",
    since: Day = None,
    until: Day = None,
    least_rows: Count = 0,
    most_rows: Count = 0,
) -> PredictionFilter:
    """Which predictions; days are UTC and included."""
    return PredictionFilter(mine, version, outcome, flag, since, until, least_rows, most_rows)


Only = Annotated[PredictionFilter, Depends(_only)]


@router.get(
    "/predictions",
    summary="My predictions",
    response_model=Listed[PredictionLineShape],
    **may("search"),
)
async def mine(by: By, at: At, only: Only) -> Response:
    """What you asked, of whichever model, newest first."""
    return await by.tell(Listed[PredictionLineShape], _found, "", at, only)


@router.get(
    _OF_MODEL,
    summary="Predictions of a model",
    response_model=Listed[PredictionLineShape],
    **may("model.read", 404),
)
async def of_model(by: By, at: At, owner: str, slug: str, only: Only) -> Response:
    """What you asked it; what everybody asked it, for those who manage it. Newest first."""
    return await by.tell(Listed[PredictionLineShape], _found, f"{owner}/{slug}", at, only)


def _found(
    reg: Registry, actor: Actor, model: str, at: Cut, only: PredictionFilter
) -> dict[str, Any]:
    return at.page(reg, predictions.find(reg, actor, model, at.number, at.size, only))


@router.get(
    _OF_MODEL + "/export",
    summary="Predictions of a model as CSV",
    response_class=Response,
    **may("model.read", 404, answers={200: {"description": "The same, as CSV.", **_CSV}}),
)
async def export(by: By, owner: str, slug: str, only: Only) -> Response:
    """The same predictions with what is kept of them; no cell is a formula."""
    lines: Iterator[str] = await by.ask(predictions.export, f"{owner}/{slug}", only)
    headers = {
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="predictions.csv"',
    }
    return StreamingResponse(lines, media_type="text/csv", headers=headers)


@router.get(
    _ONE, summary="One prediction", response_model=PastPredictionShape, **may("search", 404)
)
async def get(by: By, prediction_id: str) -> Response:
    """With what is kept: one of yours, of a model you manage, or shared with you."""
    return await by.tell(PastPredictionShape, predictions.get, prediction_id)


@router.put(
    _ONE + "/flag", summary="Flag an answer", status_code=204, **may("search", 404, body=True)
)
async def flag(by: By, prediction_id: str, told: FlagTold) -> Response:
    """Say what is the matter with an answer of yours, for those who manage the model."""
    return await by.do(predictions.flag, prediction_id, told.flag, told.reason)


@router.delete(_ONE + "/flag", summary="Take a flag back", status_code=204, **may("search", 404))
async def unflag(by: By, prediction_id: str) -> Response:
    """Harmless without one."""
    return await by.do(predictions.flag, prediction_id, None)


@router.put(
    _ONE + "/share", summary="Share a prediction", status_code=204, **may("search", 404, 409)
)
async def share(by: By, prediction_id: str) -> Response:
    """Those who may see the model may see this one; 409 when nothing is kept of it."""
    return await by.do(predictions.share, prediction_id)


@router.delete(
    _ONE + "/share", summary="Stop sharing a prediction", status_code=204, **may("search", 404)
)
async def unshare(by: By, prediction_id: str) -> Response:
    """Others do not see it any more."""
    return await by.do(predictions.unshare, prediction_id)


@router.get(
    "/models/{owner}/{slug}/keeping",
    summary="What is kept of predictions",
    response_model=KeptShape,
    **may("model.read", 404),
)
async def kept(by: By, owner: str, slug: str) -> Response:
    """The owner's choice: nothing, the digest of inputs, or all for some days."""
    return await by.tell(KeptShape, keeping.get, f"{owner}/{slug}")


@router.put(
    "/models/{owner}/{slug}/keeping",
    summary="Choose what is kept of predictions",
    response_model=KeptShape,
    **may("prediction.keep", 404, body=True),
)
async def keep(by: By, owner: str, slug: str, told: KeepingTold) -> Response:
    """From now on; what is kept already and may be no longer goes at once."""
    return await by.tell(KeptShape, _chosen, f"{owner}/{slug}", told)


def _chosen(reg: Registry, actor: Actor, model: str, told: KeepingTold) -> Kept:
    keeping.choose(reg, actor, model, told.what, told.days)
    return keeping.get(reg, actor, model)

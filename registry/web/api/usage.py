"""How much a model is used, and who downloaded it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from registry import downloads, usage
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.cursors import At, Listed
from registry.web.api.documented import may
from registry.web.api.shapes import DownloadShape, UsageShape

router = admission.router("usage")


@router.get(
    "/models/{owner}/{slug}/usage",
    summary="Use of a model",
    response_model=UsageShape,
    **may("model.read", 404),
)
async def of_model(
    by: By,
    owner: str,
    slug: str,
    days: Annotated[int, Query(ge=1, le=366, description="Up to today.")] = 30,
) -> Response:
    """Predictions and downloads by day and by version, by whomever."""
    return await by.tell(UsageShape, usage.of_model, f"{owner}/{slug}", days)


@router.get(
    "/models/{owner}/{slug}/downloads",
    summary="Downloads of a model",
    response_model=Listed[DownloadShape],
    **may("download.list", 404),
)
async def history(by: By, at: At, owner: str, slug: str) -> Response:
    """Who downloaded what, newest first; for those who manage the model."""
    model = f"{owner}/{slug}"
    return await by.answer(
        Listed[DownloadShape],
        lambda: at.page(by.reg, downloads.history(by.reg, by.actor, model, at.number, at.size)),
    )

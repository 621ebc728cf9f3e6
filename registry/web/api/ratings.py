"""Stars: what people think of a model, and one's own vote."""

from __future__ import annotations

from starlette.responses import Response

from registry import ratings
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.documented import may
from registry.web.api.shapes import RatingShape
from registry.web.api.wanted import Vote

router = admission.router("ratings")
_WHERE = "/models/{owner}/{slug}/rating"


@router.get(
    _WHERE, summary="Rating of a model", response_model=RatingShape, **may("model.read", 404)
)
async def get(by: By, owner: str, slug: str) -> Response:
    """All votes together, and yours."""
    return await by.tell(RatingShape, ratings.of_model, f"{owner}/{slug}")


@router.put(
    _WHERE, summary="Rate a model", response_model=RatingShape, **may("model.rate", 404, body=True)
)
async def rate(by: By, owner: str, slug: str, vote: Vote) -> Response:
    """One vote a person, replacing an earlier one; not for models of your own."""
    return await by.tell(RatingShape, ratings.rate, f"{owner}/{slug}", vote.stars)


@router.delete(
    _WHERE, summary="Take a vote back", response_model=RatingShape, **may("model.rate", 404)
)
async def withdraw(by: By, owner: str, slug: str) -> Response:
    """Harmless without one."""
    return await by.tell(RatingShape, ratings.withdraw, f"{owner}/{slug}")

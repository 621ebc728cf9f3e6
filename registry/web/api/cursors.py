"""Lists in pages: an opaque cursor says where the next one begins, in this very list."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, Field
from starlette.requests import Request

from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Page
from registry.web import handle

MOST, USUAL = 100, 50
T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class Cut(NamedTuple):
    """Which page of which list is asked for."""

    of: str
    number: int
    size: int

    def page(self, reg: Registry, found: Page[Any]) -> dict[str, Any]:
        """A page that a door cut, with the cursor of the next."""
        over = found.number >= found.n_pages
        return {"items": found.items, "next": None if over else self._after(reg)}

    def slice(self, reg: Registry, found: Sequence[Any]) -> dict[str, Any]:
        """One page of a whole list, with the cursor of the next."""
        start, end = (self.number - 1) * self.size, self.number * self.size
        after = self._after(reg) if end < len(found) else None
        return {"items": found[start:end], "next": after}

    def _after(self, reg: Registry) -> str:
        said = _signer(reg).dumps([self.of, self.number + 1, self.size])
        return said if isinstance(said, str) else said.decode()


def _cut(
    request: Request,
    cursor: Annotated[
        str, Query(max_length=2_000, description='The `next` of the page before; "" to begin.')
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = USUAL,
) -> Cut:
    """The page a request asks for.

    Raises:
        InvalidInput: The cursor is not one of ours, or one of another list.
    """
    asked = sorted((k, v) for k, v in request.query_params.multi_items() if k not in _OURS)
    said = f"{request.scope['path']}?{urlencode(asked)}"
    of = hashlib.sha256(said.encode()).hexdigest()[:16]
    if not cursor:
        return Cut(of, 1, limit)
    try:
        known, number, size = _signer(handle.get()).loads(cursor)
    except (BadData, ValueError, TypeError):
        known, number, size = "", 0, 0
    if known != of:
        raise InvalidInput({"cursor": "is none of this list: begin again without one"})
    return Cut(of, number, size)


_OURS = ("cursor", "limit")
At = Annotated[Cut, Depends(_cut)]


def _signer(reg: Registry) -> URLSafeSerializer:
    return URLSafeSerializer(reg.secret, salt="vitrine.cursor")

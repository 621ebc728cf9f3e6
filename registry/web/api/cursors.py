"""Lists in pages: an opaque cursor says where the next one begins, in this very list."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
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
_HOW_MANY = f"How many at most; without it, as many as on the page before, {USUAL} on the first."
T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class Cut(NamedTuple):
    """Which page of which list is asked for: the one after a key, or the one of a number.

    A door that takes `after` gets it, and what comes or goes meanwhile neither repeats nor skips
    others. By number, a page begins after so many rows, whatever those are by then.
    """

    of: str
    number: int
    size: int
    after: tuple[Any, ...] = ()

    def page(self, reg: Registry, found: Page[Any]) -> dict[str, Any]:
        """A page that a door cut, with the cursor of the next."""
        over = not found.last and (bool(self.after) or found.number >= found.n_pages)
        return {"items": found.items, "next": None if over else self._next(reg, found.last)}

    def slice(
        self, reg: Registry, found: Sequence[T], key: Callable[[T], Any] | None = None
    ) -> dict[str, Any]:
        """One page of a whole list, with the cursor of the next.

        Args:
            key: What the list is ordered by, the greatest first, unique and plain enough for
                JSON; without it, a page begins after so many rows.
        """
        if key is None:
            start, end = (self.number - 1) * self.size, self.number * self.size
            after = self._next(reg) if end < len(found) else None
            return {"items": found[start:end], "next": after}
        left = [one for one in found if not self.after or key(one) < self.after[0]]
        items = left[: self.size]
        more = len(left) > self.size
        return {"items": items, "next": self._next(reg, (key(items[-1]),)) if more else None}

    def _next(self, reg: Registry, after: Sequence[Any] = ()) -> str:
        said = _signer(reg).dumps([self.of, self.number + 1, self.size, list(after)])
        return said if isinstance(said, str) else said.decode()


def _cut(
    request: Request,
    cursor: Annotated[
        str, Query(max_length=2_000, description='The `next` of the page before; "" to begin.')
    ] = "",
    limit: Annotated[int | None, Query(ge=1, le=MOST, description=_HOW_MANY)] = None,
) -> Cut:
    """The page a request asks for.

    Raises:
        InvalidInput: The cursor is not one of ours, or one of another list, or its list is cut by
            number and has no page of this size that begins there.
    """
    asked = sorted((k, v) for k, v in request.query_params.multi_items() if k not in _OURS)
    said = f"{request.scope['path']}?{urlencode(asked)}"
    of = hashlib.sha256(said.encode()).hexdigest()[:16]
    if not cursor:
        return Cut(of, 1, limit or USUAL)
    try:
        known, number, size, after = _signer(handle.get()).loads(cursor)
    except (BadData, ValueError, TypeError):
        known, number, size, after = "", 0, 0, ()
    if known != of:
        raise InvalidInput({"cursor": "is none of this list: begin again without one"})
    return _resized(Cut(of, number, size, tuple(after)), limit)


def _resized(cut: Cut, limit: int | None) -> Cut:
    """The page that begins at the same place, of another size."""
    if limit is None or limit == cut.size:
        return cut
    so_far = (cut.number - 1) * cut.size
    if not cut.after and so_far % limit:
        why = f"does not fit the {so_far} that came before: leave it out, or give {cut.size}"
        raise InvalidInput({"limit": why})
    return cut._replace(number=so_far // limit + 1, size=limit)


_OURS = ("cursor", "limit")
At = Annotated[Cut, Depends(_cut)]


def _signer(reg: Registry) -> URLSafeSerializer:
    return URLSafeSerializer(reg.secret, salt="vitrine.cursor")

"""Lists in pages that go on after a row, not after a number of rows. No table.

What comes or goes before that row then neither repeats nor skips others. A key is what a list is
ordered by, ending with something unique, and is plain enough for JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, false, or_
from sqlalchemy.orm import Session

from registry.errors import InvalidInput

After = Sequence[Any]
"""The key of the last row of the page before; empty to begin."""
By = tuple[Any, Literal["up", "down"]]


class Order:
    """What a list is ordered by, each with its way; the last one is unique."""

    def __init__(self, *by: By) -> None:
        self._by = by

    @property
    def clauses(self) -> tuple[ColumnElement[Any], ...]:
        """For ORDER BY."""
        return tuple(at.desc() if way == "down" else at.asc() for at, way in self._by)

    def cut(
        self, s: Session, query: Select[Any], after: After, size: int, skip: int = 0
    ) -> tuple[list[Any], tuple[Any, ...]]:
        """The rows of one page, and the key of the last when there are more.

        Args:
            query: Selects one thing; what it is ordered by is added.
            skip: Rows to leave out, for a page that is asked for by its number.

        Raises:
            InvalidInput: The key is none of this order.
        """
        keys = [at.label(f"key_{n}") for n, (at, _) in enumerate(self._by)]
        if after:
            query, skip = query.where(self._beyond(after)), 0
        wanted = query.add_columns(*keys).order_by(*self.clauses).limit(size + 1).offset(skip)
        found = s.execute(wanted).all()
        last = tuple(map(_plain, found[size - 1][1:])) if len(found) > size else ()
        return [row[0] for row in found[:size]], last

    def _beyond(self, after: After) -> ColumnElement[bool]:
        if len(after) != len(self._by):
            raise InvalidInput({"cursor": "is none of this list: begin again without one"})
        met: ColumnElement[bool] = false()
        for (at, way), told in reversed(list(zip(self._by, after, strict=True))):
            value = _value(told)
            past = false() if value is None else at < value if way == "down" else at > value
            met = or_(past, and_(at.is_not_distinct_from(value), met))
        return met


def _plain(value: Any) -> Any:
    return ["at", value.isoformat()] if isinstance(value, datetime) else value


def _value(told: Any) -> Any:
    match told:
        case ["at", str(text)] | ("at", str(text)):
            return datetime.fromisoformat(text)
    return told

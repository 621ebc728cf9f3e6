"""Rows of nothing but numbers, looked at all at once: what most calls with many rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, overload

from registry.schema import Field, Schema

if TYPE_CHECKING:
    import numpy as np

_MOST_SINGLE = 3.4028234663852886e38


class Grid(Sequence[Mapping[str, Any]]):
    """Rows of a table with the names said once; each is a mapping when somebody looks at it.

    Args:
        columns: Names, none twice.
        data: Per row a list as long as `columns`.
    """

    def __init__(self, columns: list[str], data: list[list[Any]]) -> None:
        self.columns, self.data = columns, data

    def __len__(self) -> int:
        return len(self.data)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return Grid(self.columns, self.data[place])
        return dict(zip(self.columns, self.data[place], strict=True))


def matrix(schema: Schema, table: Sequence[Any]) -> np.ndarray | None:
    """All rows as one float64 matrix in the order of the schema.

    Returns:
        None unless all fields are plain numbers, every row has each of them and nothing else,
        and all values are numbers that fit: then they have to be looked at one by one.
    """
    import numpy as np

    fields = schema.fields
    if not fields or any(f.type not in ("float", "double") or f.categories for f in fields):
        return None
    rows = _in_order([f.name for f in fields], table)
    if rows is None or not set(map(type, chain.from_iterable(rows))) <= {float, int}:
        return None
    try:
        found = np.array(rows, dtype=np.float64)
    except (OverflowError, ValueError):
        return None
    return found if np.isfinite(found).all() and fits(fields, found) else None


def _in_order(names: list[str], table: Sequence[Any]) -> list[Sequence[Any]] | None:
    """The values of each row in the order of the names; None when they have others."""
    if isinstance(table, Grid):
        if table.columns == names:
            return list(table.data)
        if set(table.columns) != set(names):
            return None
        places = [table.columns.index(name) for name in names]
        pick: Any = itemgetter(*places)
        rows: Sequence[Any] = table.data
    else:
        if any(type(row) is not dict or len(row) != len(names) for row in table):
            return None
        pick, rows = itemgetter(*names), table
    try:
        return list(map(pick, rows)) if len(names) > 1 else [[pick(row)] for row in rows]
    except KeyError:
        return None


def fits(fields: Sequence[Field], found: np.ndarray) -> bool:
    """Whether single-precision columns hold nothing larger than they can."""
    singles = [n for n, field in enumerate(fields) if field.type == "float"]
    return not singles or bool(abs(found[:, singles]).max() <= _MOST_SINGLE)


def beyond(field: Field, column: np.ndarray) -> bool:
    """Whether a column leaves the range that was seen in training."""
    low, high = field.minimum, field.maximum
    return bool(
        (low is not None and column.min() < low) or (high is not None and column.max() > high)
    )

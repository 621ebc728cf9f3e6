"""Writes the scored file, CSV or Parquet as the rows came, piece by piece; runs in a worker."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.formats.rows import Rows
from registry.formats.text import FORMULA, NUMBER, guarded

if TYPE_CHECKING:
    import pyarrow as pa

Answers = dict[str, np.ndarray]
Uneven = Sequence[tuple[int, list[str], str]]


class _Made(io.RawIOBase):
    """What was written and not yet taken."""

    def __init__(self) -> None:
        self.parts: deque[bytes] = deque()
        self.n_written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.n_written

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        self.n_written += len(self.parts[-1])
        return len(self.parts[-1])

    def taken(self, most: int) -> bytes:
        found = b"".join(self.parts)
        self.parts.clear()
        if len(found) > most:
            self.parts.append(found[most:])
        return found[:most]


class Csv:
    """Cells as they were; quotation marks only where they are needed."""

    def __init__(self, rows: Rows) -> None:
        self.header, self.delimiter, self.made = rows.raw_names, rows.delimiter, _Made()

    def open(self, names: list[str], _: Answers) -> None:
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator="\n").writerow(
            [*self.header, *map(guarded, names)]
        )
        self.made.write(text.getvalue().encode("utf-8", "replace"))

    def write(
        self,
        columns: list[pa.Array],
        found: Answers,
        good: np.ndarray,
        why: Sequence[str | None],
        numbers: np.ndarray,
        uneven: Uneven,
    ) -> None:
        """Append rows.

        Args:
            found: Answers to the good ones among them.
            why: What is wrong with each row; empty when all are good.
            uneven: Number, cells and reason of rows that belong among them.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        beside = [_as_text(_spread(values, good)) for values in found.values()]
        cells = [*columns, *beside, pa.array(why or [None] * len(good), pa.string())]
        if uneven:
            order = np.argsort(np.append(numbers, [number for number, _, _ in uneven]))
            cells = [
                pa.concat_arrays(pair) for pair in zip(cells, _extra(cells, uneven), strict=True)
            ]
            cells = [column.take(pa.array(order)) for column in cells]
        self.made.write(_lines([self._safe(pc.fill_null(c, "")) for c in cells], self.delimiter))

    def _safe(self, column: pa.Array) -> pa.Array:
        """The column with quotation marks round the cells that need them."""
        import pyarrow.compute as pc

        held = _bytes_of(column)
        if not any(mark in held for mark in (b'"', self.delimiter.encode(), b"\n", b"\r")):
            return column
        needs = pc.match_substring_regex(column, f'["\n\r{_escaped(self.delimiter)}]')
        doubled = pc.replace_substring(column, '"', '""')
        return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), column)

    def close(self) -> None:
        """Nothing stands at the end of a CSV."""

    def taken(self, most: int) -> bytes:
        return self.made.taken(most)


class Parquet:
    """Columns in the types they had."""

    def __init__(self, rows: Rows) -> None:
        import pyarrow.parquet as pq

        rows.file.seek(0)
        self.given, self.made = pq.read_schema(rows.file), _Made()
        self.writer: Any = None
        self.schema: Any = None

    def open(self, names: list[str], found: Answers) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = [pa.array(values[:1]).type for values in found.values()] + [pa.string()]
        schema = self.given
        for name, kind in zip(names, kinds, strict=True):
            schema = schema.append(pa.field(name, kind))
        self.schema = schema
        self.writer = pq.ParquetWriter(self.made, schema)

    def write(
        self,
        columns: list[pa.Array],
        found: Answers,
        good: np.ndarray,
        why: Sequence[str | None],
        _numbers: np.ndarray,
        _uneven: Uneven,
    ) -> None:
        """Append rows; see `Csv.write`."""
        import pyarrow as pa

        beside = [_spread(values, good) for values in found.values()]
        cells = [*columns, *beside, pa.array(why or [None] * len(good), pa.string())]
        cells = [c.cast(f.type) for c, f in zip(cells, self.schema, strict=True)]
        self.writer.write_table(pa.Table.from_arrays(cells, schema=self.schema))

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    def taken(self, most: int) -> bytes:
        return self.made.taken(most)


def writer(rows: Rows) -> Csv | Parquet:
    """Writes rows as they came."""
    return Parquet(rows) if rows.kind == "parquet" else Csv(rows)


def _spread(values: np.ndarray, good: np.ndarray) -> pa.Array:
    """Answers to the good rows at their places among all, null elsewhere and for NaN."""
    import pyarrow as pa

    found = pa.array(values, from_pandas=True)
    if len(values) == len(good):
        return found
    return found.take(pa.array(np.cumsum(good) - 1, mask=~good))


def _as_text(column: pa.Array) -> pa.Array:
    """Cells of a CSV; what the model says in words is no formula, see `guarded`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return pc.cast(column, pa.string())
    formula = pc.match_substring_regex(column, FORMULA)
    runs = pc.and_not(formula, pc.match_substring_regex(column, NUMBER))
    return pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)


def _extra(cells: list[pa.Array], uneven: Uneven) -> list[pa.Array]:
    """Columns of uneven rows: their own cells, no answers, the reason."""
    import pyarrow as pa

    n = len(uneven[0][1])
    own = [pa.array([row[1][place] for row in uneven], pa.string()) for place in range(n)]
    none = [pa.nulls(len(uneven), pa.string())] * (len(cells) - n - 1)
    return [*own, *none, pa.array([why for _, _, why in uneven], pa.string())]


def _lines(cells: list[pa.Array], delimiter: str) -> memoryview | bytes:
    import pyarrow.compute as pc

    lines = pc.binary_join_element_wise(*cells, delimiter)
    return _bytes_of(pc.binary_join_element_wise(lines, "", "\n"))


def _bytes_of(column: pa.Array) -> bytes:
    """The cells of a column of text, one behind the other."""
    data = column.buffers()[2]
    if data is None or not len(column):
        return b""
    ends = np.frombuffer(column.buffers()[1], np.int32)
    start, stop = ends[column.offset], ends[column.offset + len(column)]
    return memoryview(data)[start:stop].tobytes()


def _escaped(delimiter: str) -> str:
    return {"|": r"\|", "\t": r"\t"}.get(delimiter, delimiter)

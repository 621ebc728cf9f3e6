"""Reads a sample table (CSV or Parquet) and proposes columns: types, ranges, categories."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from registry import codec
from registry.errors import BrokenArtifact
from registry.formats.text import MAX_FEATURES, clean, refusal, rounded, unique
from registry.records import Field, FieldType

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 100_000
MAX_CATEGORIES = 50
_MAX_BYTES = 256 << 20
_GAPS = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "-nan"})
_WHOLE = r"[+-]?(?:0|[1-9]\d{0,17})"
_NUMBER = r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
_TIME = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"


def read_table(file: BinaryIO, filename: str, n_rows: int = 0) -> dict[str, Any]:
    """Propose fields from the first 100,000 rows.

    Args:
        n_rows: How many rows to hand out as they stand, taken evenly over the table.

    Returns:
        `columns` (fields as plain data), `example` (column to value), `n_rows` read, `truncated`
        (whether more follow), `filename`, `rows` (column to value, None for a gap).

    Raises:
        BrokenArtifact: It is no table, or empty.
    """
    file.seek(0)
    if file.read(4) == b"PAR1":
        columns, truncated = _parquet(file)
    else:
        columns, truncated = _csv(file)
    names = unique(clean(name) or f"column_{i + 1}" for i, name in enumerate(columns))
    found = [field(n, series) for n, series in zip(names, columns.values(), strict=True)]
    n_read = len(next(iter(columns.values()), ()))
    if not found or not n_read:
        raise BrokenArtifact(
            refusal("the sample has no rows", "There is nothing to learn from", "Add some rows")
        )
    return {
        "columns": [codec.dump(column) for column in found],
        "example": {column.name: column.default for column in found},
        "n_rows": n_read,
        "truncated": truncated,
        "filename": clean(filename),
        "rows": _rows(dict(zip(names, columns.values(), strict=True)), n_read, n_rows),
    }


def _rows(
    columns: dict[str, pd.Series[Any]], n_read: int, n_rows: int
) -> list[dict[str, str | float | bool | None]]:
    picked = [i * n_read // n_rows for i in range(min(n_rows, n_read))] if n_read > n_rows else None
    places = picked if picked is not None else range(n_read if n_rows else 0)
    return [{name: _cell(column.iloc[i]) for name, column in columns.items()} for i in places]


def _cell(value: Any) -> str | float | bool | None:
    if _is_gap(value):
        return None
    return value if isinstance(value, (bool, int, float)) else clean(value, 1000)


def _csv(file: BinaryIO) -> tuple[dict[str, pd.Series[Any]], bool]:
    """Columns of text as they stand in the file: nothing is converted yet."""
    import pandas as pd

    text = _text(file)
    head = text.read(1 << 16)
    text.seek(0)
    try:
        rows = csv.reader(_lines(text), delimiter=_delimiter(head), strict=True)
        header = next(rows, [])
        body = list(islice((row for row in rows if row), MAX_ROWS + 1))
    except (csv.Error, UnicodeError) as wrong:
        raise _no_table(clean(wrong, 100)) from None
    width = len(header)
    if not width or width > MAX_FEATURES or "\x00" in head:
        raise _no_table(f"its first line has {width:,} columns")
    uneven = next((n for n, row in enumerate(body, 2) if len(row) != width), None)
    if uneven:
        raise _no_table(f"line {uneven} has {len(body[uneven - 2])} values, the header {width}")
    truncated, body = len(body) > MAX_ROWS, body[:MAX_ROWS]
    names = unique(name.strip() or f"column_{i + 1}" for i, name in enumerate(header))
    each = zip(*body, strict=True) if body else ((),) * width
    return {n: pd.Series(v, dtype=object) for n, v in zip(names, each, strict=True)}, truncated


def _text(file: BinaryIO) -> io.TextIOWrapper:
    """The file as text: UTF-8, UTF-16 by its mark, else Latin-1."""
    file.seek(0)
    data = file.read(_MAX_BYTES)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        data.decode(encoding)
    except UnicodeDecodeError as wrong:
        encoding = encoding if wrong.start >= len(data) - 4 else "latin-1"
    return io.TextIOWrapper(io.BytesIO(data), encoding=encoding, errors="replace", newline="")


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(1 << 20):
        yield line


def _delimiter(head: str) -> str:
    first = head.partition("\n")[0]
    return max(",;\t|", key=first.count)


def _no_table(why: str) -> BrokenArtifact:
    return BrokenArtifact(
        refusal("the sample cannot be read as a table", why, "Save it as CSV with a header line")
    )


def _parquet(file: BinaryIO) -> tuple[dict[str, pd.Series[Any]], bool]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.seek(0)
    try:
        opened = pq.ParquetFile(file)
        names = opened.schema_arrow.names[:MAX_FEATURES]
        batches, left = [], MAX_ROWS
        for batch in opened.iter_batches(batch_size=min(MAX_ROWS, 20_000), columns=names):
            batches.append(batch.slice(0, left))
            left -= min(left, batch.num_rows)
            if left == 0:
                break
        table = pa.Table.from_batches(batches, opened.schema_arrow)
    except (pa.ArrowException, OSError, ValueError) as wrong:
        raise _no_table(clean(wrong, 100)) from None
    columns = {
        name: table.column(i).to_pandas(integer_object_nulls=True).astype(object)
        for i, name in enumerate(table.column_names)
    }
    return columns, opened.metadata.num_rows > table.num_rows


def field(name: str, series: pd.Series[Any]) -> Field:
    """Type, range, categories and a default of one column."""
    values = series[~series.map(_is_gap)]
    nullable = len(values) < len(series)
    if not len(values):
        return Field(name, "string", nullable=True)
    kind, values = _typed(values)
    found = Field(name, kind, nullable=nullable)
    if kind in ("long", "double"):
        low, high, middle = values.min(), values.max(), values.median()
        whole = kind == "long"
        return replace(
            found,
            minimum=float(low),
            maximum=float(high),
            default=round(middle) if whole else rounded(float(middle)),
        )
    common = values.mode().iloc[0]
    if kind == "string":
        counts = values.nunique()
        if counts <= MAX_CATEGORIES and counts < len(values):
            listed = tuple(sorted(values.unique()))
            return replace(found, categories=listed, default=common)
        return replace(found, default=values.iloc[0])
    return replace(found, default=bool(common) if kind == "boolean" else values.iloc[0])


def _is_gap(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _GAPS
    return value is None or value != value  # NaN and NaT differ from themselves


def _typed(values: pd.Series[Any]) -> tuple[FieldType, pd.Series[Any]]:
    """The narrowest type that keeps every value as written, and the values in it."""
    import pandas as pd

    if not all(isinstance(v, str) for v in values):
        return _typed_native(values)
    text = values.str.strip()
    seen = pd.Series(text.unique(), dtype=object)
    if set(seen.str.lower()) <= {"true", "false"}:
        return "boolean", text.str.lower() == "true"
    if seen.str.fullmatch(_WHOLE).all():
        return "long", text.astype("int64")
    if seen.str.fullmatch(_NUMBER).all():
        numbers = text.astype("float64")
        if numbers.map(math.isfinite).all():
            return "double", numbers
    if seen.str.fullmatch(_TIME).all():
        parsed = pd.to_datetime(seen, errors="coerce", utc=True, format="ISO8601")
        if parsed.notna().all():
            return "datetime", text
    return "string", values.map(clean)


def _typed_native(values: pd.Series[Any]) -> tuple[FieldType, pd.Series[Any]]:
    """Columns of a Parquet file, which have types already."""
    from datetime import date
    from numbers import Integral, Real

    if all(isinstance(v, bool) for v in values):
        return "boolean", values
    if all(isinstance(v, Integral) and abs(int(v)) < 2**63 for v in values):
        return "long", values.astype("int64")
    if all(isinstance(v, Real) and math.isfinite(v) for v in values):
        return "double", values.astype("float64")
    if all(isinstance(v, date) for v in values):
        return "datetime", values.map(lambda v: v.isoformat())
    return "string", values.map(clean)

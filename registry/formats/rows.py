"""Reads the rows of a CSV or Parquet file in batches, in flat memory; runs in a locked worker.

Nothing is converted here: cells of a CSV stay text, so that "001" is not 1. Every row has a
number, counted from 1 without the header, blank lines and the like, uneven lines with.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from registry import codec
from registry.errors import BrokenArtifact, TooLarge
from registry.formats import samples
from registry.formats.text import clean, refusal, unique
from registry.records import Field

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MOST_ROWS = 20_000
"""Rows of a batch: enough that a call costs little beside them."""
MOST_CELLS = 4_000_000
MOST_COLUMNS = 2_000
_BLOCK = 4 << 20
_HEAD = 1 << 20
_GAPS = [
    *("", "NA", "na", "N/A", "n/a", "NaN", "nan", "NAN", "null", "Null", "NULL"),
    *("none", "None", "NONE", "<NA>", "#N/A", "-nan", "-NaN"),
]
_TARGETS = ("target", "label", "class", "y", "outcome", "species", "survived", "price")
_MANY_LABELS = 20
_LOOKED_AT = 5_000


@dataclass
class Batch:
    """Some rows.

    Attributes:
        columns: One array per name of the table.
        numbers: int64 `(n_rows,)`, the number of each row.
        share: How much of the file has been read by now, from 0 to 1.
    """

    columns: list[pa.Array]
    numbers: np.ndarray
    share: float

    @property
    def n_rows(self) -> int:
        return len(self.numbers)


@dataclass
class Rows:
    """An opened table. `uneven` are the numbers of rows left out for their number of cells."""

    file: BinaryIO
    names: list[str]
    kind: str
    encoding: str = "utf-8"
    delimiter: str = ","
    raw_names: list[str] = field(default_factory=list)
    uneven: list[int] = field(default_factory=list)

    def batches(self, most_rows: int = 0) -> Iterator[Batch]:
        """All rows from the start, a new reading each time.

        Args:
            most_rows: Rows of a batch, at most; 0 for what suits the number of columns.

        Raises:
            BrokenArtifact: The file is damaged, or no table from somewhere on.
        """
        most = min(most_rows or MOST_ROWS, max(1, MOST_CELLS // max(1, len(self.names))))
        self.uneven.clear()
        self.file.seek(0)
        with _told():
            yield from _parquet(self, most) if self.kind == "parquet" else _csv(self, most)


def opened(file: BinaryIO) -> Rows:
    """Look at the head of a file.

    Raises:
        BrokenArtifact: It is no table with a header and columns.
    """
    file.seek(0)
    if file.read(4) == b"PAR1":
        import pyarrow.parquet as pq

        with _told():
            file.seek(0)
            names = pq.ParquetFile(file).schema_arrow.names
        return Rows(file, _named(names), "parquet")
    file.seek(0)
    encoding = _encoding(file)
    file.seek(0)
    head = file.read(_HEAD).decode(encoding, "replace").removeprefix("\ufeff")
    if "\x00" in head:
        raise no_table("it holds bytes that no text has")
    delimiter = max(",;\t|", key=head.lstrip().partition("\n")[0].count)
    try:
        lines = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        raw = next((row for row in lines if row), [])
    except csv.Error as wrong:
        raise no_table(clean(wrong, 100)) from None
    return Rows(file, _named(raw), "csv", encoding, delimiter, raw)


def describe(file: BinaryIO, most_rows: int) -> dict[str, Any]:
    """What the table holds; every row is read once.

    Returns:
        `columns` (fields as plain data, guessed from the first rows), `n_rows`, `target` and
        `task` (guesses).

    Raises:
        BrokenArtifact: It is no table, or has no rows.
        TooLarge: It has more than `most_rows` rows.
    """
    import pandas as pd

    rows = opened(file)
    n_rows, seen, heads = 0, 0, []
    wanted = max(100, min(_LOOKED_AT, MOST_CELLS // 2 // len(rows.names)))
    for batch in rows.batches():
        n_rows += batch.n_rows
        if n_rows > most_rows:
            raise TooLarge(f"it has more than {most_rows:,} rows; keep a sample of them")
        if seen < wanted:
            heads.append([plain(column).slice(0, wanted - seen) for column in batch.columns])
            seen += len(heads[-1][0])
    if not n_rows:
        raise no_table("it has no rows")
    columns = [
        samples.field(
            name, pd.Series([v for part in parts for v in part.to_pylist()], dtype=object)
        )
        for name, parts in zip(rows.names, zip(*heads, strict=True), strict=True)
    ]
    target = _target(columns)
    return {
        "columns": [codec.dump(column) for column in columns],
        "n_rows": n_rows,
        "target": target.name,
        "task": task_of(target),
    }


def task_of(column: Field) -> str:
    """What a target of this type is most likely for: whole numbers, if few, are labels."""
    if column.type in ("double", "float", "datetime"):
        return "regression"
    if column.type in ("long", "integer"):
        low, high = column.minimum or 0.0, column.maximum or 0.0
        return "classification" if high - low < _MANY_LABELS else "regression"
    return "classification"


def plain(column: pa.Array) -> pa.Array:
    """The column without dictionaries and large or foreign types, as far as that goes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pc.cast(column, pa.binary())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pc.cast(column, pa.float64())
    return column


def no_table(why: str) -> BrokenArtifact:
    """The refusal of a file that holds no rows to read."""
    todo = "Save it as CSV with a header line, or as Parquet"
    sentence = f"{why[:1].upper()}{why[1:]}"
    return BrokenArtifact(refusal("the rows cannot be read as a table", sentence, todo))


def _named(names: list[str]) -> list[str]:
    if not names or len(names) > MOST_COLUMNS:
        raise no_table(f"it has {len(names):,} columns, of 1 to {MOST_COLUMNS:,}")
    return unique(clean(name.strip()) or f"column_{i + 1}" for i, name in enumerate(names))


def _target(columns: list[Field]) -> Field:
    """The column that is called like one, else the last."""
    by_name = {column.name.lower(): column for column in columns}
    return next((by_name[name] for name in _TARGETS if name in by_name), columns[-1])


def _encoding(file: BinaryIO) -> str:
    """UTF-8, UTF-16 by its mark, else Latin-1; all of the file is looked at."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    first = file.read(_BLOCK)
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        while first:
            decoder.decode(first)
            first = file.read(_BLOCK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _csv(rows: Rows, most: int) -> Iterator[Batch]:
    import pyarrow as pa
    import pyarrow.csv as pc

    def left_out(row: Any) -> str:
        rows.uneven.append(row.number - 1)
        return "skip"

    size = rows.file.seek(0, io.SEEK_END) or 1
    rows.file.seek(0)
    reader = pc.open_csv(
        rows.file,
        read_options=pc.ReadOptions(use_threads=False, block_size=_BLOCK, encoding=rows.encoding),
        parse_options=pc.ParseOptions(
            delimiter=rows.delimiter, newlines_in_values=True, invalid_row_handler=left_out
        ),
        convert_options=pc.ConvertOptions(
            column_types=dict.fromkeys(rows.raw_names, pa.string()),
            null_values=_GAPS,
            strings_can_be_null=True,
        ),
    )
    if len(reader.schema) != len(rows.names):
        raise no_table("its first line cannot be taken apart")
    n_good = 0
    for block in reader:
        share = min(1.0, rows.file.tell() / size)
        for start in range(0, block.num_rows, most):
            part = block.slice(start, most)
            numbers = _numbers(n_good, part.num_rows, rows.uneven)
            n_good += part.num_rows
            yield Batch(part.columns, numbers, share)


def _numbers(n_before: int, n_rows: int, uneven: list[int]) -> np.ndarray:
    """The numbers of rows, given how many good ones came before and the numbers of bad ones."""
    import numpy as np

    places = np.arange(n_before + 1, n_before + n_rows + 1, dtype=np.int64)
    if not uneven:
        return places
    bad = np.asarray(uneven, dtype=np.int64)
    return places + np.searchsorted(bad - np.arange(len(bad)), places, side="right")


def _parquet(rows: Rows, most: int) -> Iterator[Batch]:
    import numpy as np
    import pyarrow.parquet as pq

    opened = pq.ParquetFile(rows.file, pre_buffer=False)
    total, seen = max(1, opened.metadata.num_rows), 0
    for batch in opened.iter_batches(batch_size=most, use_threads=False):
        numbers = np.arange(seen + 1, seen + batch.num_rows + 1, dtype=np.int64)
        seen += batch.num_rows
        yield Batch(batch.columns, numbers, min(1.0, seen / total))


@contextmanager
def _told() -> Iterator[None]:
    """What Arrow says of a file, as a refusal."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError) as wrong:
        said = clean(wrong, 200)
        if "straddling" in said:
            said = f"a row is longer than {_BLOCK >> 20} MiB, or a quotation mark is never closed"
        raise no_table(said) from None

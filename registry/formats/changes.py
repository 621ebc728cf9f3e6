"""The rows that one version had right and another has wrong, with both answers, as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

import numpy as np

from registry.errors import BrokenArtifact
from registry.formats import rows
from registry.formats.text import guarded

MOST_ROWS = 100_000
MOST_BYTES = 24 << 20
_MOST_CHANGED = 1000


def changed(file: BinaryIO, answers: BinaryIO, *, base: str, other: str, names: list[str]) -> bytes:
    """Original rows that `base` had right and `other` has wrong, in the order of the file.

    For numbers: the up to 1,000 rows whose absolute error grew most, also in that order.

    Args:
        answers: What `Tally.keep` wrote.
        base, other: Ids of versions in it.
        names: Headings of the two columns of answers.

    Returns:
        UTF-8 with a mark, at most 100,000 rows or 24 MiB; what is left out is said by a last line.
        No cell is a formula to a spreadsheet.

    Raises:
        BrokenArtifact: One of the files is not what it was.
    """
    picked, n_changed = _picked(answers, base, other)
    table = rows.opened(file)
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    writer.writerow([guarded(cell) for cell in ("row", *table.names, "actual", *names)])
    at = written = 0
    for batch in table.batches():
        first = at
        while at < len(picked) and picked[at][0] <= batch.numbers[-1]:
            at += 1
        if at > first:
            written += _write(writer, sink, batch, picked[first:at])
        if at == len(picked) or written < at:
            break
    if written < n_changed:
        writer.writerow(
            [f"… and {n_changed - written:,} more rows, which this file has no room for"]
        )
    return b"\xef\xbb\xbf" + sink.getvalue().encode("utf-8", "replace")


def _write(writer: Any, sink: io.StringIO, batch: rows.Batch, picked: list[tuple[Any, ...]]) -> int:
    """Write rows of a batch as long as there is room; how many."""
    import pyarrow as pa

    places = pa.array(np.searchsorted(batch.numbers, [row[0] for row in picked]))
    columns = [column.take(places).to_pylist() for column in batch.columns]
    for n, ((number, *said), *cells) in enumerate(zip(picked, *columns, strict=True)):
        if sink.tell() > MOST_BYTES:
            return n
        writer.writerow([guarded(cell) for cell in (number, *cells, *said)])
    return len(picked)


def _picked(answers: BinaryIO, base: str, other: str) -> tuple[list[tuple[Any, ...]], int]:
    """Row number, truth and both answers of the rows to show; how many there would be."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(answers, columns=["row", "actual", base, other], use_threads=False)
        row, actual, before, after = (table.column(n).combine_chunks() for n in range(4))
        if pa.types.is_floating(actual.type):
            grown = pc.subtract(
                pc.abs(pc.subtract(after, actual)), pc.abs(pc.subtract(before, actual))
            ).to_numpy(zero_copy_only=False)
            places = np.argsort(-grown, kind="stable")[:_MOST_CHANGED]
            places = np.sort(places[grown[places] > 0])
        else:
            actual, before, after = (rows.plain(each) for each in (actual, before, after))
            broken = pc.and_(pc.equal(before, actual), pc.not_equal(after, actual))
            places = np.flatnonzero(broken.to_numpy(zero_copy_only=False))
    except (pa.ArrowException, OSError, ValueError, IndexError) as wrong:
        raise BrokenArtifact("the answers that were kept cannot be read") from wrong
    chosen = pa.array(places[:MOST_ROWS])
    lists = (column.take(chosen).to_pylist() for column in (row, actual, before, after))
    return list(zip(*lists, strict=True)), len(places)

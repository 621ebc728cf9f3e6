"""Rows of a file and what a version answers to them, inside a worker that holds no model.

Rows stay in their place and as they are; the answers stand behind them. Rows are read ahead: a
piece is handed out while the answer to the one before is still to come.
"""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import numpy as np

from registry import codec
from registry.errors import InvalidInput, TooLarge
from registry.formats import answered, casts, feeding, rows
from registry.formats.feeding import Layout
from registry.formats.text import clean
from registry.records import Schema
from registry.sandbox import arrays, scored
from registry.sandbox.wire import Body

if TYPE_CHECKING:
    import pyarrow as pa

MOST_SHOWN = 100
_MOST_IN_VAIN = 100_000
"""Rows without one that can be scored, after which the rest is not looked at."""
_SPAN = 8 << 20


@dataclass
class _Piece:
    """Some rows in the file's order, and those of them that can be asked about, converted."""

    columns: list[pa.Array]
    numbers: np.ndarray
    good: np.ndarray
    reasons: dict[int, str]
    given: Any
    share: float
    spare: list[tuple[int, str]] = field(default_factory=list)

    @property
    def n_good(self) -> int:
        return int(self.good.sum())

    def cut(self, n_rows: int) -> tuple[_Piece, _Piece]:
        """The first rows and the others."""
        n = int(self.good[:n_rows].sum())
        first = _Piece(
            [column.slice(0, n_rows) for column in self.columns],
            self.numbers[:n_rows],
            self.good[:n_rows],
            {place: why for place, why in self.reasons.items() if place < n_rows},
            _part(self.given, 0, n),
            self.share,
            [(number, text) for number, text in self.spare if number < self.numbers[n_rows]],
        )
        rest = _Piece(
            [column.slice(n_rows) for column in self.columns],
            self.numbers[n_rows:],
            self.good[n_rows:],
            {place - n_rows: why for place, why in self.reasons.items() if place >= n_rows},
            _part(self.given, n, self.n_good),
            self.share,
            [(number, text) for number, text in self.spare if number > self.numbers[n_rows]],
        )
        return first, rest


class Sheet:
    """One step after another, as the dialog asks for them."""

    def __init__(self, file: BinaryIO, order: dict[str, Any]) -> None:
        self.schema: Schema = codec.load(Schema, order["schema"])
        self.layout: Layout = codec.load(Layout, order["layout"])
        self.most_rows = int(order["most_rows"])
        self.rows = rows.opened(file)
        self.first = 1 if self.rows.kind == "csv" else 0  # the header is a line too
        self.place = {name: n for n, name in enumerate(self.rows.names)}
        self.ahead: deque[_Piece] = deque()
        self.asked: deque[_Piece] = deque()
        self.batches = self._batches()
        self.writer: scored.Csv | scored.Parquet = scored.writer(self.rows)
        self.names: list[str] = []
        self.empty: dict[str, np.ndarray] = {}
        self.last: list[pa.Array] = []
        self.problems: list[tuple[int, str]] = []
        self.n_read = self.n_rows = self.n_bad = 0

    def next(self, *, most_rows: int) -> dict[str, Any]:
        """Make rows ready, at most so many: how many are to be asked about, 0 at the end."""
        while piece := self._ahead(most_rows):
            self.asked.append(piece)
            if piece.n_good:
                return {"n_rows": piece.n_good, "share": piece.share}
        if not self.names and not any(piece.n_good for piece in self.asked):
            self._refuse()
        return {"n_rows": 0, "share": 1.0}

    def feed(self) -> tuple[bytes, list[Body]]:
        """The columns of the rows made ready last, as the version's worker takes them."""
        given = self.asked[-1].given
        if isinstance(given, dict):
            return arrays.pack(given)
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, given.schema) as writer:
            writer.write_table(given)
        return b"", [memoryview(sink.getvalue())]

    def back(self) -> dict[str, Any]:
        """Take back what has not been answered, to make it ready again in smaller parts."""
        self.ahead.extendleft(reversed(self.asked))
        self.asked.clear()
        return {}

    def take(self, head: str, body: Body) -> bytes:
        """Write down the answer to the rows asked about first; the next bytes of the file."""
        n_rows = next(piece.n_good for piece in self.asked if piece.n_good)
        try:
            found = answered.columns(
                arrays.tame(arrays.unpack(head.encode(), body)), self.schema, n_rows
            )
            self._same(found)
        except (ValueError, TypeError) as why:
            raise InvalidInput({"answer": clean(why, 500)}) from None
        while not self.asked[0].n_good:
            self._write_down(self.empty)
        self._mind_gaps(found)
        self._write_down(found)
        while self.asked and not self.asked[0].n_good:
            self._write_down(self.empty)
        return self.writer.taken(_SPAN)

    def more(self) -> bytes:
        """The next bytes of the file, b"" when there are none for now."""
        return self.writer.taken(_SPAN)

    def finish(self) -> dict[str, Any]:
        """Write the end: what is worth knowing of the rows, and the first that were not scored."""
        while self.asked:
            self._write_down(self.empty)
        if self.rows.spare:
            self._write_spare()
        self.writer.close()
        return self.told()

    def told(self) -> dict[str, Any]:
        """Rows so far, how many of them could not be scored, and the first of those with why."""
        return {"n_rows": self.n_rows, "n_bad": self.n_bad, "problems": self.problems}

    def _ahead(self, most_rows: int) -> _Piece | None:
        piece = self.ahead.popleft() if self.ahead else next(self.batches, None)
        if piece is not None and len(piece.numbers) > most_rows:
            piece, rest = piece.cut(most_rows)
            self.ahead.appendleft(rest)
        return piece

    def _batches(self) -> Iterator[_Piece]:
        vain = 0
        for batch in self.rows.batches(as_is=True):
            self.n_read += batch.n_rows
            if self.n_read + len(self.rows.uneven) > self.most_rows:
                raise TooLarge(f"it has more than {self.most_rows:,} rows; score it in parts")
            piece = self._converted(batch)
            vain = -1 if vain < 0 or piece.n_good else vain + batch.n_rows
            if vain > _MOST_IN_VAIN:
                self.asked.append(piece)
                self._refuse()
            yield piece

    def _converted(self, batch: rows.Batch) -> _Piece:
        out = casts.Out(np.zeros(batch.n_rows, dtype=bool), most=batch.n_rows)
        columns = [
            casts.column(wanted, casts.cells(wanted, batch.columns[self.place[name]]), out)
            for name, wanted in zip(self.layout.columns, self.layout.fields, strict=True)
        ]
        good, spare = ~out.wrong, []
        while self.rows.spare and self.rows.spare[0][0] < batch.numbers[-1]:
            spare.append(self.rows.spare.popleft())
        given: Any = None
        if good.any():
            if not good.all():
                import pyarrow as pa

                columns = [column.filter(pa.array(good)) for column in columns]
            tensors = self.layout.tensors
            given = (
                feeding.as_tensors(self.layout, columns)
                if tensors
                else casts.matrix_or_table(self.layout.fields, columns)
            )
        return _Piece(batch.columns, batch.numbers, good, out.reasons, given, batch.share, spare)

    def _refuse(self) -> NoReturn:
        """Give up: nothing in the file can be asked about.

        Raises:
            InvalidInput: Always, with the first reason.
        """
        for piece in self.asked:
            self._note(piece)
        left = [(number + self.first, self._uneven(text)) for number, text in self.rows.spare]
        self.n_rows, self.n_bad = self.n_rows + len(left), self.n_bad + len(left)
        self.problems = sorted([*self.problems, *left])[:MOST_SHOWN]
        why = f"; line {self.problems[0][0]}: {self.problems[0][1]}" if self.problems else ""
        raise InvalidInput({"rows": clean(f"no row can be scored{why}", 500)})

    def _same(self, found: dict[str, np.ndarray]) -> None:
        if not self.names:
            self.names = list(found)
            beside = answered.beside(self.rows.raw_names, found)
            self.empty = {name: array[:0] for name, array in found.items()}
            self.writer.open(beside, found)
        if list(found) != self.names:
            raise ValueError("it answers now with other outputs than before")

    def _mind_gaps(self, found: dict[str, np.ndarray]) -> None:
        """Rows that the version answered without a number are among those left without one."""
        silent = answered.without_answer(found)
        piece = self.asked[0]
        for place in np.flatnonzero(piece.good)[silent].tolist():
            piece.reasons[place] = "the version answered with no number (NaN or infinite)"

    def _write_down(self, found: dict[str, np.ndarray]) -> None:
        piece = self.asked.popleft()
        self._note(piece)
        why = [piece.reasons.get(n) for n in range(len(piece.good))] if piece.reasons else []
        uneven = [(number, *self._cells(text)) for number, text in piece.spare]
        self.writer.write(piece.columns, found, piece.good, why, piece.numbers, uneven)

    def _write_spare(self) -> None:
        """Uneven rows behind the last even one."""
        none: list[pa.Array] = [column.slice(0, 0) for column in self.last]
        numbers, good = np.zeros(0, np.int64), np.zeros(0, dtype=bool)
        piece = _Piece(none, numbers, good, {}, None, 1.0, list(self.rows.spare))
        self.rows.spare.clear()
        self.asked.append(piece)
        self._write_down(self.empty)

    def _note(self, piece: _Piece) -> None:
        self.last = piece.columns
        found = [
            (int(piece.numbers[place]) + self.first, why) for place, why in piece.reasons.items()
        ]
        found += [(number + self.first, self._uneven(text)) for number, text in piece.spare]
        self.n_rows += len(piece.numbers) + len(piece.spare)
        self.n_bad += len(piece.reasons) + len(piece.spare)
        if room := MOST_SHOWN - len(self.problems):
            self.problems += sorted(found)[:room]

    def _uneven(self, text: str) -> str:
        return self._cells(text)[1]

    def _cells(self, text: str) -> tuple[list[str], str]:
        """An uneven row in as many cells as the header has, and what is wrong with it."""
        n = len(self.rows.names)
        try:
            found = next(csv.reader(io.StringIO(text), delimiter=self.rows.delimiter), [])
        except csv.Error:
            return [""] * n, "it cannot be taken apart into cells"
        why = f"it has {len(found)} cells, the header has {n}"
        return (found + [""] * n)[:n], why + ("; those too many are left out" * (len(found) > n))


def answer(sheet: Sheet, step: str, body: Body, **order: Any) -> tuple[bytes, list[Body]]:
    """What the worker replies to one step."""
    if step == "feed":
        return sheet.feed()
    if step == "take":
        return b"", [sheet.take(body=body, **order)]
    if step == "more":
        return b"", [sheet.more()]
    steps: dict[str, Callable[..., dict[str, Any]]] = {
        "next": sheet.next,
        "back": sheet.back,
        "finish": sheet.finish,
        "told": sheet.told,
    }
    return b"", [json.dumps(steps[step](**order)).encode()]


def _part(given: Any, start: int, stop: int) -> Any:
    if isinstance(given, dict):
        return {name: array[start:stop] for name, array in given.items()}
    return None if given is None else given.slice(start, stop - start)

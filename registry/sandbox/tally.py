"""Labelled rows and what versions answer to them, inside a worker that holds no model.

Only this worker sees the labels. A version's worker gets the columns that `feed` gives out.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from registry import codec
from registry.errors import InvalidInput, PredictionFailed
from registry.formats import casts, feeding, readings, rows
from registry.formats.feeding import Layout
from registry.formats.readings import Vocabulary
from registry.formats.text import clean
from registry.judging import contract, judge, pair
from registry.records import Field, Schema
from registry.sandbox import arrays, slicing, wire
from registry.sandbox.wire import Body

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 20
_MOST_SHARES = 64_000_000


@dataclass
class _Answers:
    """What one version has answered so far, in the order of the rows that are judged."""

    schema: Schema
    layout: Layout
    values: np.ndarray
    n_rows: int = 0
    shares: np.ndarray | None = None
    share_names: tuple[str, ...] = ()
    labels: Vocabulary = field(default_factory=Vocabulary)
    wild: bool = False
    """It knows far more labels than the rows do."""


@dataclass
class Tally:
    """Truth and answers; one step after another, as the judge's dialog asks for them."""

    file: BinaryIO
    order: dict[str, Any]
    labels: Vocabulary = field(default_factory=Vocabulary)
    reasons: list[str] = field(default_factory=list)
    n_out: int = 0

    def __post_init__(self) -> None:
        self.rows = rows.opened(self.file)
        self.place = {name: n for n, name in enumerate(self.rows.names)}
        self.task = self.order["task"]
        most = self.order["most_rows"]
        self.target = np.empty(most, np.int32 if self.task == "classification" else np.float64)
        self.numbers = np.empty(most, np.int64)
        self.slices = slicing.Slices()
        self.versions = [self._version(told, most) for told in self.order["versions"]]
        self.kept: list[np.ndarray] = []
        self.uneven: list[int] = []
        self.n_rows = 0
        self.batches: Iterator[tuple[int, rows.Batch]] = iter(())
        self.current: Any = None

    def _version(self, told: dict[str, Any], most: int) -> _Answers:
        schema, layout = codec.load(Schema, told["schema"]), codec.load(Layout, told["layout"])
        return _Answers(schema, layout, np.empty(most, self.target.dtype))

    def begin(self, version: int) -> dict[str, Any]:
        """Read the rows from the start, for this version; by how many at a time."""
        widths = [max(len(v.layout.columns), len(v.schema.classes)) for v in self.versions]
        size = max(1, min(rows.MOST_ROWS, rows.MOST_CELLS // max(1, *widths)))
        self.batches = enumerate(self.rows.batches(size))
        self.versions[version].n_rows = 0
        return {"n_rows": size}

    def next(self, version: int) -> dict[str, Any]:
        """Make the next batch ready: how many rows of it are judged, how far the file is read."""
        layout = self.versions[version].layout
        for n, batch in self.batches:
            columns = self._take_truth(batch, layout) if n == len(self.kept) else None
            keep = self.kept[n]
            if keep.any():
                self.current = self._given(layout, batch, keep, columns)
                return {"n_rows": int(keep.sum()), "share": batch.share}
        self.uneven = list(self.rows.uneven)
        if not self.n_rows:
            why = self._reasons()[0] if self._reasons() else "it has none"
            raise InvalidInput({"rows": f"no row can be judged: {clean(why, 300)}"})
        return {"n_rows": 0, "share": 1.0}

    def feed(self, start: int, stop: int) -> tuple[bytes, list[Body]]:
        """Columns of some rows of the batch, as a version's worker takes them; never the target."""
        if isinstance(self.current, dict):
            return arrays.pack({name: a[start:stop] for name, a in self.current.items()})
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        part = self.current.slice(start, stop - start)
        with pa.ipc.new_stream(sink, part.schema) as writer:
            writer.write_table(part)
        return b"", [memoryview(sink.getvalue())]

    def take(self, version: int, head: str, n_rows: int, body: Body) -> str:
        """Keep what a version answered to the rows fed last; why it cannot be judged, or ""."""
        answers = self.versions[version]
        try:
            outputs = arrays.tame(arrays.unpack(head.encode(), body))
            if self.task == "classification":
                found = readings.labels(outputs, answers.schema, n_rows, answers.labels)
            else:
                found = readings.numbers(outputs, answers.schema, n_rows)
        except (ValueError, TypeError, wire.Odd) as why:
            return clean(why, 500)
        stop = answers.n_rows + n_rows
        if stop > self.n_rows:
            return "it answered more rows than it was given"
        answers.values[answers.n_rows : stop] = found.values
        try:
            self._keep_shares(answers, found, stop)
        except ValueError as why:
            return clean(why, 500)
        answers.n_rows = stop
        return ""

    def _keep_shares(self, answers: _Answers, found: readings.Reading, stop: int) -> None:
        if found.shares is None:
            answers.shares = None
            return
        if not answers.n_rows:
            most = len(answers.values) * found.shares.shape[1]
            fits = most * len(self.versions) <= _MOST_SHARES
            kind = np.float64 if found.shares.dtype != np.float32 else np.float32
            shape = (len(answers.values), found.shares.shape[1])
            answers.shares = np.empty(shape, kind) if fits else None
            answers.share_names = found.share_names
            for name in found.share_names:
                answers.labels.code(name)
        if answers.shares is not None:
            answers.shares[answers.n_rows : stop] = found.shares

    def told(self) -> dict[str, Any]:
        """What is worth knowing of the rows: how many are judged, how many were left out, why."""
        return {
            "n_rows": self.n_rows,
            "n_out": self.n_out + len(self.uneven),
            "reasons": self._reasons(),
            "without_shares": [v.shares is None and bool(v.share_names) for v in self.versions],
        }

    def _reasons(self) -> list[str]:
        uneven = [f"row {n}: more or fewer cells than the header" for n in self.uneven[:_SHOWN]]
        return (self.reasons + uneven)[:_SHOWN]

    def quality(self, version: int) -> Any:
        """How good a version's answers are."""
        return codec.dump(judge(self._truth, self._answers(version)))

    def pair(self, base: int, other: int, base_id: str, other_id: str) -> Any:
        """Whether two versions differ by more than chance."""
        both = self._answers(base), self._answers(other)
        return codec.dump(pair(self._truth, *both, base_id=base_id, other_id=other_id))

    def keep(self, versions: dict[str, int]) -> bytes:
        """Truth and answers as Parquet.

        Args:
            versions: Id to place of those that answered every row.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        truth = self._truth
        columns: dict[str, pa.Array] = {
            "row": pa.array(self.numbers[: self.n_rows]),
            "actual": _named(truth.target, truth.classes),
        }
        for version_id, place in versions.items():
            answers = self._answers(place)
            columns[version_id] = _named(answers.values, truth.classes)
            if answers.shares is not None:
                for n, code in enumerate(answers.share_classes):
                    share = pa.array(answers.shares[:, n].astype(np.float32))
                    columns[f"{version_id}/{truth.classes[code]}"] = share
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink)
        return sink.getvalue()

    def _take_truth(self, batch: rows.Batch, layout: Layout) -> list[pa.Array]:
        """Note the labels of a batch and which of its rows are judged; the columns of `layout`."""
        out = casts.Out(np.zeros(batch.n_rows, dtype=bool))
        found = self._labels(batch.columns[self.place[self.order["target"]]], out)
        done: list[tuple[Layout, list[pa.Array]]] = []
        for other in (layout, *(answers.layout for answers in self.versions)):
            if all(other != seen for seen, _ in done):
                done.append((other, self._cast(other, batch, out)))
        self._note(batch, out)
        keep = ~out.wrong
        stop = self.n_rows + int(keep.sum())
        if stop > len(self.target):
            raise PredictionFailed("the file has more rows than were counted when it was stored")
        if stop > self.n_rows:
            self.target[self.n_rows : stop] = self._coded(found, keep)
            self.numbers[self.n_rows : stop] = batch.numbers[keep]
            if self.order["slice_by"]:
                self.slices.add(_kept(batch.columns[self.place[self.order["slice_by"]]], keep))
        self.n_rows = stop
        self.kept.append(keep)
        return done[0][1]

    def _cast(self, layout: Layout, batch: rows.Batch, out: casts.Out) -> list[pa.Array]:
        return [
            casts.column(wanted, batch.columns[self.place[name]], out)
            for name, wanted in zip(layout.columns, layout.fields, strict=True)
        ]

    def _labels(self, given: pa.Array, out: casts.Out) -> pa.Array:
        name = self.order["target"]
        if self.task == "regression":
            return casts.column(Field(name, "double"), given, out)
        import pyarrow.compute as pc

        given = rows.plain(given)
        out.add(
            pc.is_null(given, nan_is_null=True).to_numpy(zero_copy_only=False),
            f"{name}: is missing",
        )
        return given

    def _coded(self, found: pa.Array, keep: np.ndarray) -> np.ndarray:
        if self.task == "regression":
            numbers: np.ndarray = found.to_numpy(zero_copy_only=False)[keep]
            return numbers
        try:
            return self.labels.encode(_kept(found, keep))
        except ValueError as why:
            todo = "take regression, or another column"
            raise InvalidInput({"target": f"{self.order['target']}: {why}; {todo}"}) from None

    def _note(self, batch: rows.Batch, out: casts.Out) -> None:
        self.n_out += int(out.wrong.sum())
        for place in sorted(out.reasons)[: max(0, _SHOWN - len(self.reasons))]:
            self.reasons.append(f"row {batch.numbers[place]}: {out.reasons[place]}")

    def _given(
        self, layout: Layout, batch: rows.Batch, keep: np.ndarray, columns: list[pa.Array] | None
    ) -> Any:
        """A batch as one version takes it."""
        if columns is None:
            columns = self._cast(layout, batch, casts.Out(~keep))
        columns = [_kept(column, keep) for column in columns]
        if layout.tensors:
            return feeding.as_tensors(layout, columns)
        return casts.matrix_or_table(layout.fields, columns)

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        """All labels, of the rows and of the versions that answered, in order; () for numbers."""
        names = set(self.labels.codes)
        for answers in self.versions:
            more = names | set(answers.labels.codes)
            answers.wild = len(more) > 2 * readings.MOST_LABELS
            names = names if answers.wild else more
        return tuple(sorted(names, key=readings.sort_key))

    @cached_property
    def _truth(self) -> contract.Truth:
        target: np.ndarray = self.target[: self.n_rows]
        if self.task == "classification":
            target = self._codes(self.labels)[target]
        codes, values = self.slices.coded() if self.order["slice_by"] else (None, ())
        return contract.Truth(self.task, self._classes, target, codes, values)

    def _codes(self, labels: Vocabulary) -> np.ndarray:
        """Where each label of a vocabulary stands among all."""
        place = {name: n for n, name in enumerate(self._classes)}
        return np.array([place[name] for name in labels.codes] or [0], dtype=np.int32)

    def _answers(self, version: int) -> contract.Answers:
        answers = self.versions[version]
        if answers.n_rows != self.n_rows:
            raise PredictionFailed("it has not answered every row")
        values = answers.values[: self.n_rows]
        if self.task == "regression":
            return contract.Answers(values)
        if self._classes and answers.wild:
            raise PredictionFailed("it answers with too many labels that no row has")
        new = self._codes(answers.labels)
        if answers.shares is None:
            return contract.Answers(new[values])
        codes = tuple(int(new[answers.labels.code(name)]) for name in answers.share_names)
        return contract.Answers(new[values], answers.shares[: self.n_rows], codes)


def answer(tally: Tally, step: str, body: Body, **order: Any) -> tuple[bytes, list[Body]]:
    """What the worker replies to one step."""
    if step == "feed":
        return tally.feed(**order)
    if step == "take":
        return b"", [json.dumps({"why": tally.take(body=body, **order)}).encode()]
    steps: dict[str, Callable[..., Any]] = {
        "begin": tally.begin,
        "next": tally.next,
        "told": tally.told,
        "quality": tally.quality,
        "pair": tally.pair,
    }
    return b"", [json.dumps(steps[step](**order)).encode()]


def _kept(column: pa.Array, keep: np.ndarray) -> pa.Array:
    import pyarrow as pa

    return column if keep.all() else column.filter(pa.array(keep))


def _named(values: np.ndarray, classes: tuple[str, ...]) -> pa.Array:
    import pyarrow as pa

    if not classes:
        return pa.array(values)
    return pa.DictionaryArray.from_arrays(pa.array(values), pa.array(classes))

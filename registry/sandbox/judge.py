"""The dialog with the worker that reads labelled rows and judges answers to them.

It holds no model, and the models' workers hold no labels: batches of columns go from here to
them, and their answers back, as bytes that nobody parses in between. What it says is as hostile
as what any worker says: it has read an uploaded file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from registry import codec
from registry.errors import (
    BrokenArtifact,
    Busy,
    InvalidInput,
    PredictionFailed,
    PredictionTimeout,
    Rejected,
)
from registry.formats.feeding import Layout
from registry.formats.text import clean
from registry.records import EvaluationTask, Paired, Quality, Schema
from registry.sandbox import questions, wire
from registry.sandbox.process import Worker
from registry.sandbox.wire import Body, Message, Odd
from registry.settings import Settings

T = TypeVar("T")
_SHOWN = 20
_MOST_HEAD = 16 << 10


@dataclass(frozen=True)
class Case:
    """What is judged: the rows of a file and the versions that answer to them.

    Attributes:
        most_rows: Rows the file is known to have.
        versions: What each version takes and gives, and which columns it is given.
    """

    target: str
    task: EvaluationTask
    slice_by: str
    most_rows: int
    versions: tuple[tuple[Schema, Layout], ...]


@dataclass(frozen=True)
class Raw:
    """A prediction's question or answer as it goes over the wire, unread."""

    kind: int
    head: bytes
    body: Body


@dataclass(frozen=True)
class Told:
    """Of the rows: how many are judged, how many were left out, the first reasons."""

    n_rows: int
    n_out: int
    reasons: tuple[str, ...]
    without_shares: tuple[bool, ...]


class Judge:
    """A worker with the rows of one file. One step after another, by one thread."""

    def __init__(self, worker: Worker, settings: Settings) -> None:
        self._worker, self._settings = worker, settings

    def open(self, fd: int, case: Case) -> None:
        """Hand over the file, read-only."""
        told = {
            "target": case.target,
            "task": case.task,
            "slice_by": case.slice_by,
            "most_rows": case.most_rows,
            "versions": [
                {"schema": codec.dump(schema), "layout": codec.dump(layout)}
                for schema, layout in case.versions
            ],
        }
        self._ask("open", json.dumps(told).encode(), fd)

    def begin(self, version: int) -> int:
        """Start with the first row, for one version; rows of a batch, at most."""
        return self._count(self._data(self._ask("begin", version=version)), "n_rows")

    def next(self, version: int) -> tuple[int, float]:
        """Go to the next batch: its rows, 0 at the end, and the share of the file read."""
        told = self._data(self._ask("next", version=version))
        share = questions.share(self._worker, told)
        return self._count(told, "n_rows"), share

    def feed(self, start: int, stop: int) -> Raw:
        """The columns of some rows of the batch, for a version's worker."""
        reply = self._ask("feed", start=start, stop=stop)
        kind = wire.PREDICT_ARRAYS if reply.head else wire.PREDICT_TABLE
        return Raw(kind, reply.head, reply.body)

    def take(self, version: int, n_rows: int, answer: Raw) -> str:
        """Hand over what a version answered to the rows fed last; why it cannot be judged."""
        if len(answer.head) > _MOST_HEAD:
            return "it gives too many outputs"
        head = answer.head.decode("utf-8", "replace")
        order: dict[str, Any] = {"version": version, "head": head, "n_rows": n_rows}
        return clean(str(self._data(self._ask("take", answer.body, **order)).get("why", "")), 500)

    def told(self) -> Told:
        """What is worth knowing of the rows, once a version has seen all of them."""
        told = self._data(self._ask("told"))
        reasons, without = told.get("reasons"), told.get("without_shares")
        listed = reasons[:_SHOWN] if isinstance(reasons, list) else []
        flags = without if isinstance(without, list) else []
        return Told(
            self._count(told, "n_rows"),
            self._count(told, "n_out"),
            tuple(clean(str(reason), 300) for reason in listed),
            tuple(bool(flag) for flag in flags),
        )

    def quality(self, version: int) -> Quality:
        """How good a version's answers are.

        Raises:
            PredictionFailed: There are none to judge.
        """
        return self._record(Quality, self._ask("quality", version=version))

    def pair(self, base: tuple[int, str], other: tuple[int, str]) -> Paired:
        """Whether two versions, places and ids, differ by more than chance."""
        order: dict[str, Any] = {"base": base[0], "other": other[0]}
        order |= {"base_id": base[1], "other_id": other[1]}
        paired = self._record(Paired, self._ask("pair", b"", **order))
        if (paired.base, paired.other) != (base[1], other[1]):
            self._worker.refuse(Odd("a pair of others"))
        return paired

    def pieces(self, versions: dict[str, int]) -> Iterator[Body]:
        """Truth and answers as a Parquet file, piece by piece; hostile bytes.

        Args:
            versions: Id to place of those to write down.
        """
        size = self._count(self._data(self._ask("keep", versions=versions)), "size_bytes")
        yield from _pieces(self._worker, size, self._settings)

    def _ask(self, step: str, body: Body = b"", fd: int = -1, **order: Any) -> Message:
        fds, timeout_s = [fd] if fd >= 0 else [], self._settings.convert_timeout_s
        order |= {"step": step}
        return questions.task(self._worker, "judge", timeout_s, body, *fds, **order)

    def _data(self, reply: Message) -> dict[str, Any]:
        return questions.mapping(self._worker, reply)

    def _count(self, told: dict[str, Any], name: str) -> int:
        return questions.count(self._worker, told, name)

    def _record(self, cls: type[T], reply: Message) -> T:
        data = self._worker.data(reply)
        try:
            json.dumps(data, allow_nan=False)
        except ValueError as odd:
            self._worker.refuse(odd)
        return questions.record(cls, self._worker, data)


def changed(
    worker: Worker, fds: Sequence[int], order: dict[str, Any], settings: Settings
) -> Iterator[Body]:
    """Rows of a file that one version had right and another has wrong, as CSV, piece by piece.

    Args:
        fds: The data set, and the answers kept of its evaluation.
        order: As `formats.changes.changed` takes it.
    """
    reply = questions.task(worker, "changed", settings.convert_timeout_s, b"", *fds, **order)
    told = worker.data(reply)
    size = told.get("size_bytes") if isinstance(told, dict) else None
    if type(size) is not int or not 0 <= size <= wire.MAX_REPLY:
        worker.refuse(Odd("a result of a size out of bounds"))
    yield from _pieces(worker, size, settings)


def _pieces(worker: Worker, size_bytes: int, settings: Settings) -> Iterator[Body]:
    seen = 0
    while seen < size_bytes:
        reply = questions.task(worker, "piece", settings.inspect_timeout_s, b"", start=seen)
        if not 0 < len(reply.body) <= size_bytes - seen:
            worker.refuse(Odd("a piece of a size out of bounds"))
        seen += len(reply.body)
        yield reply.body


@contextmanager
def told_of_rows() -> Iterator[None]:
    """Whatever goes wrong with this worker is the fault of the rows, not of a model.

    Raises:
        BrokenArtifact: In place of what a worker's failure is called.
    """
    try:
        yield
    except (Rejected, Busy, InvalidInput):
        raise
    except PredictionTimeout as late:
        raise BrokenArtifact(f"reading the rows took longer than {late.timeout_s:g} s") from late
    except PredictionFailed as failed:
        said = failed.message.replace("the model's worker", "the worker that reads")
        raise BrokenArtifact(f"the rows could not be worked on: {said}") from failed

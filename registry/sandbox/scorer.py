"""The dialog with the worker that reads rows to score and writes the answers beside them.

It holds no model; the model's worker gets the columns it takes and nothing else. What it says and
what it writes is as hostile as what any worker says: it has read an uploaded file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from registry import codec
from registry.errors import InvalidInput
from registry.formats.feeding import Layout
from registry.formats.text import clean
from registry.records import BadRow, Schema
from registry.sandbox import judge, questions, wire
from registry.sandbox.judge import Raw
from registry.sandbox.process import Worker
from registry.sandbox.wire import Body, Message
from registry.settings import Settings

MOST_SHOWN = 100
_MOST_HEAD = 16 << 10


@dataclass(frozen=True)
class Task:
    """What is to be scored: by which schema, from which columns, how many rows at most."""

    schema: Schema
    layout: Layout
    most_rows: int


@dataclass(frozen=True)
class Told:
    """Of the rows: how many were read, how many not scored, the first of these with why."""

    n_rows: int
    n_bad: int
    problems: tuple[BadRow, ...]


class Scorer:
    """A worker with the rows of one file. One step after another, by one thread at a time."""

    def __init__(self, worker: Worker, settings: Settings) -> None:
        self._worker, self._settings = worker, settings

    def open(self, fd: int, task: Task) -> None:
        """Hand over the file, read-only."""
        schema, layout = codec.dump(task.schema), codec.dump(task.layout)
        told = {"schema": schema, "layout": layout, "most_rows": task.most_rows}
        self._ask("open", json.dumps(told).encode(), fd)

    def next(self, most_rows: int) -> tuple[Raw | None, int, float]:
        """The next rows for the version's worker: None at the end; how many, share of the file."""
        told = self._data(self._ask("next", most_rows=most_rows))
        share = questions.share(self._worker, told)
        n_rows = self._count(told, "n_rows")
        if not n_rows:
            return None, 0, share
        reply = self._ask("feed")
        kind = wire.PREDICT_ARRAYS if reply.head else wire.PREDICT_TABLE
        return Raw(kind, reply.head, reply.body), n_rows, share

    def back(self) -> None:
        """Have it give out again, in smaller parts, what has not been answered."""
        self._ask("back")

    def take(self, answer: Raw) -> Iterator[Body]:
        """Hand over the answer to the rows given out first; what that adds to the file.

        Raises:
            InvalidInput: The answer fits into no table.
        """
        if len(answer.head) > _MOST_HEAD:
            raise InvalidInput({"answer": "it gives too many outputs"})
        reply = self._ask("take", answer.body, head=answer.head.decode("utf-8", "replace"))
        yield from self._rest(reply.body)

    def finish(self) -> Iterator[Body]:
        """Have the file written to its end."""
        self._ask("finish")
        yield from self._rest(self._ask("more").body)

    def told(self) -> Told:
        """What is worth knowing of the rows so far."""
        told = self._data(self._ask("told"))
        listed = told.get("problems")
        problems = []
        for each in listed[:MOST_SHOWN] if isinstance(listed, list) else []:
            match each:
                case [int(line), str(why)]:
                    problems.append(BadRow(line, clean(why, 300)))
        return Told(self._count(told, "n_rows"), self._count(told, "n_bad"), tuple(problems))

    def _rest(self, piece: Body) -> Iterator[Body]:
        while len(piece):
            yield piece
            piece = self._ask("more").body

    def _ask(self, step: str, body: Body = b"", fd: int = -1, **order: Any) -> Message:
        fds, timeout_s = [fd] if fd >= 0 else [], self._settings.convert_timeout_s
        order |= {"step": step}
        with judge.told_of_rows():
            return questions.task(self._worker, "score", timeout_s, body, *fds, **order)

    def _data(self, reply: Message) -> dict[str, Any]:
        return questions.mapping(self._worker, reply)

    def _count(self, told: dict[str, Any], name: str) -> int:
        return questions.count(self._worker, told, name)

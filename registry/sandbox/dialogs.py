"""A worker's tasks about tables of rows: read them, judge answers, score them, train on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from registry.formats import convert
from registry.sandbox import wire
from registry.sandbox.work import Reply, Work, announced, answered, taken_file

_PIECE = 4 << 20


def _read_table(_: Work, message: wire.Message, *, filename: str, n_rows: int = 0) -> Reply:
    from registry.formats import samples

    with taken_file(message) as file:
        return answered(samples.read_table(file, filename, n_rows))


def _read_metrics(_: Work, message: wire.Message) -> Reply:
    from registry.formats import measures

    with taken_file(message) as file:
        return answered(measures.read(file))


def _read_rows(_: Work, message: wire.Message, *, most: int) -> Reply:
    from registry.formats import rows

    with taken_file(message) as file:
        return answered(rows.describe(file, most))


def _head_rows(_: Work, message: wire.Message) -> Reply:
    from registry.formats import rows

    with taken_file(message) as file:
        return answered(rows.head(file))


def _judge(work: Work, message: wire.Message, *, step: str, **order: Any) -> Reply:
    """One step of the judge's dialog."""
    from registry.sandbox import tally

    if step == "open":
        work.desk = tally.Tally(taken_file(message), json.loads(bytes(message.body)))
        return answered({})
    if step == "keep":
        work.blob = work.desk.keep(**order)
        return answered({"size_bytes": len(work.blob)})
    found: Reply = tally.answer(work.desk, step, message.body, **order)
    return found


def _score(work: Work, message: wire.Message, *, step: str, **order: Any) -> Reply:
    """One step of the dialog about rows to score."""
    from registry.sandbox import scoresheet

    if step == "open":
        work.desk = scoresheet.Sheet(taken_file(message), json.loads(bytes(message.body)))
        return answered({})
    found: Reply = scoresheet.answer(work.desk, step, message.body, **order)
    return found


def _train(work: Work, message: wire.Message, **order: Any) -> Reply:
    """One step of a training's dialog."""
    from registry.fitting import trainer

    file = taken_file(message) if message.fds else None
    work.desk, told = trainer.step(work.desk, file, bytes(message.body), order)
    work.made = told if isinstance(told, convert.Made) else None
    return announced(work.made) if work.made else answered(told)


def _changed(work: Work, message: wire.Message, **order: Any) -> Reply:
    from registry.formats import changes

    with taken_file(message) as answers, taken_file(message) as rows:
        work.blob = changes.changed(rows, answers, **order)
    return answered({"size_bytes": len(work.blob)})


def _piece(work: Work, _: wire.Message, *, start: int) -> Reply:
    """The next bytes of what was written down."""
    return b"", [work.blob[start : start + _PIECE]]


TASKS: dict[str, Callable[..., Reply]] = {
    "read_table": _read_table,
    "read_metrics": _read_metrics,
    "read_rows": _read_rows,
    "head_rows": _head_rows,
    "judge": _judge,
    "score": _score,
    "train": _train,
    "changed": _changed,
    "piece": _piece,
}
"""Task to what answers it: the work, the message and the named words of the order."""

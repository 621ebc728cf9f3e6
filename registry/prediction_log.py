"""The prediction log: a queue and one writer thread per database. Adds rows of `predictions`.

Logging costs the caller a put on a queue; a kill may lose the last 50 ms of lines, nothing more.
What is kept of input and answer is the choice of the model's owner, looked up by the writer.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Engine, bindparam, insert, select
from sqlalchemy.exc import SQLAlchemyError

from registry.core import Registry
from registry.memory import recalled
from registry.tables import ModelRow, PredictionRow, UserRow, VersionRow, now

_log = structlog.get_logger(__name__)
_COMMIT_EVERY_S = 0.04
_MOST_ROWS = 500
_STOP_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One call, as it is put on the queue.

    `digest`, `inputs` and `answer` run in the writer thread, and only if they are to be kept.
    """

    id: str
    model_id: str
    version_id: str
    user_id: str
    n_rows: int
    latency_ms: float
    outcome: str
    digest: Callable[[], str] | None = None
    inputs: Callable[[], dict[str, Any] | None] | None = None
    answer: Callable[[], dict[str, Any] | None] | None = None


def log(reg: Registry, entry: Entry) -> None:
    """Put one prediction on the way to the database."""
    _writer(reg).put((reg, now(), entry))


def flush(reg: Registry) -> None:
    """Wait until everything logged so far is in the database."""
    _writer(reg).drain()


_Line = tuple[Registry, datetime, Entry]
_Queue = queue.SimpleQueue[_Line | threading.Event | None]


class _Writer:
    """A queue and the thread that empties it, ended with its registry or with the process.

    Only lines on the queue hold the registry alive, so none is lost when it goes out of use.
    """

    def __init__(self, reg: Registry) -> None:
        self._queue: _Queue = queue.SimpleQueue()
        thread = threading.Thread(
            target=_run, args=(self._queue,), name="prediction-log", daemon=True
        )
        thread.start()
        weakref.finalize(reg, _stop, self._queue, thread)

    def put(self, line: _Line) -> None:
        self._queue.put(line)

    def drain(self) -> None:
        written = threading.Event()
        self._queue.put(written)
        written.wait(_STOP_WITHIN_S)


_writers: weakref.WeakKeyDictionary[Engine, _Writer] = weakref.WeakKeyDictionary()
_writers_lock = threading.Lock()


def _writer(reg: Registry) -> _Writer:
    found = _writers.get(reg.engine)
    if found is None:
        with _writers_lock:
            found = _writers.get(reg.engine)
            if found is None:
                found = _writers[reg.engine] = _Writer(reg)
    return found


def _stop(lines: _Queue, thread: threading.Thread) -> None:
    lines.put(None)
    if thread is not threading.current_thread():
        thread.join(_STOP_WITHIN_S)


def _run(lines: _Queue) -> None:
    last = False
    while not last:
        batch, waiting, last = _collect(lines)
        if batch:
            try:
                _write(batch)
            except (SQLAlchemyError, ArithmeticError, LookupError, TypeError, ValueError):
                _log.exception("prediction lines lost", n_lines=len(batch))
        batch.clear()
        if waiting:
            waiting.set()


def _collect(lines: _Queue) -> tuple[list[_Line], threading.Event | None, bool]:
    """Lines until 40 ms after the first, until somebody waits, or until the end (True)."""
    batch: list[_Line] = []
    until: float | None = None
    while len(batch) < _MOST_ROWS:
        try:
            left = None if until is None else max(0.0, until - time.monotonic())
            item = lines.get(timeout=left)
        except queue.Empty:
            break
        if item is None or isinstance(item, threading.Event):
            return batch, item, item is None
        batch.append(item)
        until = until or time.monotonic() + _COMMIT_EVERY_S
    return batch, None, False


def _write(batch: list[_Line]) -> None:
    """Insert the lines of versions that still exist, with what their owners let be kept.

    What is kept is made before the write lock is taken, and looked at again under it.
    """
    reg = batch[0][0]
    asked = {entry.version_id for _, _, entry in batch}
    wishes = {version_id: recalled(_wish, reg, version_id) for version_id in asked}
    made = [_values(at, entry, wishes.get(entry.version_id, "")) for _, at, entry in batch]
    with reg.counting() as c:  # a line makes nobody ask anew what they know
        wishes = dict(c.execute(_WISHES, {"asked": list(asked)}).all())
        by = list({entry.user_id for _, _, entry in batch})
        users = set(c.execute(_USERS, {"asked": by}).scalars())
        rows = [
            _allowed(row, wishes[row["version_id"]], known=row["user_id"] in users)
            for row in made
            if row["version_id"] in wishes
        ]
        if rows:
            c.execute(_ADD, rows)


def _wish(reg: Registry, version_id: str) -> str:
    """What its model's owner lets be kept of a version; "" when it is purged."""
    with reg.reading() as s:
        return dict(s.execute(_WISHES, {"asked": [version_id]}).all()).get(version_id, "")


_WISHES = (
    select(VersionRow.id, ModelRow.keep_inputs)
    .join(ModelRow, ModelRow.id == VersionRow.model_id)
    .where(VersionRow.id.in_(bindparam("asked", expanding=True)))
)
_USERS = select(UserRow.id).where(UserRow.id.in_(bindparam("asked", expanding=True)))
_ADD = insert(PredictionRow)


def _allowed(row: dict[str, Any], keep: str, *, known: bool) -> dict[str, Any]:
    """The row without what may not be kept: of former users, nothing they entered."""
    if keep != "full" or not known:
        row |= {"inputs": None, "answer": None}
    if keep == "nothing":
        row |= {"input_digest": ""}
    return row | {"user_id": row["user_id"] if known else None}


def _values(at: datetime, entry: Entry, keep: str) -> dict[str, Any]:
    digested, full = keep in ("digest", "full"), keep == "full"
    return {
        "id": entry.id,
        "at": at,
        "model_id": entry.model_id,
        "version_id": entry.version_id,
        "user_id": entry.user_id,
        "n_rows": entry.n_rows,
        "latency_ms": entry.latency_ms,
        "outcome": entry.outcome,
        "input_digest": entry.digest() if entry.digest and digested else "",
        "inputs": entry.inputs() if entry.inputs and full else None,
        "answer": entry.answer() if entry.answer and full else None,
    }

"""The prediction log: a queue and one writer thread per database. Owns `predictions`.

Logging costs the caller a put on a queue; a kill may lose the last 50 ms of lines, nothing more.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Engine, func, insert, select, true
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, aliased

from registry import models
from registry.core import Registry
from registry.records import Actor, Page, PredictionLine
from registry.tables import ModelRow, PredictionRow, UserRow, VersionRow, now

_log = structlog.get_logger(__name__)
_COMMIT_EVERY_S = 0.04
_MOST_ROWS = 500
_STOP_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One call, as it is put on the queue. `digest` runs in the writer thread."""

    id: str
    model_id: str
    version_id: str
    user_id: str
    n_rows: int
    latency_ms: float
    outcome: str
    digest: Callable[[], str] | None = None
    inputs: dict[str, Any] | None = None


def log(reg: Registry, entry: Entry) -> None:
    """Put one prediction on the way to the database."""
    _writer(reg).put((reg, now(), entry))


def flush(reg: Registry) -> None:
    """Wait until everything logged so far is in the database."""
    _writer(reg).drain()


def find(
    reg: Registry, actor: Actor, model: str = "", page: int = 1, size: int = 50
) -> Page[PredictionLine]:
    """The actor's own predictions, newest first; of one model, everybody's if the actor manages it.

    Raises:
        NotFound: `model` is given and the actor may not see it.
    """
    with reg.reading() as s:
        where: ColumnElement[bool] = PredictionRow.user_id == actor.id
        if model:
            row = models.for_action(s, actor, "model.read", model)
            everybody = models.level_of(s, actor, row) == "manage"
            where = (PredictionRow.model_id == row.id) & (true() if everybody else where)
        total = s.execute(select(func.count()).select_from(PredictionRow).where(where))
        found = s.execute(
            _LINES.where(where)
            .order_by(PredictionRow.at.desc())
            .limit(size)
            .offset((page - 1) * size)
        )
        lines = tuple(_line(*line) for line in found)
        return Page(lines, total.scalar_one(), page, size)


def counts(s: Session, actor: Actor, days: int) -> tuple[int, ...]:
    """The actor's predictions per UTC day, oldest first, today last."""
    first = now().date() - timedelta(days=days - 1)
    per_day: dict[date, int] = defaultdict(int)
    start = datetime.combine(first, clock(), UTC)
    mine = (PredictionRow.user_id == actor.id, PredictionRow.at >= start)
    for at in s.execute(select(PredictionRow.at).where(*mine)).scalars():
        per_day[at.date()] += 1
    return tuple(per_day[first + timedelta(days=n)] for n in range(days))


_Owner = aliased(UserRow)
_LINES = (
    select(PredictionRow, _Owner.username, ModelRow.slug, VersionRow.number, UserRow.username)
    .join(ModelRow, ModelRow.id == PredictionRow.model_id)
    .join(_Owner, _Owner.id == ModelRow.owner_id)
    .join(VersionRow, VersionRow.id == PredictionRow.version_id)
    .outerjoin(UserRow, UserRow.id == PredictionRow.user_id)
)


def _line(
    row: PredictionRow, owner: str, slug: str, number: int, username: str | None
) -> PredictionLine:
    return PredictionLine(
        id=row.id,
        at=row.at,
        ref=f"{owner}/{slug}@{number}",
        actor=username or "former user",
        n_rows=row.n_rows,
        latency_ms=row.latency_ms,
        outcome=row.outcome,
    )


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
            except SQLAlchemyError:
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
    """Insert the lines of versions that still exist."""
    rows = [_values(at, entry) for _, at, entry in batch]
    wanted_versions = {row["version_id"] for row in rows}
    wanted_users = {row["user_id"] for row in rows}
    with batch[0][0].writing() as s:
        known = set(
            s.execute(select(VersionRow.id).where(VersionRow.id.in_(wanted_versions))).scalars()
        )
        users = set(s.execute(select(UserRow.id).where(UserRow.id.in_(wanted_users))).scalars())
        kept = [
            row | {"user_id": row["user_id"] if row["user_id"] in users else None}
            for row in rows
            if row["version_id"] in known
        ]
        if kept:
            s.execute(insert(PredictionRow), kept)


def _values(at: datetime, entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": at,
        "model_id": entry.model_id,
        "version_id": entry.version_id,
        "user_id": entry.user_id,
        "n_rows": entry.n_rows,
        "latency_ms": entry.latency_ms,
        "outcome": entry.outcome,
        "input_digest": entry.digest() if entry.digest else "",
        "inputs": entry.inputs,
    }

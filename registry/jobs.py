"""Durable background work. Owns `jobs`, which people see; DBOS remembers what must be resumed.

A job is recorded in the transaction that makes it necessary and started after the commit. The
process that serves runs the engine; it also takes up jobs that other processes have recorded.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, cast

import structlog
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from registry import audit
from registry.core import Registry
from registry.errors import Busy, Conflict, NotFound, RegistryError
from registry.records import SYSTEM, Actor, Job, JobState
from registry.tables import JobRow, new_id, now

T = TypeVar("T")
Handler = Callable[[Registry, str], None]
Handlers = Mapping[str, Handler]
Sweeps = Sequence[Callable[[Registry], object]]

_log = structlog.get_logger(__name__)
_QUEUE, _SLOW_QUEUE = "vitrine", "vitrine.one-by-one"
_POLL_S = 0.2
_SWEEP_S = 600.0
_AT_ONCE = 2
_TRIES = 5
_BUSY_TRIES, _BUSY_WAIT_S = 60, 1.0
_STOP_WITHIN_S = 5.0
_OPEN = ("queued", "running")
_ALIVE = ("PENDING", "ENQUEUED", "DELAYED")
CANCELLABLE = frozenset({"benchmark", "evaluation", "import", "rescan", "scoring", "training"})
"""Kinds that may be stopped half-way: what they did stays, the rest can be asked for again."""
_ONE_BY_ONE = frozenset({"benchmark", "training"})
"""Kinds that disturb each other and must not keep a check waiting: a queue of their own."""
_running: ContextVar[str] = ContextVar("job_id")


@dataclass
class _Engine:
    """The running engine of this process."""

    reg: Registry
    handlers: Handlers
    sweeps: Sweeps
    ticks: Sweeps = ()
    stopping: threading.Event = field(default_factory=threading.Event)
    busy: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    thread: threading.Thread | None = None


_engine: _Engine | None = None
_lock = threading.Lock()


def submit_in(
    s: Session, actor: Actor, kind: str, subject_id: str, subject: str, delay_s: float = 0.0
) -> str:
    """Record a job inside the caller's transaction; call `start` after the commit.

    One with a delay is not started: the engine takes it up when its time has come.

    Args:
        subject_id: What the handler gets: an id, never more.
        subject: What people read.

    Returns:
        The id of the job.
    """
    row = JobRow(
        kind=kind, subject_id=subject_id, subject=subject[:400],
        user_id=None if actor.id == SYSTEM.id else actor.id,
        not_before=now() + timedelta(seconds=delay_s) if delay_s else None,
    )  # fmt: skip
    s.add(row)
    s.flush()
    return row.id


def start(reg: Registry, job_id: str) -> None:
    """Begin a recorded job now, if this process runs the engine; else the one that does will."""
    engine = _engine
    if engine and engine.reg is reg:
        _take_up(engine, job_id)


def find(reg: Registry, actor: Actor, *, only_open: bool = False) -> list[Job]:
    """The actor's own jobs, newest first, at most 200."""
    states = _OPEN if only_open else (*_OPEN, "done", "failed")
    with reg.reading() as s:
        rows = s.execute(
            select(JobRow)
            .where(JobRow.user_id == actor.id, JobRow.state.in_(states))
            .order_by(JobRow.created_at.desc())
            .limit(200)
        ).scalars()
        return [record(row) for row in rows]


def get(reg: Registry, job_id: str) -> Job:
    """One job as people see it.

    Raises:
        NotFound: It is gone with the person who started it.
    """
    with reg.reading() as s:
        row = s.get(JobRow, job_id)
        if row is None:
            raise NotFound("there is no such job")
        return record(row)


def last_in(s: Session, kind: str, subject_id: str) -> JobRow | None:
    """The newest job of a kind on a subject."""
    return newest_in(s, kind, [subject_id]).get(subject_id)


def newest_in(s: Session, kind: str, subject_ids: Sequence[str]) -> dict[str, JobRow]:
    """Subject to the newest job of a kind on it."""
    found = s.execute(
        select(JobRow)
        .where(JobRow.kind == kind, JobRow.subject_id.in_(subject_ids))
        .order_by(JobRow.created_at)
    )
    return {job.subject_id: job for job in found.scalars()}


def tell(reg: Registry, share: float, message: str) -> None:
    """Say how far the running job is; called by handlers between two steps.

    Args:
        share: From 0 to 1.

    Raises:
        Conflict: Somebody cancelled it, or this process is ending.
    """
    if stopping():
        raise Conflict("this process is ending; the job goes on after the next start")
    job_id = _running.get("")
    if not job_id:
        return  # called outside a job, as scripts do
    with reg.writing() as s:
        row = s.get(JobRow, job_id)
        if row is None or row.state not in _OPEN:
            raise Conflict("cancelled")
        row.progress, row.message = share, message


def cancel(reg: Registry, actor: Actor, job_id: str) -> None:
    """Stop a job of the actor's before its next step; one that is over stays as it is.

    Raises:
        NotFound: No such job, or it is somebody else's.
        Conflict: Jobs of its kind run to their end.
    """
    with reg.writing() as s:
        row = s.get(JobRow, job_id)
        if row is None or row.user_id != actor.id:
            raise NotFound("there is no such job of yours")
        if row.kind not in CANCELLABLE:
            raise Conflict(f"a {row.kind} runs to its end: it takes a moment only")
        if row.state in _OPEN:
            row.state, row.finished_at = "failed", now()
            row.message = f"cancelled; {row.message}" if row.message else "cancelled"
            audit.record(s, actor, "job.cancel", f"{row.kind} of {row.subject}")


def cancel_in(s: Session, kind: str, subject_id: str) -> None:
    """Stop the open jobs on a subject that is being deleted, before their next step."""
    _end_in(s, JobRow.kind == kind, JobRow.subject_id == subject_id)


def cancel_of_in(s: Session, user_id: str) -> None:
    """Stop what runs for a person who is being locked out, before its next step."""
    _end_in(s, JobRow.kind.in_(CANCELLABLE), JobRow.user_id == user_id)


def _end_in(s: Session, *where: ColumnElement[bool]) -> None:
    found = s.execute(select(JobRow).where(*where, JobRow.state.in_(_OPEN)))
    for row in found.scalars():
        row.state, row.finished_at, row.message = "failed", now(), "cancelled"


def open_subjects(reg: Registry, kind: str) -> set[str]:
    """The subject ids of jobs of a kind that are not over."""
    with reg.reading() as s:
        rows = s.execute(
            select(JobRow.subject_id).where(JobRow.kind == kind, JobRow.state.in_(_OPEN))
        )
        return set(rows.scalars())


def patiently(ask: Callable[[], T]) -> T:
    """Ask the pool, and again while it is busy with people: work in the background can wait.

    Raises:
        Busy: It stayed so for a minute.
    """
    for _ in range(_BUSY_TRIES):
        with suppress(Busy):
            return ask()
        time.sleep(_BUSY_WAIT_S)
    return ask()


def stopping() -> bool:
    """Whether the engine of this process is being stopped: a job that fails now is not to blame."""
    engine = _engine
    return engine is not None and engine.stopping.is_set()


def launch(reg: Registry, handlers: Handlers, sweeps: Sweeps = (), ticks: Sweeps = ()) -> None:
    """Run jobs in this process, first those that an earlier one left behind.

    Args:
        handlers: Kind to the function that does it, given the subject id. It must bear being run
            again from the start, which happens when a process was killed in the middle.
        sweeps: Called at the start and every ten minutes.
        ticks: Called several times a second: they must be quick, and write only when they must.

    Raises:
        Conflict: The engine of another registry runs in this process.
    """
    global _engine
    with _lock:
        if _engine and _engine.reg is reg:
            return
        if _engine:
            raise Conflict("this process runs the jobs of another registry already")
        engine = _Engine(reg, handlers, sweeps, ticks)
        _launch_dbos(reg.settings.jobs_url)
        _engine = engine
        engine.thread = threading.Thread(target=_watch, args=(engine,), name="jobs", daemon=True)
        engine.thread.start()


def stop() -> None:
    """Stop running jobs; what is cut off is run again by the next `launch`."""
    global _engine
    with _lock:
        engine = _engine
        if engine is None:
            return
        engine.stopping.set()
        if engine.thread:
            engine.thread.join(_STOP_WITHIN_S)
        until = time.monotonic() + _STOP_WITHIN_S
        while engine.busy and time.monotonic() < until:
            time.sleep(0.02)
        from dbos import DBOS

        DBOS.destroy()
        _engine = None


def _launch_dbos(url: str) -> None:
    """Start DBOS: our own database, JSON instead of pickles, no port, no cloud, quiet."""
    from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

    quiet = logging.getLogger("dbos")
    if not quiet.handlers:  # else it writes to the console by itself
        quiet.addHandler(logging.NullHandler())
    config: DBOSConfig = {
        "name": "vitrine",
        "system_database_url": url,
        "serializer": DBOSPortableJSONSerializer(),
        "application_version": "1",  # of the one workflow below, so that old jobs are recovered
        "executor_id": "local",
        "log_level": "WARNING",
        "sys_db_pool_size": 5,
        "use_listen_notify": False,
    }
    _workflow()
    DBOS(config=config)
    DBOS.launch()
    for queue, at_once in ((_QUEUE, _AT_ONCE), (_SLOW_QUEUE, 1)):
        DBOS.register_queue(
            queue,
            worker_concurrency=at_once,
            polling_interval_sec=_POLL_S,
            on_conflict="always_update",
        )


@cache
def _workflow() -> Any:
    """The one durable function, registered with DBOS once per process."""
    from dbos import DBOS

    return DBOS.workflow(name="vitrine.job", max_recovery_attempts=_TRIES)(_work)


def _take_up(engine: _Engine, job_id: str) -> None:
    """Hand an open job to DBOS under its own id: a second time does nothing.

    What DBOS calls finished although the job is open was cut off by `stop`: it gets a new try.
    """
    from dbos import DBOS, SetWorkflowID

    engine.taken.add(job_id)
    for attempt in range(_TRIES):
        workflow_id = f"{job_id}.{attempt}"
        status = DBOS.get_workflow_status(workflow_id)
        if status is None:
            with SetWorkflowID(workflow_id):
                DBOS.enqueue_workflow(_queue_of(engine, job_id), _workflow(), job_id)
        if status is None or status.status in _ALIVE:
            return
    _conclude(engine, job_id, f"given up after {_TRIES} tries")


def _queue_of(engine: _Engine, job_id: str) -> str:
    with engine.reg.reading() as s:
        row = s.get(JobRow, job_id)
        return _SLOW_QUEUE if row is not None and row.kind in _ONE_BY_ONE else _QUEUE


def _watch(engine: _Engine) -> None:
    """Take up what is recorded but not started, and sweep now and then."""
    next_sweep = 0.0
    while not engine.stopping.is_set():
        try:
            for job_id in _open_ids(engine.reg) - engine.taken:
                _take_up(engine, job_id)
            for tick in engine.ticks:
                tick(engine.reg)
            if time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + _SWEEP_S
                for sweep in engine.sweeps:
                    sweep(engine.reg)
        except Exception:
            _log.exception("job loop")
        engine.stopping.wait(_POLL_S)


def _open_ids(reg: Registry) -> set[str]:
    with reg.reading() as s:
        due = or_(JobRow.not_before.is_(None), JobRow.not_before <= now())
        return set(s.execute(select(JobRow.id).where(JobRow.state.in_(_OPEN), due)).scalars())


def _work(job_id: str) -> None:
    """One job, from the record to its end; what DBOS resumes."""
    engine = _engine
    if engine is None or engine.stopping.is_set():
        raise Conflict("stopping")
    with engine.reg.writing() as s:
        row = s.get(JobRow, job_id)
        if row is None or row.state not in _OPEN:
            return
        row.state, kind, subject_id = "running", row.kind, row.subject_id
    engine.busy.add(job_id)
    _running.set(job_id)
    try:
        engine.handlers[kind](engine.reg, subject_id)
    except RegistryError as refused:
        _conclude(engine, job_id, refused.message)
    except Exception:  # a bug: logged, with an id to quote
        quote = new_id()[:8]
        _log.exception("job failed", job=job_id, kind=kind, error_id=quote)
        _conclude(engine, job_id, f"something broke; quote error {quote}")
    else:
        _conclude(engine, job_id)
    finally:
        engine.busy.discard(job_id)


def _conclude(engine: _Engine, job_id: str, failure: str = "") -> None:
    if failure and engine.stopping.is_set():
        return  # cut off, not failed: it stays open and runs again
    with engine.reg.writing() as s:
        row = s.get(JobRow, job_id)
        if row is not None and row.state in _OPEN:
            row.state = "failed" if failure else "done"
            row.message = failure or row.message
            row.progress = row.progress if failure else 1.0
            row.finished_at = now()


def record(row: JobRow) -> Job:
    """A job as people see it."""
    return Job(
        row.id, row.kind, row.subject, cast("JobState", row.state), row.progress, row.message,
        row.created_at, row.finished_at,
    )  # fmt: skip

"""The job of a batch: a version answers every row of a file; the scored file is kept a day."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from registry import audit, codec, holdings, jobs, scorings, staging, versions
from registry.core import Registry
from registry.errors import (
    BrokenArtifact,
    Conflict,
    InvalidInput,
    NotFound,
    PredictionTimeout,
    RegistryError,
    StorageFull,
)
from registry.formats import feeding
from registry.formats.feeding import Layout
from registry.records import Actor, Field, Fit, Version
from registry.sandbox.contract import ModelSpec
from registry.sandbox.judge import Raw
from registry.sandbox.scorer import Scorer, Task
from registry.sandbox.wire import Body

_FIRST, _FEWEST, _MOST = 1_000, 1, 20_000
_BRIEF_S, _LONG_S = 0.5, 1.5
"""A question that takes less is followed by a larger one, one that takes longer by a smaller one:
people who use the same model wait no longer for it, and what a call costs by itself stays small."""
_TELL_S = 0.5
_MOST_GROWN = 20
"""How many times as large as the rows a scored file may get, at most."""
_ROOM = 64 << 20


def look(reg: Registry, actor: Actor, ref: str, staged_id: str) -> Fit:
    """How the columns of an uploaded table fit a version; its first rows are read.

    Raises:
        NotFound: No such version or upload, or not for this actor.
        Forbidden: The actor may see the version but not predict.
        Conflict: The version does not predict now.
        BrokenArtifact: It is no table, or has no rows.
    """
    version, spec = _runnable(reg, actor, ref)
    staging.get(reg, actor, staged_id)
    with staging.opened(reg, staged_id) as fd:
        columns = _columns(reg, fd)
    try:
        layout = _layout(spec, columns)
    except ValueError as why:
        return Fit(problem=f"{version.ref} cannot score these rows: {why}")
    ignored = tuple(c.name for c in columns if c.name not in layout.columns)
    return Fit(layout.columns, ignored, remark=layout.remark)


def start(reg: Registry, actor: Actor, ref: str, staged_id: str) -> str:
    """Have a version score an uploaded table, in the background; the upload is used up.

    Returns:
        The id of the scoring.

    Raises:
        NotFound: No such version or upload, or not for this actor.
        Forbidden: The actor may see the version but not predict.
        Conflict: The version does not predict now, or as many files are being scored as may be.
        InvalidInput: The file lacks columns that the version takes.
        BrokenArtifact: It is no table, or has no rows.
    """
    fit = look(reg, actor, ref, staged_id)
    if fit.problem:
        raise InvalidInput({"file": fit.problem})
    path = staging.path(reg, staged_id)
    with reg.reading() as s:
        digest = staging.row_in(s, actor, staged_id).digest
    reg.store.put(path, digest)
    with reg.writing() as s:
        _, version = versions.for_action(s, actor, "scoring.make", ref)
        file = staging.row_in(s, actor, staged_id)
        row = scorings.add_in(s, actor, version.id, file)
        audit.record(s, actor, "scoring.start", ref, file=row.filename, digest=row.digest)
        job_id = jobs.submit_in(s, actor, scorings.KIND, row.id, row.filename)
        staging.forget_in(s, [staged_id])
        if not reg.store.has(digest):  # a sweep may have freed the same bytes since
            reg.store.put(path, digest)
    path.unlink(missing_ok=True)
    jobs.start(reg, job_id)
    return row.id


def cancel(reg: Registry, actor: Actor, scoring_id: str) -> None:
    """Stop a scoring before its next block; one that is over stays as it is.

    Raises:
        NotFound: No such scoring, or it is somebody else's.
    """
    with reg.reading() as s:
        scorings.row_in(s, actor, scoring_id)
        job = jobs.last_in(s, scorings.KIND, scoring_id)
        job_id = job.id if job else ""
    if job_id:
        jobs.cancel(reg, actor, job_id)


@dataclass
class _Work:
    """One scoring under way."""

    reg: Registry
    actor: Actor
    ref: str
    spec: ModelSpec
    sheet: Scorer
    size: int = _FIRST
    n_rows: int = 0
    share: float = 0.0
    started: float = 0.0
    told_at: float = 0.0


def run(reg: Registry, scoring_id: str) -> None:
    """Score every row and keep the file; what the job does.

    Run again after it was cut off, it begins anew: nothing of the first try is left.

    Raises:
        Conflict: It was cancelled, or the version does not predict any more.
        NotFound: The version is gone, or not shared any more.
        BrokenArtifact: The rows cannot be read.
        InvalidInput: No row can be scored, or the answers fit into no table.
        PredictionFailed: The version failed.
        StorageFull, StoreError: The scored file cannot be kept.
    """
    with reg.reading() as s:
        found = scorings.work_in(s, scoring_id)
        if found is None:
            return
        row, actor, ref = found
        digest, fast = row.digest, row.blake3
    try:
        if not ref:
            raise NotFound("the version is gone, or is not shared with you any more")
        _, spec = _runnable(reg, actor, ref)
        fd = reg.store.open(digest, fast)
        try:
            _score(reg, actor, scoring_id, ref, spec, fd)
        finally:
            os.close(fd)
    except RegistryError as failed:
        if not jobs.stopping():
            with reg.writing() as s:
                scorings.conclude_in(s, reg, scoring_id, None, failure=failed.message)
        raise


def _score(
    reg: Registry, actor: Actor, scoring_id: str, ref: str, spec: ModelSpec, fd: int
) -> None:
    size_bytes = os.fstat(fd).st_size
    try:
        layout = _layout(spec, _columns(reg, fd))
    except ValueError as why:
        raise InvalidInput({"file": str(why)}) from None
    schema = spec.schema
    if schema is None:
        raise Conflict(f"{ref} has no schema any more")
    task = Task(schema, layout, reg.settings.scoring_rows)
    with reg.pool.scorer(fd, task) as sheet:
        work = _Work(reg, actor, ref, spec, sheet, started=time.monotonic())
        try:
            kept = holdings.keep(reg, _bounded(work, size_bytes))
        except InvalidInput as refused:
            told = sheet.told()
            counts = (told.n_rows, told.n_bad, told.problems)
            with reg.writing() as s:
                scorings.conclude_in(s, reg, scoring_id, counts, failure=refused.message)
            raise
        told = sheet.told()
    counts = (told.n_rows, told.n_bad, told.problems)
    with reg.writing() as s:
        scorings.conclude_in(s, reg, scoring_id, counts, kept=kept)


def _bounded(work: _Work, size_bytes: int) -> Iterator[Body]:
    """The scored file, as long as it is of a size that such rows may come to.

    Raises:
        StorageFull: It grows beyond that, or the disk is nearly full.
    """
    n_bytes, most = 0, _MOST_GROWN * size_bytes + _ROOM
    floor = work.reg.settings.min_free_disk_mb << 20
    for piece in _pieces(work):
        n_bytes += len(piece)
        if n_bytes > most or work.reg.store.free_bytes() < floor:
            raise StorageFull("the scored file gets too large for this server")
        yield piece


def _pieces(work: _Work) -> Iterator[Body]:
    """The scored file: one block is read and one written while the model answers another."""
    with ThreadPoolExecutor(2, thread_name_prefix="scoring") as beside:
        block = work.sheet.next(work.size)
        answer: Raw | None = None
        while block[0] is not None:
            asked = beside.submit(_ask, work, block[0])
            written = list(work.sheet.take(answer)) if answer else []
            ahead = beside.submit(work.sheet.next, work.size)
            yield from written
            following, n_rows, share = ahead.result(), block[1], block[2]
            answer, again = _answered(work, asked, n_rows)
            block = again or following
            if answer:
                _tell(work, n_rows, share)
        if answer:
            yield from work.sheet.take(answer)
        yield from work.sheet.finish()


def _answered(
    work: _Work, asked: Future[tuple[Raw, float]], n_rows: int
) -> tuple[Raw | None, tuple[Raw | None, int, float] | None]:
    """The answer; or, where it took too long, fewer of the same rows to ask about again."""
    try:
        answer, took_s = asked.result()
    except PredictionTimeout:
        if n_rows <= _FEWEST:
            raise
        work.size = max(_FEWEST, min(work.size, n_rows) // 10)
        work.sheet.back()
        return None, work.sheet.next(work.size)
    if took_s < _BRIEF_S:
        work.size = min(4 * work.size, _MOST)
    elif took_s > _LONG_S:
        work.size = max(_FEWEST, int(n_rows * _BRIEF_S / took_s))
    return answer, None


def _ask(work: _Work, question: Raw) -> tuple[Raw, float]:
    """The version's answer, and the seconds it took."""
    answer, predict_ms = jobs.patiently(lambda: work.reg.pool.forward(work.spec, question))
    return answer, predict_ms / 1e3


def _tell(work: _Work, n_rows: int, share: float) -> None:
    """Say how far it is, now and then, and look whether the person may still do this."""
    work.n_rows, work.share = work.n_rows + n_rows, share
    since = time.monotonic()
    if since - work.told_at < _TELL_S:
        return
    work.told_at = since
    _runnable(work.reg, work.actor, work.ref)
    speed = work.n_rows / max(since - work.started, 1e-3)
    jobs.tell(work.reg, 0.99 * share, f"{work.n_rows:,} rows, {speed:,.0f} rows/s")


def _runnable(reg: Registry, actor: Actor, ref: str) -> tuple[Version, ModelSpec]:
    """A version that this person may have score rows, now.

    Raises:
        NotFound, Forbidden: Not for this actor.
        Conflict: It does not predict, or nobody knows what it takes.
    """
    version, spec = versions.spec(reg, actor, ref)
    if not version.can_predict:
        raise Conflict(f"{version.ref} does not predict: {version.why_no_predictions}")
    if spec.schema is None:
        raise Conflict(f"{version.ref} has no schema yet: say on its page what it takes")
    return version, spec


def _columns(reg: Registry, fd: int) -> list[Field]:
    told = reg.pool.head_rows(fd)
    try:
        return [codec.load(Field, each) for each in told.get("columns") or ()]
    except (ValidationError, TypeError) as odd:
        raise BrokenArtifact("what was read of the rows does not fit together") from odd


def _layout(spec: ModelSpec, columns: list[Field]) -> Layout:
    if spec.schema is None:
        raise ValueError("nobody knows what the version takes")
    return feeding.plan(spec.schema, columns, "")

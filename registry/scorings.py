"""Files that a version scores for a person, and what came of them. Owns `scorings`.

They belong to the person who asked: nobody else sees them, administrators neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, codec, downloads, holdings, jobs, references, sessions
from registry.core import Registry
from registry.errors import Conflict, NotFound, StoreError
from registry.records import Actor, BadRow, Scoring, TaskState
from registry.tables import (
    JobRow,
    ScoringRow,
    StagedRow,
    UserRow,
    new_id,
    now,
)

KIND = "scoring"
MOST_OPEN = 2
"""Files of one person that wait or are scored at once."""
_MOST = 100
_KEPT = timedelta(days=30)
_OPEN = ("queued", "running")


def get(reg: Registry, actor: Actor, scoring_id: str) -> Scoring:
    """One of the actor's own scorings, as far as it has got.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.reading() as s:
        return _records(s, reg, actor, [row_in(s, actor, scoring_id)])[0]


def find(reg: Registry, actor: Actor, version_ids: Sequence[str] = ()) -> list[Scoring]:
    """The actor's own scorings, newest first, at most 100.

    Args:
        version_ids: Only those by one of these versions; () for all.
    """
    mine = select(ScoringRow).where(ScoringRow.user_id == actor.id)
    if version_ids:
        mine = mine.where(ScoringRow.version_id.in_(version_ids))
    with reg.reading() as s:
        rows = s.execute(mine.order_by(ScoringRow.created_at.desc()).limit(_MOST)).scalars().all()
        return _records(s, reg, actor, rows)


def open_result(reg: Registry, actor: Actor, scoring_id: str) -> downloads.Opened:
    """Open a scored file for sending.

    Raises:
        NotFound: It is gone, or it is somebody else's.
        Conflict: There is no file yet, or not any more.
        StoreError: The bytes are missing or have changed.
    """
    with reg.reading() as s:
        row = row_in(s, actor, scoring_id)
        found = _records(s, reg, actor, [row])[0]
        digest, fast = row.result_digest, row.result_blake3
    if not found.result_bytes:
        raise Conflict(_why_no_file(found))
    stem, _, ending = found.filename.rpartition(".")
    name = f"{stem or ending} scored.{ending if stem else 'csv'}"
    return downloads.Opened(reg.store.open(digest, fast), name, found.result_bytes, digest)


def _why_no_file(found: Scoring) -> str:
    if found.state in _OPEN:
        return "it is not scored yet; come back in a moment"
    if found.state == "failed":
        return f"it was not scored: {found.failure}"
    return "the scored file is kept for a while only, and is gone; score the rows again"


def remove(reg: Registry, actor: Actor, scoring_id: str) -> int:
    """Delete a scoring with its files; size of the result in bytes. One that runs stops.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.writing() as s:
        row = row_in(s, actor, scoring_id)
        audit.record(s, actor, "scoring.remove", row.filename, digest=row.digest)
        jobs.cancel_in(s, KIND, row.id)
        digests, result_bytes = [row.digest, row.result_digest], row.result_bytes
        s.delete(row)
        holdings.free_in(s, reg, digests)
        return result_bytes  # what the store frees would tell whether others keep the same rows


def add_in(s: Session, actor: Actor, version_id: str, file: StagedRow) -> ScoringRow:
    """Record a file to be scored, inside the caller's transaction.

    Raises:
        Conflict: The actor has as many under way as one person may have.
    """
    mine = select(ScoringRow.id).where(
        ScoringRow.user_id == actor.id, ScoringRow.finished_at.is_(None)
    )
    open_jobs = select(JobRow.id).where(
        JobRow.kind == KIND, JobRow.state.in_(_OPEN), JobRow.subject_id.in_(mine)
    )
    if len(s.execute(open_jobs).scalars().all()) >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} files of yours are being scored: wait for one, or cancel one")
    row = ScoringRow(
        id=new_id(),
        user_id=actor.id,
        version_id=version_id,
        filename=file.filename,
        digest=file.digest,
        blake3=file.blake3,
    )
    s.add(row)
    s.flush()
    return row


def work_in(s: Session, scoring_id: str) -> tuple[ScoringRow, Actor, str] | None:
    """What a scoring is about, for the job: its row, who asked, and the version's address."""
    row = s.get(ScoringRow, scoring_id)
    user = s.get(UserRow, row.user_id) if row else None
    if row is None or user is None:
        return None
    actor = sessions.actor_of(user)
    ref = references.addresses_in(s, actor, {row.version_id}).get(row.version_id, "")
    return row, actor, "" if user.disabled else ref


def conclude_in(
    s: Session,
    reg: Registry,
    scoring_id: str,
    counts: tuple[int, int, Sequence[BadRow]] | None,
    *,
    kept: holdings.Kept | None = None,
    failure: str = "",
) -> None:
    """Write down how it ended; the rows that came are not needed any more. Gone is fine.

    Args:
        counts: Rows, those without an answer, and the first of these; None where nobody knows.

    Raises:
        StoreError: The bytes of the scored file are gone already.
    """
    row = s.get(ScoringRow, scoring_id)
    if row is None:
        return
    dropped = [row.digest, row.result_digest]
    if counts:
        row.n_rows, row.n_bad, row.problems = counts[0], counts[1], codec.dump(list(counts[2]))
    row.digest, row.blake3, row.failure, row.finished_at = "", "", failure, now()
    if kept:
        if not reg.store.has(kept.digest):  # the same bytes were freed with another scoring
            raise StoreError("the scored file was removed while it was made; score the rows again")
        row.result_digest, row.result_blake3 = kept.digest, kept.blake3
        row.result_bytes = kept.size_bytes
    holdings.free_in(s, reg, dropped)


def drop_all_in(s: Session, user_id: str) -> list[str]:
    """Drop a person's scorings; the digests they had, for `holdings.free_in`."""
    rows = s.execute(select(ScoringRow).where(ScoringRow.user_id == user_id)).scalars().all()
    for row in rows:
        s.delete(row)
    return [digest for row in rows for digest in (row.digest, row.result_digest)]


def row_in(s: Session, actor: Actor, scoring_id: str) -> ScoringRow:
    """The row of the actor's own scoring.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    row = s.get(ScoringRow, scoring_id)
    if row is None or row.user_id != actor.id:
        raise NotFound("there is no such scoring of yours")
    return row


def sweep(reg: Registry) -> int:
    """Delete scored files past their time, files of jobs that are over, and old records.

    Returns:
        Bytes freed in the store.
    """
    with reg.writing() as s:
        rows = s.execute(select(ScoringRow)).scalars().all()
        alive = {
            job.subject_id
            for job in jobs.newest_in(s, KIND, [row.id for row in rows]).values()
            if job.state in _OPEN
        }
        dropped: list[str] = []
        for row in rows:
            if row.id in alive and row.finished_at is None:
                continue
            dropped.append(row.digest)
            row.digest = ""
            if _expires_at(reg, row) < now():
                dropped.append(row.result_digest)
                row.result_digest, row.result_bytes = "", 0
            if row.created_at < now() - _KEPT:
                s.delete(row)
        return holdings.free_in(s, reg, dropped)


def _expires_at(reg: Registry, row: ScoringRow) -> datetime:
    return (row.finished_at or row.created_at) + timedelta(hours=reg.settings.scored_h)


def _records(s: Session, reg: Registry, actor: Actor, rows: Sequence[ScoringRow]) -> list[Scoring]:
    refs, work = (
        references.addresses_in(s, actor, {row.version_id for row in rows}),
        jobs.newest_in(s, KIND, [row.id for row in rows]),
    )
    return [_record(reg, row, refs.get(row.version_id, ""), work.get(row.id)) for row in rows]


def _record(reg: Registry, row: ScoringRow, ref: str, job: JobRow | None) -> Scoring:
    state = job.state if job else "done"
    if row.finished_at:
        state = "failed" if row.failure else "done"
    expires_at = _expires_at(reg, row)
    there = state == "done" and expires_at > now()
    failure = row.failure or (job.message if job and state == "failed" else "")
    return Scoring(
        id=row.id,
        ref=ref,
        filename=row.filename,
        state=cast("TaskState", state),
        n_rows=row.n_rows,
        n_bad=row.n_bad,
        problems=tuple(codec.load(BadRow, each) for each in row.problems),
        result_bytes=row.result_bytes if there else 0,
        failure=failure,
        created_at=row.created_at,
        finished_at=row.finished_at,
        progress=job.progress if job else 1.0,
        message=job.message if job else "",
        expires_at=expires_at if there else None,
    )

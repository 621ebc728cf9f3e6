"""The import walk: a file that lies where the server can read it becomes a staged file.

It is a job. What people read of it says where the file is: the place, a slash, the path there. Cut
off, it begins anew; the staged file has the id that the job is about.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

from sqlalchemy import func, select

from registry import audit, jobs, policy, server_bucket, server_folder, sessions, staging
from registry.core import Registry
from registry.errors import BrokenArtifact, Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from registry.records import Actor, Import, ImportPlace
from registry.tables import JobRow, StagedRow, UserRow, new_id

KIND = "import"
MOST_OPEN = 10
"""Imports of one person that wait or run at once."""
_MOST_SHOWN, _MOST_PATH = 50, 380
_TELL_EVERY_S = 0.4
_OPEN = ("queued", "running")


class _Place(NamedTuple):
    """How files of a place are looked at and read."""

    look: Callable[[Registry, str], int]
    reading: Callable[[Registry, str], AbstractContextManager[tuple[int, Iterator[bytes]]]]


_PLACES: dict[ImportPlace, _Place] = {
    "folder": _Place(server_folder.look, server_folder.reading),
    "bucket": _Place(server_bucket.look, server_bucket.reading),
}


def start(reg: Registry, actor: Actor, place: ImportPlace, path: str) -> Import:
    """Begin to stage a copy of a file, as if it had been uploaded: hashed, within all limits.

    Args:
        path: As the listing of that place gives it.

    Raises:
        InvalidInput: There is no such place, or the path is too long.
        NotFound: There is no such file.
        StoreError, NotInstalled: The bucket does not answer, or cannot be asked here.
        Forbidden: The actor may not upload.
        TooLarge, BrokenArtifact: The file is above the limit, or empty.
        Conflict: The actor has very many imports under way.
    """
    if why := policy.why_not(actor, None, "model.create"):
        raise Forbidden(why)
    if place not in _PLACES:
        raise InvalidInput({"place": f"must be one of {', '.join(_PLACES)}"})
    if len(path) > _MOST_PATH:
        raise InvalidInput({"path": f"has more than {_MOST_PATH} characters: move the file up"})
    size_bytes = _PLACES[place].look(reg, path)
    if size_bytes > reg.settings.max_upload_bytes:
        raise TooLarge(f"the file is above the limit of {reg.settings.max_upload_mb} MB")
    if not size_bytes:
        raise BrokenArtifact("the file is empty: choose one with something in it")
    subject = f"{place}/{path}"
    with reg.writing() as s:
        of_actor = (JobRow.kind == KIND, JobRow.user_id == actor.id, JobRow.state.in_(_OPEN))
        count = s.execute(select(func.count()).where(*of_actor)).scalar_one()
        if count >= MOST_OPEN:
            raise Conflict(f"you have {MOST_OPEN} imports under way: wait for one of them")
        job_id = jobs.submit_in(s, actor, KIND, new_id(), subject)
        audit.record(s, actor, "import.start", subject, size_bytes=size_bytes)
    jobs.start(reg, job_id)
    return next(found for found in find(reg, actor) if found.job_id == job_id)


def find(reg: Registry, actor: Actor) -> tuple[Import, ...]:
    """The actor's newest imports that are under way, have failed, or wait to be published."""
    with reg.reading() as s:
        rows = s.execute(
            select(JobRow, StagedRow.id)
            .outerjoin(StagedRow, StagedRow.id == JobRow.subject_id)
            .where(JobRow.kind == KIND, JobRow.user_id == actor.id)
            .order_by(JobRow.created_at.desc())
            .limit(_MOST_SHOWN)
        )
        return tuple(_record(row) for row, staged in rows if staged or row.state != "done")


def _record(row: JobRow) -> Import:
    path = row.subject.partition("/")[2]
    told = (row.state, row.progress, row.message, row.created_at)
    return Import(row.subject_id, path, row.id, *told)


def run(reg: Registry, import_id: str) -> None:
    """Copy the file, hashing it on the way; what the job does.

    Raises:
        Forbidden: The person has no account any more, or may not upload any more.
        NotFound: The file is gone.
        Conflict: It was cancelled, or the file changed while it was read.
        TooLarge, StorageFull, RateLimited, BrokenArtifact: As `staging.receive` says.
    """
    with reg.reading() as s:
        job = jobs.last_in(s, KIND, import_id)
        user = s.get(UserRow, job.user_id) if job and job.user_id else None
        if job is None or user is None or user.disabled:
            raise Forbidden("whoever asked for this import has no account any more")
        if s.get(StagedRow, import_id):
            return  # it was whole when the process was killed
        actor, (place, _, path) = sessions.actor_of(user), job.subject.partition("/")
    if why := policy.why_not(actor, None, "model.create"):
        raise Forbidden(why)
    source = next((found for name, found in _PLACES.items() if name == place), None)
    if source is None:
        raise NotFound("this place is not offered any more")
    with (
        source.reading(reg, path) as (size_bytes, blocks),
        staging.receive(reg, actor, path.rpartition("/")[2], import_id) as incoming,
    ):
        told_at = 0.0
        for block in blocks:
            incoming.write(block)
            if time.monotonic() - told_at > _TELL_EVERY_S:
                told_at = time.monotonic()
                share, whole_mb = incoming.size_bytes / size_bytes, size_bytes / 1e6
                said = f"{share * whole_mb:.0f} of {whole_mb:.0f} MB read"
                jobs.tell(reg, min(1.0, share), said)
        jobs.tell(reg, 1.0, "read")
        incoming.finish()

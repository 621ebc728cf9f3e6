"""A person's own jobs, as lists and one by one. No table: `jobs` owns it."""

from __future__ import annotations

from sqlalchemy import func, select

from registry.core import Registry
from registry.errors import NotFound
from registry.jobs import record
from registry.keyset import After, Order
from registry.records import Actor, Job, Page
from registry.tables import JobRow

_NEWEST = Order((JobRow.created_at, "down"), (JobRow.id, "down"))


def find(reg: Registry, actor: Actor, *, after: After = (), size: int = 50) -> Page[Job]:
    """The actor's own jobs, newest first.

    Args:
        after: The `last` of the page before.
    """
    mine = JobRow.user_id == actor.id
    with reg.reading() as s:
        total = s.execute(select(func.count()).select_from(JobRow).where(mine)).scalar_one()
        rows, last = _NEWEST.cut(s, select(JobRow).where(mine), after, size)
        return Page(tuple(record(row) for row in rows), total, 1, size, last)


def get(reg: Registry, actor: Actor, job_id: str) -> Job:
    """A job of the actor's.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    with reg.reading() as s:
        row = s.execute(
            select(JobRow).where(JobRow.id == job_id, JobRow.user_id == actor.id)
        ).scalar_one_or_none()
        if row is None:
            raise NotFound("there is no such job of yours")
        return record(row)

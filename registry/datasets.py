"""Labelled rows that people store to judge versions by. Owns `datasets`.

They belong to one person. Nobody else sees them, administrators neither.
"""

from __future__ import annotations

from typing import Any, cast, get_args

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, codec, holdings, policy, staging
from registry.core import Registry
from registry.errors import BrokenArtifact, Conflict, Forbidden, InvalidInput, NotFound
from registry.records import Actor, Dataset, EvaluationTask, Field
from registry.tables import DatasetRow, StagedRow

MOST = 50
"""Data sets that one person keeps."""
_TASKS = get_args(EvaluationTask)


def add(reg: Registry, actor: Actor, staged_id: str) -> Dataset:
    """Read an uploaded table in a locked worker and keep it; the same file again is the same.

    Args:
        staged_id: A CSV or Parquet file that has been uploaded; it is used up.

    Raises:
        NotFound: The upload is gone, or it is somebody else's.
        Forbidden: The actor may not keep data sets.
        Conflict: The actor keeps as many data sets as one person may.
        BrokenArtifact: It is no table, or has no rows.
        TooLarge: It has too many rows.
    """
    if why := policy.why_not(actor, None, "dataset.keep"):
        raise Forbidden(why)
    with reg.reading() as s:
        row = staging.row_in(s, actor, staged_id)
        _known_in(s, actor, row.digest)
    with staging.opened(reg, staged_id) as fd:
        told = reg.pool.read_rows(fd, reg.settings.dataset_rows)
    path = staging.path(reg, staged_id)
    reg.store.put(path, row.digest)
    with reg.writing() as s:
        row = staging.row_in(s, actor, staged_id)
        dataset = add_in(s, actor, row, told)
        staging.forget_in(s, [staged_id])
        if not reg.store.has(dataset.digest):  # a sweep may have freed the same bytes since
            reg.store.put(path, dataset.digest)
    path.unlink(missing_ok=True)
    return dataset


def add_in(s: Session, actor: Actor, file: StagedRow, told: dict[str, Any]) -> Dataset:
    """Record what was read of a file, inside the caller's transaction.

    Args:
        told: As `Pool.read_rows` gives it; hostile.

    Raises:
        Conflict: The actor keeps as many data sets as one person may.
        BrokenArtifact: It is not what a table is told as.
    """
    known = _known_in(s, actor, file.digest)
    if known:
        audit.record(s, actor, "dataset.add", known.filename, digest=known.digest)
        return _record(known)
    columns = _columns(told)
    names = {column.name for column in columns}
    n_rows, target, task = told.get("n_rows"), told.get("target"), told.get("task")
    if type(n_rows) is not int or n_rows < 1 or target not in names or task not in _TASKS:
        raise BrokenArtifact("what was read of the rows does not fit together")
    added = DatasetRow(
        user_id=actor.id,
        filename=file.filename,
        digest=file.digest,
        blake3=file.blake3,
        size_bytes=file.size_bytes,
        n_rows=n_rows,
        columns=codec.dump(columns),
        target=str(target),
        task=str(task),
    )
    s.add(added)
    s.flush()
    audit.record(s, actor, "dataset.add", added.filename, digest=added.digest, n_rows=n_rows)
    return _record(added)


def _known_in(s: Session, actor: Actor, digest: str) -> DatasetRow | None:
    """The actor's data set of these bytes.

    Raises:
        Conflict: There is none, and no room for another.
    """
    mine = select(DatasetRow).where(DatasetRow.user_id == actor.id)
    known = s.execute(mine.where(DatasetRow.digest == digest)).scalars().first()
    if known is None and len(s.execute(mine).scalars().all()) >= MOST:
        raise Conflict(f"you keep {MOST} data sets already: delete one on the page Evaluations")
    return known


def get(reg: Registry, actor: Actor, dataset_id: str) -> Dataset:
    """One of the actor's own data sets.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.reading() as s:
        return _record(row_in(s, actor, dataset_id))


def find(reg: Registry, actor: Actor) -> list[Dataset]:
    """The actor's own data sets, newest first."""
    with reg.reading() as s:
        rows = s.execute(
            select(DatasetRow)
            .where(DatasetRow.user_id == actor.id)
            .order_by(DatasetRow.created_at.desc())
        ).scalars()
        return [_record(row) for row in rows]


def edit(
    reg: Registry, actor: Actor, dataset_id: str, target: str, task: EvaluationTask
) -> Dataset:
    """Say which column holds the labels, and what kind they are.

    Raises:
        NotFound: It is gone, or it is somebody else's.
        InvalidInput: There is no such column or task.
    """
    with reg.writing() as s:
        row = row_in(s, actor, dataset_id)
        problems = {}
        if target not in {column["name"] for column in row.columns}:
            problems["target"] = "is no column of these rows"
        if task not in _TASKS:
            problems["task"] = f"must be one of {', '.join(_TASKS)}"
        if problems:
            raise InvalidInput(problems)
        say_in(row, target, task)
        audit.record(s, actor, "dataset.edit", row.filename, target=target, task=task)
        return _record(row)


def say_in(row: DatasetRow, target: str, task: str) -> None:
    """Remember what the person said last of a data set."""
    row.target, row.task = target, task


def remove(reg: Registry, actor: Actor, dataset_id: str) -> int:
    """Delete a data set; evaluations stay, without the rows. Its size in bytes.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.writing() as s:
        row = row_in(s, actor, dataset_id)
        audit.record(s, actor, "dataset.remove", row.filename, digest=row.digest)
        digest, size_bytes = row.digest, row.size_bytes
        s.delete(row)
        holdings.free_in(s, reg, [digest])
        return size_bytes  # what the store frees would tell whether others keep the same rows


def drop_all_in(s: Session, user_id: str) -> list[str]:
    """Drop a person's data sets; the digests they had, for `holdings.free_in`."""
    rows = s.execute(select(DatasetRow).where(DatasetRow.user_id == user_id)).scalars().all()
    for row in rows:
        s.delete(row)
    return [row.digest for row in rows]


def row_in(s: Session, actor: Actor, dataset_id: str) -> DatasetRow:
    """The row of the actor's own data set.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    row = s.get(DatasetRow, dataset_id)
    if row is None or row.user_id != actor.id:
        raise NotFound("there is no such data set of yours")
    return row


def _columns(told: dict[str, Any]) -> tuple[Field, ...]:
    try:
        return tuple(codec.load(Field, each) for each in told.get("columns") or ())
    except (ValidationError, TypeError) as odd:
        raise BrokenArtifact("what was read of the rows does not fit together") from odd


def _record(row: DatasetRow) -> Dataset:
    return Dataset(
        id=row.id,
        filename=row.filename,
        digest=row.digest,
        size_bytes=row.size_bytes,
        n_rows=row.n_rows,
        columns=tuple(codec.load(Field, each) for each in row.columns),
        target=row.target,
        task=cast("EvaluationTask", row.task),
        created_at=row.created_at,
    )

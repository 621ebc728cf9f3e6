"""Baselines that a person lets the server train. Owns `trainings`.

They belong to one person. The rows are a staged file, gone once the training is over; so are the
fitted candidates, one file each, which wait as long as any upload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, get_args

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, codec, jobs, models, policy, staging
from registry.core import Registry
from registry.errors import BrokenArtifact, Conflict, Forbidden, InvalidInput, NotFound
from registry.records import (
    Actor,
    Candidate,
    EvaluationTask,
    Feature,
    FeatureKind,
    JobState,
    Plan,
    Sheet,
    Training,
)
from registry.tables import JobRow, ModelRow, StagedRow, TrainingRow, UserRow, VersionRow, now

KIND = "training"
MOST_OPEN = 2
"""Trainings of one person that wait or run at once."""
_MOST, _MOST_CANDIDATES = 100, 10
_OPEN = ("queued", "running")


def look(reg: Registry, actor: Actor, staged_id: str) -> Sheet:
    """What an uploaded table holds, and guesses of what its columns are; read in a locked worker.

    Raises:
        NotFound: The upload is gone, or it is somebody else's.
        Forbidden: The actor may not train.
        BrokenArtifact: It is no table, or has no rows.
        TooLarge: It has too many rows.
    """
    _need_right(actor)
    staged = staging.get(reg, actor, staged_id)
    with staging.opened(reg, staged_id) as fd:
        told = reg.pool.look_at_rows(fd, reg.settings.train_rows)
    try:
        features = tuple(codec.load(Feature, each) for each in told.get("features") or ())
    except (ValidationError, TypeError) as odd:
        raise BrokenArtifact("what was read of the rows does not fit together") from odd
    names, n_rows = {each.name for each in features}, told.get("n_rows")
    target, task = told.get("target"), told.get("task")
    if type(n_rows) is not int or target not in names or task not in get_args(EvaluationTask):
        raise BrokenArtifact("what was read of the rows does not fit together")
    guessed = cast("EvaluationTask", task)
    return Sheet(staged.id, staged.filename, n_rows, features, str(target), guessed)


def start(
    reg: Registry,
    actor: Actor,
    staged_id: str,
    target: str,
    task: EvaluationTask,
    kinds: Mapping[str, FeatureKind],
) -> str:
    """Have candidates trained and compared in the background; nothing is saved by that.

    Args:
        staged_id: An uploaded table.
        kinds: What each column is; those not named, or named "drop", are left out.

    Returns:
        The id of the training; of the one under way when the same file is asked for again.

    Raises:
        NotFound: The upload is gone, or it is somebody else's.
        Forbidden: The actor may not train.
        Conflict: The actor has as many trainings under way as one person may have.
        InvalidInput: With every problem at once, per field.
    """
    _need_right(actor)
    with reg.writing() as s:
        staged = staging.row_in(s, actor, staged_id)
        used = {name: kind for name, kind in kinds.items() if kind != "drop" and name != target}
        _refuse(target, task, used)
        open_ones = [each for each in find_in(s, actor) if each.state in _OPEN]
        for row in s.execute(
            select(TrainingRow).where(TrainingRow.staged_id == staged_id)
        ).scalars():
            if any(each.id == row.id for each in open_ones):
                return row.id
        if len(open_ones) >= MOST_OPEN:
            said = f"{MOST_OPEN} of your trainings wait or run already"
            raise Conflict(f"{said}: wait for one, or cancel one")
        training_id = add_in(s, actor, staged, target, task, used)
        audit.record(s, actor, "training.start", staged.filename, target=target, task=task)
        job_id = jobs.submit_in(s, actor, KIND, training_id, staged.filename)
    jobs.start(reg, job_id)
    return training_id


def add_in(
    s: Session, actor: Actor, staged: StagedRow, target: str, task: str, kinds: Mapping[str, str]
) -> str:
    """Record a training that has yet to be done, inside the caller's transaction; its id."""
    added = TrainingRow(
        user_id=actor.id,
        staged_id=staged.id,
        filename=staged.filename,
        target=target,
        task=task,
        kinds=dict(kinds),
    )
    s.add(added)
    s.flush()
    return added.id


def get(reg: Registry, actor: Actor, training_id: str) -> Training:
    """One of the actor's own trainings, as far as it has got.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.reading() as s:
        return _records(s, actor, [row_in(s, actor, training_id)])[0]


def find(reg: Registry, actor: Actor) -> list[Training]:
    """The actor's own trainings, newest first, at most 100."""
    with reg.reading() as s:
        return find_in(s, actor)


def find_in(s: Session, actor: Actor) -> list[Training]:
    """As `find`, inside the caller's transaction."""
    rows = s.execute(
        select(TrainingRow)
        .where(TrainingRow.user_id == actor.id)
        .order_by(TrainingRow.created_at.desc())
        .limit(_MOST)
    )
    return _records(s, actor, rows.scalars().all())


def cancel(reg: Registry, actor: Actor, training_id: str) -> None:
    """Stop a training; its rows are deleted. One that is over stays as it is.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.reading() as s:
        row = row_in(s, actor, training_id)
        job = jobs.last_in(s, KIND, training_id)
        job_id, staged_id = job.id if job and job.state in _OPEN else "", row.staged_id
    if job_id:
        jobs.cancel(reg, actor, job_id)
        _forget(reg, [staged_id])


def remove(reg: Registry, actor: Actor, training_id: str) -> None:
    """Delete a training with its rows and files; versions saved from it stay.

    One that is running stops.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.writing() as s:
        row = row_in(s, actor, training_id)
        audit.record(s, actor, "training.remove", row.filename)
        jobs.cancel_in(s, KIND, row.id)
        files = [row.staged_id, *draft_ids(row.id)]
        s.delete(row)
    _forget(reg, files)


def row_in(s: Session, actor: Actor, training_id: str) -> TrainingRow:
    """The row of the actor's own training.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    row = s.get(TrainingRow, training_id)
    if row is None or row.user_id != actor.id:
        raise NotFound("there is no such training of yours")
    return row


def work_in(s: Session, training_id: str) -> tuple[TrainingRow, UserRow] | None:
    """What a training is about, for the job: its row, and who asked."""
    row = s.get(TrainingRow, training_id)
    return None if row is None else (row, s.get_one(UserRow, row.user_id))


def conclude(
    reg: Registry, training_id: str, plan: Plan, leaderboard: Sequence[Candidate], train_s: float
) -> None:
    """Write down what was found; a training that was deleted meanwhile stays so."""
    with reg.writing() as s:
        row = s.get(TrainingRow, training_id)
        if row is not None:
            row.plan, row.leaderboard = codec.dump(plan), codec.dump(leaderboard)
            row.train_s, row.finished_at = train_s, now()


def forget_rows(reg: Registry, training_id: str) -> None:
    """Delete the rows of a training that is over."""
    with reg.reading() as s:
        row = s.get(TrainingRow, training_id)
        staged_id = row.staged_id if row else ""
    if staged_id:
        _forget(reg, [staged_id])


def forget_files(reg: Registry, training_id: str) -> None:
    """Delete the fitted candidates of a training that was cut off or cancelled."""
    _forget(reg, draft_ids(training_id))


def draft_ids(training_id: str) -> list[str]:
    """The ids that the files of its candidates have, by place: the same when it is run again."""
    return [f"{training_id[:-2]}{place:02d}" for place in range(_MOST_CANDIDATES)]


def _forget(reg: Registry, staged_ids: Sequence[str]) -> None:
    with reg.writing() as s:
        staging.forget_in(s, staged_ids)
    for staged_id in staged_ids:
        staging.path(reg, staged_id).unlink(missing_ok=True)


def _need_right(actor: Actor) -> None:
    if why := policy.why_not(actor, None, "training.make"):
        raise Forbidden(why)


def _refuse(target: str, task: str, used: Mapping[str, str]) -> None:
    problems = {}
    if not target:
        problems["target"] = "choose the column with the answer"
    if task not in get_args(EvaluationTask):
        problems["task"] = "must be classification or regression"
    if not used:
        problems["columns"] = "choose at least one to learn from, besides the target"
    if odd := set(used.values()) - set(get_args(FeatureKind)):
        problems["columns"] = f"cannot be {', '.join(sorted(odd))}"
    if problems:
        raise InvalidInput(problems)


def _records(s: Session, actor: Actor, rows: Sequence[TrainingRow]) -> list[Training]:
    ids = [row.id for row in rows]
    found = s.execute(
        select(JobRow)
        .where(JobRow.kind == KIND, JobRow.subject_id.in_(ids))
        .order_by(JobRow.created_at)
    )
    work = {job.subject_id: job for job in found.scalars()}
    drafts = [each["draft_id"] for row in rows for each in row.leaderboard if each["draft_id"]]
    waiting = set(s.execute(select(StagedRow.id).where(StagedRow.id.in_(drafts))).scalars())
    saved = _saved(s, actor, drafts)
    return [_record(row, work.get(row.id), waiting, saved) for row in rows]


def _saved(s: Session, actor: Actor, draft_ids: Sequence[str]) -> dict[str, str]:
    """Draft to the address of the version it became, where the actor may see that."""
    found = s.execute(
        select(VersionRow.draft_id, VersionRow.number, UserRow.username, ModelRow.slug)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .join(UserRow, UserRow.id == ModelRow.owner_id)
        .where(VersionRow.draft_id.in_(draft_ids), VersionRow.deleted_at.is_(None))
        .where(models.visible_to(actor))
    )
    return {str(draft): f"{owner}/{slug}@{number}" for draft, number, owner, slug in found}


def _record(
    row: TrainingRow, job: JobRow | None, waiting: set[str], saved: Mapping[str, str]
) -> Training:
    each = [codec.load(Candidate, candidate) for candidate in row.leaderboard]
    shown = [
        replace(
            one,
            ref=saved.get(one.draft_id, ""),
            draft_id=one.draft_id if one.draft_id in waiting else "",
        )
        for one in each
    ]
    return Training(
        id=row.id,
        filename=row.filename,
        target=row.target,
        task=cast("EvaluationTask", row.task),
        state="done" if row.plan else cast("JobState", job.state) if job else "failed",
        progress=job.progress if job and not row.plan else 1.0,
        message=job.message if job else "",
        created_at=row.created_at,
        finished_at=row.finished_at,
        plan=codec.load(Plan, row.plan) if row.plan else None,
        leaderboard=tuple(shown),
        train_s=row.train_s,
    )


def kinds_of(row: TrainingRow) -> dict[str, Any]:
    """What each column is, as it was asked."""
    return dict(row.kinds)

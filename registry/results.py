"""What evaluations found. Owns `evaluations` and `evaluated`.

They belong to the person who asked, like the rows. A version that this person may no longer see
is left out wherever they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from registry import audit, codec, holdings, jobs, references
from registry.core import Registry
from registry.errors import NotFound
from registry.records import (
    Actor,
    Evaluated,
    Evaluation,
    EvaluationTask,
    Finding,
    JobState,
    Paired,
    Quality,
)
from registry.tables import (
    EvaluatedRow,
    EvaluationRow,
    JobRow,
    UserRow,
)

KIND = "evaluation"
_MOST = 200


@dataclass(frozen=True)
class Outcome:
    """What a finished evaluation leaves; qualities and failures by version id."""

    n_rows: int
    qualities: Mapping[str, Quality]
    failures: Mapping[str, str]
    pairs: Sequence[Paired]
    findings: Sequence[Finding]
    answers: holdings.Kept | None = None


def get(reg: Registry, actor: Actor, evaluation_id: str) -> Evaluation:
    """One of the actor's own evaluations, as far as it has got.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.reading() as s:
        return _records(s, actor, [row_in(s, actor, evaluation_id)])[0]


def find(reg: Registry, actor: Actor) -> list[Evaluation]:
    """The actor's own evaluations, newest first, at most 200."""
    with reg.reading() as s:
        return _records(s, actor, s.execute(_mine(actor)).scalars().all())


def find_for(reg: Registry, actor: Actor, version_ids: Sequence[str]) -> list[Evaluation]:
    """The actor's own evaluations that have at least one of the versions, newest first."""
    having = select(EvaluatedRow.evaluation_id).where(EvaluatedRow.version_id.in_(version_ids))
    with reg.reading() as s:
        rows = s.execute(_mine(actor).where(EvaluationRow.id.in_(having))).scalars().all()
        return _records(s, actor, rows)


def remove(reg: Registry, actor: Actor, evaluation_id: str) -> int:
    """Delete an evaluation with the answers kept of it; bytes freed in the store.

    One that is running stops at its next step.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.writing() as s:
        row = row_in(s, actor, evaluation_id)
        audit.record(s, actor, "evaluation.remove", row.dataset)
        digest = row.answers_digest
        jobs.cancel_in(s, KIND, row.id)
        s.execute(delete(EvaluatedRow).where(EvaluatedRow.evaluation_id == row.id))
        s.delete(row)
        return holdings.free_in(s, reg, [digest])


def drop_all_in(s: Session, user_id: str) -> list[str]:
    """Drop a person's evaluations; the digests they had, for `holdings.free_in`."""
    found = s.execute(select(EvaluationRow).where(EvaluationRow.user_id == user_id))
    rows = found.scalars().all()
    for row in rows:
        s.execute(delete(EvaluatedRow).where(EvaluatedRow.evaluation_id == row.id))
        s.delete(row)
    return [row.answers_digest for row in rows]


def add_in(s: Session, asked: Evaluation, user_id: str) -> None:
    """Record an evaluation that has yet to be done, inside the caller's transaction."""
    s.add(
        EvaluationRow(
            id=asked.id,
            user_id=user_id,
            dataset_id=asked.dataset_id,
            dataset=asked.dataset,
            target=asked.target,
            task=asked.task,
            slice_by=asked.slice_by,
        )
    )
    s.flush()
    for position, version in enumerate(asked.versions):
        s.add(
            EvaluatedRow(evaluation_id=asked.id, version_id=version.version_id, position=position)
        )
    s.flush()


def conclude_in(s: Session, reg: Registry, evaluation_id: str, outcome: Outcome) -> None:
    """Write down what was found, in place of what an earlier try had; gone is fine."""
    row = s.get(EvaluationRow, evaluation_id)
    if row is None:
        return
    before = row.answers_digest
    row.n_rows = outcome.n_rows
    row.pairs, row.findings = codec.dump(outcome.pairs), codec.dump(outcome.findings)
    row.answers_digest = outcome.answers.digest if outcome.answers else ""
    row.answers_blake3 = outcome.answers.blake3 if outcome.answers else ""
    for one in _of(s, [evaluation_id]):
        quality = outcome.qualities.get(one.version_id)
        one.result = codec.dump(quality) if quality else None
        one.failure = outcome.failures.get(one.version_id, "")
    if before != row.answers_digest:
        holdings.free_in(s, reg, [before])


def row_in(s: Session, actor: Actor, evaluation_id: str) -> EvaluationRow:
    """The row of the actor's own evaluation.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    row = s.get(EvaluationRow, evaluation_id)
    if row is None or row.user_id != actor.id:
        raise NotFound("there is no such evaluation of yours")
    return row


def work_in(s: Session, evaluation_id: str) -> tuple[EvaluationRow, UserRow, list[str]] | None:
    """What an evaluation is about, for the job: its row, who asked, and the ids of the versions."""
    row = s.get(EvaluationRow, evaluation_id)
    if row is None:
        return None
    return row, s.get_one(UserRow, row.user_id), [one.version_id for one in _of(s, [row.id])]


def _mine(actor: Actor) -> Select[EvaluationRow]:
    return (
        select(EvaluationRow)
        .where(EvaluationRow.user_id == actor.id)
        .order_by(EvaluationRow.created_at.desc())
        .limit(_MOST)
    )


def _of(s: Session, evaluation_ids: Iterable[str]) -> list[EvaluatedRow]:
    found = s.execute(
        select(EvaluatedRow)
        .where(EvaluatedRow.evaluation_id.in_(list(evaluation_ids)))
        .order_by(EvaluatedRow.evaluation_id, EvaluatedRow.position)
    )
    return list(found.scalars())


def _records(s: Session, actor: Actor, rows: Sequence[EvaluationRow]) -> list[Evaluation]:
    ids = [row.id for row in rows]
    each = _of(s, ids)
    refs = references.addresses_in(s, actor, {one.version_id for one in each})
    versions: dict[str, list[Evaluated]] = {evaluation_id: [] for evaluation_id in ids}
    for one in each:
        if one.version_id in refs:
            quality = codec.load(Quality, one.result) if one.result else None
            versions[one.evaluation_id].append(
                Evaluated(one.version_id, refs[one.version_id], quality, one.failure)
            )
    work = jobs.newest_in(s, KIND, ids)
    return [_record(row, versions[row.id], work.get(row.id)) for row in rows]


def _record(row: EvaluationRow, versions: list[Evaluated], job: JobRow | None) -> Evaluation:
    shown = {version.version_id for version in versions}
    pairs = [codec.load(Paired, each) for each in row.pairs]
    return Evaluation(
        id=row.id,
        dataset_id=row.dataset_id,
        dataset=row.dataset,
        target=row.target,
        task=cast("EvaluationTask", row.task),
        slice_by=row.slice_by,
        n_rows=row.n_rows,
        versions=tuple(versions),
        pairs=tuple(p for p in pairs if {p.base, p.other} <= shown),
        created_at=row.created_at,
        findings=tuple(Finding(**each) for each in row.findings),
        state=cast("JobState", job.state) if job else "done",
        progress=job.progress if job else 1.0,
        message=job.message if job else "",
    )

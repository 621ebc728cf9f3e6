"""The evaluation walk: labelled rows and chosen versions → how good each is, on the same rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import get_args

from registry import audit, datasets, evaluating, jobs, metrics, models, results, versions
from registry.core import Registry
from registry.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
)
from registry.records import (
    Actor,
    Dataset,
    Evaluated,
    Evaluation,
    EvaluationTask,
    Metric,
    Version,
)
from registry.results import KIND
from registry.tables import new_id, now

MOST_VERSIONS = 10
MOST_OPEN = 5
"""Evaluations of one person that wait or run at once."""


def start(
    reg: Registry,
    actor: Actor,
    dataset_id: str,
    refs: Sequence[str],
    target: str,
    task: EvaluationTask,
    slice_by: str = "",
) -> str:
    """Have versions evaluated on the same labelled rows, in the background.

    Args:
        refs: 1 to 10 versions.
        target: Column that holds the labels, or the numbers to predict.
        slice_by: Column whose values part the rows; "" for none.

    Returns:
        The id of the evaluation; of the one that runs already when just this is asked again.

    Raises:
        NotFound: No such data set or version, or not for this actor.
        Forbidden: The actor may not predict with a version.
        Conflict: The actor has as many evaluations under way as one person may have.
        InvalidInput: With every problem at once, per field.
    """
    dataset = datasets.get(reg, actor, dataset_id)
    found = [versions.spec(reg, actor, ref) for ref in dict.fromkeys(refs)]
    chosen = list({version.id: version for version, _ in found}.values())
    _refuse(dataset, chosen, target, task, slice_by)
    asked = Evaluation(
        id=new_id(),
        dataset_id=dataset.id,
        dataset=dataset.filename,
        target=target,
        task=task,
        slice_by=slice_by,
        n_rows=0,
        versions=tuple(Evaluated(version.id, version.ref) for version in chosen),
        pairs=(),
        created_at=now(),
    )
    if known := _under_way(reg, actor, asked):
        return known
    jobs.start(reg, _record(reg, actor, dataset, asked))
    return asked.id


def _under_way(reg: Registry, actor: Actor, asked: Evaluation) -> str:
    """The evaluation that does just this already; "" when there is none, and room for one."""
    running = [e for e in results.find(reg, actor) if e.state in ("queued", "running")]
    for known in running:
        if _same(known, asked):
            return known.id
    if len(running) >= MOST_OPEN:
        raise Conflict(
            f"{MOST_OPEN} of your evaluations wait or run already: wait for one, or cancel one"
        )
    return ""


def _record(reg: Registry, actor: Actor, dataset: Dataset, asked: Evaluation) -> str:
    """Write down what was asked; the id of its job."""
    with reg.writing() as s:
        row = datasets.row_in(s, actor, dataset.id)
        datasets.say_in(row, asked.target, asked.task)
        results.add_in(s, asked, actor.id)
        shown = [version.ref for version in asked.versions]
        audit.record(s, actor, "evaluation.start", dataset.filename, versions=shown)
        return jobs.submit_in(s, actor, KIND, asked.id, dataset.filename)


def _same(one: Evaluation, other: Evaluation) -> bool:
    def asks(e: Evaluation) -> object:
        return e.dataset_id, e.target, e.task, e.slice_by, [v.version_id for v in e.versions]

    return asks(one) == asks(other)


def _refuse(dataset: Dataset, chosen: list[Version], target: str, task: str, slice_by: str) -> None:
    """Everything that can be seen to be wrong before a row is read."""
    names = {column.name for column in dataset.columns}
    problems = {}
    if target not in names:
        problems["target"] = "is no column of these rows" if target else "choose the column"
    if task not in get_args(EvaluationTask):
        problems["task"] = "must be classification or regression"
    if slice_by and slice_by not in names:
        problems["slices"] = "is no column of these rows"
    if slice_by and slice_by == target:
        problems["slices"] = "must be another column than the target"
    if not 1 <= len(chosen) <= MOST_VERSIONS:
        problems["versions"] = f"1 to {MOST_VERSIONS} can be evaluated at once"
    elif target in names:
        each = [
            evaluating.layout_of(version, dataset.columns, target, slice_by) for version in chosen
        ]
        if not any(layout for layout, _ in each):
            problems["versions"] = "; ".join(
                f"{version.ref}: {why}" for version, (_, why) in zip(chosen, each, strict=True)
            )
    if problems:
        raise InvalidInput(problems)


def cancel(reg: Registry, actor: Actor, evaluation_id: str) -> None:
    """Stop an evaluation before its next batch; one that is over stays as it is.

    Raises:
        NotFound: No such evaluation, or it is somebody else's.
    """
    with reg.reading() as s:
        results.row_in(s, actor, evaluation_id)
        job = jobs.last_in(s, KIND, evaluation_id)
        job_id = job.id if job else ""
    if job_id:
        jobs.cancel(reg, actor, job_id)


def changed_rows(
    reg: Registry, actor: Actor, evaluation_id: str, base_ref: str, other_ref: str
) -> bytes:
    """The rows that base had right and other has wrong, as CSV with both answers.

    For numbers: those whose error grew most. At most 100,000 rows or 24 MiB, with a last line that
    says how many more there are; no cell is a formula.

    Raises:
        NotFound: No such evaluation or version, or not for this actor.
        Conflict: The rows or the answers are not there (any more).
        BrokenArtifact: They cannot be read.
        StoreError: The bytes are missing or differ.
    """
    evaluation = results.get(reg, actor, evaluation_id)
    ids = {v.ref: v.version_id for v in evaluation.versions if v.quality}
    for ref in (base_ref, other_ref):
        if ref not in ids:
            raise NotFound(f"{ref} is not judged in this evaluation")
    with reg.reading() as s:
        row = results.row_in(s, actor, evaluation_id)
        if row.dataset_id is None:
            raise Conflict("the rows were deleted, so they cannot be shown any more")
        dataset = datasets.row_in(s, actor, row.dataset_id)
        bytes_of = ((dataset.digest, dataset.blake3), (row.answers_digest, row.answers_blake3))
    order = {"base": ids[base_ref], "other": ids[other_ref], "names": [base_ref, other_ref]}
    opened: list[int] = []
    try:
        for digest, fast in bytes_of:
            opened.append(reg.store.open(digest, fast))
        return reg.pool.changed_rows(opened[0], opened[1], order)
    finally:
        for fd in opened:
            os.close(fd)


def save_metrics(reg: Registry, actor: Actor, evaluation_id: str) -> list[str]:
    """Keep the figures as metrics of the versions that the actor may edit, under the file's name.

    Returns:
        The versions that got none, since the actor may not edit them.

    Raises:
        NotFound: No such evaluation, or it is somebody else's.
        Conflict: It has no figures yet.
        InvalidInput: A version would have too many metrics.
    """
    evaluation = results.get(reg, actor, evaluation_id)
    judged = [version for version in evaluation.versions if version.quality]
    if not judged:
        raise Conflict("there are no figures to save")
    left_out, saved = [], []
    with reg.writing() as s:
        for version in judged:
            try:
                model, row = versions.for_action(s, actor, "version.edit", version.ref)
            except (NotFound, Forbidden):
                left_out.append(version.ref)
                continue
            metrics.add_in(s, row.id, _metrics(version, evaluation.dataset))
            saved.append(f"{models.address(s, model)}@{row.number}")
        if saved:
            audit.record(s, actor, "evaluation.save", evaluation.dataset, versions=saved)
    return left_out


def _metrics(version: Evaluated, dataset: str) -> list[Metric]:
    found = version.quality.metrics if version.quality else ()
    return [
        Metric(m.name, m.value, "", dataset[:100], m.higher_is_better, source="evaluation")
        for m in found
    ]

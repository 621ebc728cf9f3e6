"""The walk of a baseline: rows → cross-validated candidates, and a chosen one → a version."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

from registry import jobs, publish, staging, trainings
from registry.core import Registry
from registry.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    PredictionFailed,
    RateLimited,
    TooLarge,
)
from registry.records import (
    Actor,
    Candidate,
    Details,
    EvaluationTask,
    Metric,
    Plan,
    Training,
    Version,
)
from registry.sandbox.trainer import Asked, Trainer, why_not
from registry.sessions import actor_of

_DOWNWARDS = frozenset({"mean_absolute_error", "root_mean_squared_error"})
_TO_READ = 0.05
"""Share of the work that reading the rows is told as."""


@dataclass
class _Work:
    """One training under way. `share` and `said` are what was told last."""

    id: str
    actor: Actor
    staged_id: str
    filename: str
    asked: Asked
    deadline: float
    share: float = 0.0
    said: str = "reading the rows"


def run(reg: Registry, training_id: str) -> None:
    """Cross-validate every candidate, then fit it to all rows; what the job does.

    Run again after it was cut off, it begins anew. A candidate that fails is told of with its
    reason; the others go on. The rows are deleted at the end, however it ends.

    Raises:
        Conflict: It was cancelled.
        NotFound: The rows are gone.
        BrokenArtifact, TooLarge, InvalidInput: They cannot be trained on.
        PredictionFailed: No candidate could be trained.
    """
    work = _work(reg, training_id)
    if work is None:
        trainings.forget_rows(reg, training_id)
        return
    started = time.monotonic()
    with _nothing_left(reg, work):
        plan, found = _compared(reg, work)
        good = [each for each in found if not each.failure]
        if not good:
            raise PredictionFailed(f"no candidate could be trained. {found[0].failure}")
        good.sort(key=lambda each: -each.mean(plan.metric))
        board = [*good, *(each for each in found if each.failure)]
        jobs.tell(reg, 1.0, f"{good[0].title} is best of {len(found)}")
        trainings.conclude(reg, work.id, plan, board, time.monotonic() - started)


def save(
    reg: Registry,
    actor: Actor,
    training_id: str,
    candidate: str,
    name: str,
    description: str = "",
    tags: tuple[str, ...] = (),
    license: str = "",
) -> Version:
    """Make a trained candidate the first version of a new model; again is harmless.

    Args:
        candidate: Its word in the leaderboard.

    Raises:
        NotFound: No such training or candidate of the actor's, or its file is gone.
        InvalidInput: A detail does not fit.
        Conflict: The name is taken.
        Rejected, StoreError, StorageFull: As `publish.publish`.
    """
    found = trainings.get(reg, actor, training_id)
    chosen = next((each for each in found.leaderboard if each.name == candidate), None)
    if chosen is None or found.plan is None:
        raise NotFound("there is no such candidate in this training")
    if chosen.ref:
        return publish.publish(reg, actor, _draft_id(found, chosen), Details())
    if not chosen.draft_id:
        hours = reg.settings.staged_h
        raise NotFound(
            f"its file is gone: it waits {hours:g} h to be saved. Train again to have it"
        )
    if not name.strip():
        raise InvalidInput({"name": "give it a name"})
    draft = publish.examine(reg, actor, chosen.draft_id)
    details = Details(
        name=name,
        description=description,
        tags=tags,
        license=license,
        task=found.task,
        schema=found.plan.schema,
        card=_card(found, found.plan, chosen),
        metrics=_metrics(found, found.plan, chosen),
        parameters=dict(draft.inspection.parameters) | chosen.parameters,
        training=_told(found, found.plan, chosen),
        notes=f"{chosen.title}, trained here on {found.filename}.",
    )
    return publish.publish(reg, actor, draft.id, details)


def _draft_id(found: Training, chosen: Candidate) -> str:
    """The draft that a saved candidate was."""
    names = [each.name for each in found.plan.candidates] if found.plan else []
    return trainings.draft_ids(found.id)[names.index(chosen.name)]


def _work(reg: Registry, training_id: str) -> _Work | None:
    """What the job is about; None when it was deleted, or is done already.

    Raises:
        Forbidden: The person has no account any more.
    """
    settings = reg.settings
    with reg.reading() as s:
        found = trainings.work_in(s, training_id)
        if found is None or found[0].plan:
            return None
        row, user = found
        if user.disabled:
            raise Forbidden("the person who asked for it has no account any more")
        task = cast("EvaluationTask", row.task)
        kinds = trainings.kinds_of(row)
        asked = Asked(kinds, row.target, task, settings.train_rows, settings.train_timeout_s)
        deadline = time.monotonic() + settings.train_timeout_s
        return _Work(row.id, actor_of(user), row.staged_id, row.filename, asked, deadline)


@contextmanager
def _nothing_left(reg: Registry, work: _Work) -> Iterator[None]:
    """Delete the rows, and what a training that failed has made; not when it will begin anew."""
    trainings.forget_files(reg, work.id)
    try:
        yield
    except BaseException:
        if not jobs.stopping():
            trainings.forget_files(reg, work.id)
            trainings.forget_rows(reg, work.id)
        raise
    trainings.forget_rows(reg, work.id)


def _compared(reg: Registry, work: _Work) -> tuple[Plan, list[Candidate]]:
    """Every candidate with its scores and its file, or why it has none."""
    found: list[Candidate] = []
    plan: Plan | None = None
    with staging.opened(reg, work.staged_id) as fd:
        while plan is None or len(found) < len(plan.candidates):
            with reg.pool.trainer(fd, work.asked, lambda: _tell(reg, work)) as trainer:
                plan = plan or trainer.plan(_left_s(work))
                while trainer.alive and len(found) < len(plan.candidates):
                    found.append(_tried(reg, work, trainer, plan, len(found)))
    return plan, found


def _tried(reg: Registry, work: _Work, trainer: Trainer, plan: Plan, place: int) -> Candidate:
    """One candidate, within its share of the time that is left."""
    candidate, n = plan.candidates[place], len(plan.candidates)
    until = time.monotonic() + _left_s(work) / (n - place)
    scores: dict[str, list[float]] = {metric: [] for metric in plan.metrics}
    fit_s = 0.0
    try:
        for fold in range(plan.n_folds):
            said = f"candidate {place + 1} of {n}, {candidate.title}: fold {fold + 1}"
            _say(reg, work, plan, place, fold, f"{said} of {plan.n_folds}")
            found, seconds = trainer.fold(plan, place, fold, _until_s(until))
            fit_s += seconds / plan.n_folds
            for metric, score in found.items():
                scores[metric].append(score)
        said = f"candidate {place + 1} of {n}, {candidate.title}: fitted to all rows"
        _say(reg, work, plan, place, plan.n_folds, said)
        size_bytes = _kept(reg, work, trainer, candidate, place, _until_s(until))
    except (PredictionFailed, RateLimited, TooLarge) as failed:
        return replace(candidate, failure=why_not(failed))
    return replace(
        candidate,
        scores={metric: tuple(each) for metric, each in scores.items()},
        fit_s=fit_s,
        size_bytes=size_bytes,
        draft_id=trainings.draft_ids(work.id)[place],
    )


def _kept(
    reg: Registry, work: _Work, trainer: Trainer, candidate: Candidate, place: int, timeout_s: float
) -> int:
    """Take the fitted file in like an upload of the person's; its size in bytes."""
    stem = work.filename.rpartition(".")[0] or work.filename
    draft_id = trainings.draft_ids(work.id)[place]
    most = reg.settings.max_upload_bytes
    with (
        trainer.fitted(place, most, timeout_s) as pieces,
        staging.receive(reg, work.actor, f"{stem}-{candidate.name}.joblib", draft_id) as incoming,
    ):
        for piece in pieces:
            incoming.write(piece)
        return incoming.finish().size_bytes


def _say(reg: Registry, work: _Work, plan: Plan, place: int, fold: int, said: str) -> None:
    done = (place + fold / (plan.n_folds + 1)) / len(plan.candidates)
    work.share, work.said = _TO_READ + (1 - _TO_READ) * done, said
    _tell(reg, work)


def _tell(reg: Registry, work: _Work) -> None:
    """Say how far it is.

    Raises:
        Conflict: It was cancelled.
    """
    jobs.tell(reg, work.share, work.said)


def _left_s(work: _Work) -> float:
    return max(1.0, work.deadline - time.monotonic())


def _until_s(until: float) -> float:
    return max(1.0, until - time.monotonic())


def _metrics(found: Training, plan: Plan, chosen: Candidate) -> tuple[Metric, ...]:
    """Means over the folds; the one that decided comes first."""
    return tuple(
        Metric(
            metric,
            chosen.mean(metric),
            dataset=found.filename[:100],
            higher_is_better=metric not in _DOWNWARDS,
            source="evaluation",
        )
        for metric in plan.metrics
    )


def _told(found: Training, plan: Plan, chosen: Candidate) -> dict[str, object]:
    """What the version says of its training."""
    return {
        "algorithm": chosen.title,
        "dataset": found.filename,
        "target": found.target,
        "features": [f.name for f in plan.schema.fields],
        "n_train": plan.n_rows,
        "training_time_s": round(chosen.fit_s, 3),
        "validation": f"{plan.n_folds}-fold cross-validation",
    }


def _card(found: Training, plan: Plan, chosen: Candidate) -> str:
    """A first card: what was measured and how, for a person to go on from."""
    scored = "\n".join(
        f"- {metric}: {chosen.mean(metric):.4g} ± {chosen.spread(metric):.2g}"
        for metric in plan.metrics
    )
    steps = "\n".join(f"- {step}" for step in plan.steps)
    return (
        f"A baseline: {chosen.title.lower()} on {plan.n_rows:,} rows, predicting "
        f"`{found.target}`.\n\n## How good it is\n\nMean and standard deviation over "
        f"{plan.n_folds} folds, each scored by a pipeline that has not seen it.\n\n{scored}\n\n"
        f"## What was done to the columns\n\n{steps}\n"
    )

"""The evaluation walk: labelled rows and chosen versions → how good each is, on the same rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import get_args

from registry import audit, codec, datasets, holdings, jobs, metrics, models, results, versions
from registry.core import Registry
from registry.errors import (
    Busy,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PredictionFailed,
    PredictionTimeout,
    RegistryError,
)
from registry.formats import feeding
from registry.formats.feeding import Layout
from registry.records import (
    Actor,
    Dataset,
    Evaluated,
    Evaluation,
    EvaluationTask,
    Field,
    Finding,
    Metric,
    Paired,
    Quality,
    Schema,
    Version,
)
from registry.results import KIND
from registry.sandbox.contract import ModelSpec
from registry.sandbox.judge import Case, Judge, Raw
from registry.tables import new_id, now
from registry.sessions import actor_of

MOST_VERSIONS = 10
_SMALLER, _SMALLEST = 10, 100


@dataclass
class _Version:
    """One version under evaluation. `place` is where the judge has it."""

    id: str
    ref: str
    spec: ModelSpec | None = None
    layout: Layout | None = None
    failure: str = ""
    place: int = -1
    n_rows: int = 0
    predict_ms: float = 0.0


@dataclass
class _Work:
    """One evaluation under way."""

    id: str
    target: str
    task: EvaluationTask
    slice_by: str
    digest: str
    blake3: str
    n_rows: int
    versions: list[_Version]
    done: float = field(default=0.0)

    @property
    def asked(self) -> list[_Version]:
        """Those that can be asked at all, in the judge's order."""
        return [version for version in self.versions if version.place >= 0]

    @property
    def good(self) -> list[_Version]:
        """Those that have answered every row so far."""
        return [version for version in self.asked if not version.failure]


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
    for known in results.find(reg, actor):
        if known.state in ("queued", "running") and _same(known, asked):
            return known.id
    with reg.writing() as s:
        row = datasets.row_in(s, actor, dataset.id)
        datasets.say_in(row, target, task)
        results.add_in(s, asked, actor.id)
        job_id = jobs.submit_in(s, actor, KIND, asked.id, dataset.filename)
        shown = [version.ref for version in chosen]
        audit.record(s, actor, "evaluation.start", dataset.filename, versions=shown, target=target)
    jobs.start(reg, job_id)
    return asked.id


def _same(one: Evaluation, other: Evaluation) -> bool:
    def asks(e: Evaluation) -> object:
        return e.dataset_id, e.target, e.task, e.slice_by, [v.version_id for v in e.versions]

    return asks(one) == asks(other)


def _refuse(
    dataset: Dataset, chosen: list[Version], target: str, task: str, slice_by: str
) -> None:
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
        each = [_layout(version, dataset.columns, target, slice_by) for version in chosen]
        if not any(layout for layout, _ in each):
            problems["versions"] = "; ".join(
                f"{version.ref}: {why}" for version, (_, why) in zip(chosen, each, strict=True)
            )
    if problems:
        raise InvalidInput(problems)


def _layout(
    version: Version, columns: Sequence[Field], target: str, slice_by: str
) -> tuple[Layout | None, str]:
    """Which columns a version is given, or why it cannot be asked."""
    if not version.can_predict:
        return None, f"it does not predict: {version.why_no_predictions}"
    if version.schema is None:
        return None, "it has no schema: say on its page what it takes"
    try:
        return feeding.plan(version.schema, columns, target, slice_by), ""
    except ValueError as why:
        return None, str(why)


def run(reg: Registry, evaluation_id: str) -> None:
    """Ask every version about every row and judge the answers; what the job does.

    Run again after it was cut off, it begins anew. A version that fails is told of with its
    reason; the others go on.

    Raises:
        Conflict: It was cancelled, or the rows are gone.
        BrokenArtifact: The rows cannot be read.
        InvalidInput: No row can be judged.
        PredictionFailed: No version could be asked.
        StoreError: The bytes of the rows are missing or differ.
    """
    work = _work(reg, evaluation_id)
    if work is None:
        return
    fd = reg.store.open(work.digest, work.blake3)
    try:
        case = Case(work.target, work.task, work.slice_by, work.n_rows, _judged(work))
        with reg.pool.judge(fd, case) as judge:
            for version in work.asked:
                _ask_all(reg, judge, work, version)
            if not work.good:
                first = work.versions[0]
                raise PredictionFailed(f"no version could be evaluated. {first.failure}")
            outcome = _outcome(reg, judge, work)
    finally:
        os.close(fd)
    with reg.writing() as s:
        results.conclude_in(s, reg, evaluation_id, outcome)


def _work(reg: Registry, evaluation_id: str) -> _Work | None:
    """What the job is about; None when it was deleted meanwhile.

    Raises:
        Conflict: The rows were deleted meanwhile.
        Forbidden: The person has no account any more.
    """
    with reg.reading() as s:
        found = results.work_in(s, evaluation_id)
        if found is None:
            return None
        row, user, version_ids = found
        if user.disabled:
            raise Forbidden("the person who asked for it has no account any more")
        actor = actor_of(user)
        asked = results.get(reg, actor, evaluation_id)
        if row.dataset_id is None:
            raise Conflict("the rows were deleted meanwhile")
        dataset = datasets.row_in(s, actor, row.dataset_id)
        digest, fast = dataset.digest, dataset.blake3
        n_rows, columns = dataset.n_rows, [codec.load(Field, each) for each in dataset.columns]
    refs = {version.version_id: version.ref for version in asked.versions}
    each = [
        _prepared(reg, actor, _Version(i, refs.get(i, "")), columns, asked) for i in version_ids
    ]
    for place, version in enumerate(v for v in each if v.layout):
        version.place = place
    if not any(version.layout for version in each):
        raise PredictionFailed(f"no version could be evaluated. {each[0].failure}")
    return _Work(
        asked.id, asked.target, asked.task, asked.slice_by, digest, fast, n_rows, each
    )


def _prepared(
    reg: Registry, actor: Actor, version: _Version, columns: list[Field], asked: Evaluation
) -> _Version:
    try:
        if not version.ref:
            raise NotFound("it was deleted, or is not shared with you any more")
        found, version.spec = versions.spec(reg, actor, version.ref)
    except (NotFound, Forbidden) as gone:
        version.failure = gone.message
        return version
    version.layout, version.failure = _layout(found, columns, asked.target, asked.slice_by)
    return version


def _judged(work: _Work) -> tuple[tuple[Schema, Layout], ...]:
    return tuple(
        (version.spec.schema, version.layout)
        for version in work.asked
        if version.spec and version.spec.schema and version.layout
    )


def _ask_all(reg: Registry, judge: Judge, work: _Work, version: _Version) -> None:
    """Have one version answer every row, batch by batch; when it fails, that is noted."""
    size = judge.begin(version.place)
    n_versions = len(work.asked)
    while not version.failure:
        n_rows, share = judge.next(version.place)
        if not n_rows:
            return
        size = _ask_batch(reg, judge, version, n_rows, size)
        version.n_rows += n_rows
        done = (version.place + share) / n_versions
        said = f"version {version.place + 1} of {n_versions}: {version.n_rows:,} rows"
        jobs.tell(reg, 0.95 * done, said)


def _ask_batch(reg: Registry, judge: Judge, version: _Version, n_rows: int, size: int) -> int:
    """Ask about one batch, in smaller parts when it takes too long; rows of a part from now on."""
    start = 0
    while start < n_rows and not version.failure:
        stop = min(n_rows, start + size)
        try:
            answer = _forward(reg, version, judge.feed(start, stop))
        except PredictionTimeout as late:
            if size <= _SMALLEST:
                version.failure = late.message
            size = max(_SMALLEST, min(size, n_rows) // _SMALLER)
            continue
        except Busy:
            raise
        except RegistryError as failed:
            version.failure = failed.message
            continue
        version.failure = judge.take(version.place, stop - start, answer)
        start = stop
    return size


def _forward(reg: Registry, version: _Version, question: Raw) -> Raw:
    spec = version.spec
    if spec is None:
        raise NotFound("it is gone")
    answer, predict_ms = jobs.patiently(lambda: reg.pool.forward(spec, question))
    version.predict_ms += predict_ms
    return answer


def _outcome(reg: Registry, judge: Judge, work: _Work) -> results.Outcome:
    """Figures, pairs and kept answers of the versions that have answered every row."""
    told, qualities = judge.told(), dict[str, Quality]()
    for version in work.good:
        jobs.tell(reg, 0.95, f"judging {told.n_rows:,} rows")
        try:
            quality = judge.quality(version.place)
        except PredictionFailed as failed:
            version.failure = failed.message
            continue
        qualities[version.id] = _with_speed(quality, version)
    pairs: list[Paired] = []
    for base, other in combinations(work.good, 2):
        jobs.tell(reg, 0.97, "comparing the versions")
        pairs.append(judge.pair((base.place, base.id), (other.place, other.id)))
    answers = None
    if work.good:
        places = {version.id: version.place for version in work.good}
        answers = holdings.keep(reg, judge.pieces(places))
    failures = {version.id: version.failure for version in work.versions if version.failure}
    findings = _findings(work, told.n_rows, told.n_out, told.reasons, told.without_shares)
    return results.Outcome(told.n_rows, qualities, failures, pairs, findings, answers)


def _with_speed(quality: Quality, version: _Version) -> Quality:
    from dataclasses import replace

    seconds = version.predict_ms / 1e3
    return replace(quality, rows_per_s=version.n_rows / seconds if seconds else 0.0)


def _findings(
    work: _Work,
    n_rows: int,
    n_out: int,
    reasons: Sequence[str],
    without_shares: Sequence[bool],
) -> list[Finding]:
    """What a reader of the figures should know."""
    found = []
    if n_out:
        what = f"{n_out:,} of {n_out + n_rows:,} rows were left out for all versions"
        why = "; ".join(reasons)
        found.append(Finding("warn", "rows-left-out", what, why, "mend these rows, or the schema"))
    for version in work.asked:
        if version.layout and version.layout.remark:
            found.append(Finding("info", "by-order", f"{version.ref}: {version.layout.remark}"))
        if version.place < len(without_shares) and without_shares[version.place]:
            what = f"{version.ref}: its probabilities were not kept"
            why = "there are too many rows and classes, so there are no curves for it"
            found.append(Finding("info", "no-probabilities", what, why))
    return found


def changed_rows(
    reg: Registry, actor: Actor, evaluation_id: str, base_ref: str, other_ref: str
) -> bytes:
    """The rows that base had right and other has wrong, as CSV with both answers.

    For numbers: those whose error grew most. At most 100,000 rows; no cell is a formula.

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

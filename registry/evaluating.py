"""The job of an evaluation: every version answers the same rows, then the answers are judged."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from registry import codec, datasets, holdings, jobs, results, versions
from registry.core import Registry
from registry.errors import (
    Busy,
    Conflict,
    Forbidden,
    NotFound,
    PredictionFailed,
    PredictionTimeout,
    RegistryError,
)
from registry.formats import feeding
from registry.formats.feeding import Layout
from registry.records import (
    Actor,
    Evaluation,
    EvaluationTask,
    Field,
    Finding,
    Paired,
    Quality,
    Schema,
    Version,
)
from registry.sandbox.contract import ModelSpec
from registry.sandbox.judge import Case, Judge, Raw, Told
from registry.sessions import actor_of

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

    @property
    def asked(self) -> list[_Version]:
        """Those that can be asked at all, in the judge's order."""
        return [version for version in self.versions if version.place >= 0]

    @property
    def good(self) -> list[_Version]:
        """Those that have answered every row so far."""
        return [version for version in self.asked if not version.failure]


def layout_of(
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
    return _Work(asked.id, asked.target, asked.task, asked.slice_by, digest, fast, n_rows, each)


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
    version.layout, version.failure = layout_of(found, columns, asked.target, asked.slice_by)
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
    findings = [*_findings(work, told), *_never_right(work, qualities)]
    return results.Outcome(told.n_rows, qualities, failures, pairs, findings, answers)


def _with_speed(quality: Quality, version: _Version) -> Quality:
    seconds = version.predict_ms / 1e3
    return replace(quality, rows_per_s=version.n_rows / seconds if seconds else 0.0)


def _findings(work: _Work, told: Told) -> list[Finding]:
    """What a reader of the figures should know."""
    found = []
    if told.n_out:
        what = f"{told.n_out:,} of {told.n_out + told.n_rows:,} rows were left out for all versions"
        why = "; ".join(told.reasons)
        found.append(Finding("warn", "rows-left-out", what, why, "mend these rows, or the schema"))
    for version in work.asked:
        if version.layout and version.layout.remark:
            found.append(Finding("info", "by-order", f"{version.ref}: {version.layout.remark}"))
        if version.place < len(told.without_shares) and told.without_shares[version.place]:
            what = f"{version.ref}: its probabilities were not kept"
            why = "there are too many rows and classes, so there are no curves for it"
            found.append(Finding("info", "no-probabilities", what, why))
    return found


def _never_right(work: _Work, qualities: Mapping[str, Quality]) -> list[Finding]:
    """Versions without one right label: most likely the column writes the classes otherwise."""
    why = f"what it answers may be written differently from what {work.target} holds: 1 or benign"
    todo = "look at the confusion matrix, and write the labels as the model does"
    return [
        Finding("warn", "never-right", f"{version.ref} is never right", why, todo)
        for version in work.asked
        if version.id in qualities
        and any(m.name == "accuracy_score" and not m.value for m in qualities[version.id].metrics)
    ]

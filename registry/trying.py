"""What people try and keep, as records: tokens, scorings, trainings, what-ifs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from registry.evaluation import EvaluationTask
from registry.inspection import Finding
from registry.prediction import OutputValue, Prediction, PredictionLine
from registry.schema import Schema

Keeping = Literal["nothing", "digest", "full"]
Flag = Literal["wrong", "unsure", "offensive", "other"]
FeatureKind = Literal["number", "boolean", "category", "date", "text", "drop"]
TaskState = Literal["queued", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Token:
    """A secret for the API, without the secret; `prefix` is how people tell it from others."""

    id: str
    name: str
    prefix: str
    permissions: tuple[str, ...]
    calls_left: int
    expires_at: datetime
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def why_over(self, moment: datetime) -> str:
        """Why it does not work any more at that moment; "" when it does."""
        if self.revoked_at:
            return "revoked"
        if self.expires_at <= moment:
            return "expired"
        return "" if self.calls_left > 0 else "used up"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a model's owner lets be kept of predictions, for how many days if in full."""

    what: Keeping
    days: int


@dataclass(frozen=True, slots=True)
class PredictionFilter:
    """Which predictions to list; empty and 0 mean no restriction, days are UTC and included.

    `outcome` is "ok", "failed" (whatever was not ok) or the name of an error; `flag` a flag or
    "any".
    """

    mine: bool = False
    version: int = 0
    outcome: str = ""
    flag: str = ""
    since: date | None = None
    until: date | None = None
    least_rows: int = 0
    most_rows: int = 0


@dataclass(frozen=True, slots=True)
class PastPrediction:
    """One logged prediction with what is kept of it.

    `inputs` are as `predict` takes them, None when they are not kept; `outputs` hold the first
    `n_answered` rows.
    """

    line: PredictionLine
    mine: bool
    kept: Kept
    digest: str = ""
    inputs: Any = None
    outputs: tuple[OutputValue, ...] = ()
    n_answered: int = 0


@dataclass(frozen=True, slots=True)
class Rerun:
    """The same input again: the new answer, and what of it differs from the old one, in words."""

    answer: Prediction
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not scored: its line in the file, counted from 1 with the header, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Scoring:
    """A file that a version scores. `result_bytes` is 0 while there is no result, and afterwards.

    Attributes:
        ref: "" when the version may not be seen any more.
        n_rows: Rows read, `n_bad` of them without an answer.
        problems: The first of those, at most 100.
        progress: From 0 to 1.
        message: What the job says of itself while it is not over.
        expires_at: Until when the scored file can be fetched.
    """

    id: str
    ref: str
    filename: str
    state: TaskState
    n_rows: int
    n_bad: int
    problems: tuple[BadRow, ...]
    result_bytes: int
    failure: str
    created_at: datetime
    finished_at: datetime | None = None
    progress: float = 0.0
    message: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """How the columns of a file fit a version.

    Attributes:
        used: Columns that the version is given, in its order.
        ignored: Columns that only stay beside the answers.
        problem: Why it cannot be scored; "" when it can.
        remark: What a person should know about it.
    """

    used: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    problem: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of a table to train on, and what it is to a model.

    Attributes:
        why: Why it is left out; "" when it is not.
        shown: Some of its values.
        n_distinct: Different values among the rows looked at.
        gaps: Share of rows without a value, from 0 to 1.
    """

    name: str
    kind: FeatureKind
    why: str = ""
    shown: str = ""
    n_distinct: int = 0
    gaps: float = 0.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """An uploaded table before training: its columns, and guesses of target and task."""

    id: str
    filename: str
    n_rows: int
    features: tuple[Feature, ...]
    target: str
    task: EvaluationTask


@dataclass(frozen=True, slots=True)
class Candidate:
    """One pipeline of a baseline, cross-validated.

    Attributes:
        name: Its word in file names; `title` is for people.
        scores: Metric to the score on each fold, in the same order for every candidate.
        fit_s: Seconds one fit took, the mean over the folds.
        failure: Why there are no scores; "" when there are.
        draft_id: The staged file of it, fitted to all rows; "" when there is none (any more).
        ref: The version it was saved as.
    """

    name: str
    title: str
    scores: dict[str, tuple[float, ...]] = field(default_factory=dict)
    fit_s: float = 0.0
    failure: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    size_bytes: int = 0
    draft_id: str = ""
    ref: str = ""

    def mean(self, metric: str) -> float:
        """Mean over the folds; NaN without scores."""
        found = self.scores.get(metric, ())
        return sum(found) / len(found) if found else math.nan

    def spread(self, metric: str) -> float:
        """Standard deviation over the folds, as `numpy.std` gives it."""
        found, middle = self.scores.get(metric, ()), self.mean(metric)
        return math.sqrt(sum((s - middle) ** 2 for s in found) / len(found)) if found else math.nan


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker made of a table and is going to try.

    Attributes:
        metric: What decides; one of `metrics`.
        n_rows: Rows that have an answer and are used.
        steps: What was done to the columns, in words.
        schema: What the fitted pipelines take.
    """

    n_rows: int
    n_folds: int
    metric: str
    metrics: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[Finding, ...]
    steps: tuple[str, ...]
    schema: Schema


@dataclass(frozen=True, slots=True)
class Training:
    """A baseline that the server trains for a person; the best of the leaderboard first."""

    id: str
    filename: str
    target: str
    task: EvaluationTask
    state: TaskState
    progress: float
    message: str
    created_at: datetime
    finished_at: datetime | None = None
    plan: Plan | None = None
    leaderboard: tuple[Candidate, ...] = ()
    train_s: float = 0.0


Scale = Literal["probability", "value", "score", "label"]
"""What the numbers of a what-if are; of a label without probabilities, 1 is this one, 0 another."""


@dataclass(frozen=True, slots=True)
class Movement:
    """What a version says while one feature moves: `values[i]` gives `answers[name][i]`.

    `at` is the place of the row's own value, None standing for missing.
    """

    ref: str
    feature: str
    values: tuple[Any, ...]
    answers: dict[str, tuple[float, ...]]
    scale: Scale
    at: int


@dataclass(frozen=True, slots=True)
class Surface:
    """What a version says while two features move: `answers[name][j][i]` is of `xs[i]`, `ys[j]`.

    `at` are the places `(i, j)` of the row's own values.
    """

    ref: str
    x: str
    y: str
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    answers: dict[str, tuple[tuple[float, ...], ...]]
    scale: Scale
    at: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Attribution:
    """How far each feature moved an answer away from the background's; with `base` they add up.

    `parts[name][i]` is of `features[i]` (name and value), `errors` their standard errors, zero
    when `exact`. `background` says in words what the row is compared with.
    """

    ref: str
    features: tuple[tuple[str, Any], ...]
    base: dict[str, float]
    answer: dict[str, float]
    parts: dict[str, tuple[float, ...]]
    errors: dict[str, tuple[float, ...]]
    scale: Scale
    exact: bool
    background: str
    n_rows: int

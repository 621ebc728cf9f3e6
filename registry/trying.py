"""What people try and keep, as records: tokens, scorings, trainings, what-ifs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from registry.evaluation import EvaluationTask
from registry.inspection import Finding
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


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not scored: its line in the file, counted from 1 with the header, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Scoring:
    """A file that a version scores. `result_bytes` is 0 while there is no result."""

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


@dataclass(frozen=True, slots=True)
class Movement:
    """What a version says while one feature moves: `values[i]` gives `answers[name][i]`."""

    ref: str
    feature: str
    values: tuple[Any, ...]
    answers: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Surface:
    """What a version says while two features move: `answers[j][i]` is of `xs[i]` and `ys[j]`."""

    ref: str
    x: str
    y: str
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    output: str
    answers: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Attribution:
    """How far each feature moved one answer away from the background; they add up with `base`."""

    ref: str
    output: str
    base: float
    answer: float
    parts: tuple[tuple[str, Any, float], ...]
    method: str

"""What people try and keep, as records: tokens, scorings, trainings, what-ifs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Keeping = Literal["nothing", "digest", "full"]
Flag = Literal["wrong", "unsure", "offensive", "other"]
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
class Candidate:
    """One pipeline of a baseline: its score per fold, best of the leaderboard first."""

    name: str
    metric: str
    scores: tuple[float, ...]
    fit_s: float
    failure: str = ""
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """A baseline that the server trains for a person."""

    id: str
    filename: str
    target: str
    task: str
    state: TaskState
    n_rows: int
    leaderboard: tuple[Candidate, ...]
    failure: str
    created_at: datetime
    finished_at: datetime | None = None


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

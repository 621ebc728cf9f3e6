"""What the API tells of use, quality and government: read from the records by their attributes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from registry.assurance import Answer
from registry.records import (
    BadRow,
    Flag,
    Keeping,
    Kept,
    Relation,
    Role,
    RuleKind,
    TaskState,
)
from registry.web.api.answered import OutputShape
from registry.web.api.said import Ref, Shape


class RatingShape(Shape):
    """What people think of a model, in stars from 1 to 5."""

    average: float | None = Field(examples=[4.5], description="Null while nobody has voted.")
    n_votes: int
    counts: list[int] = Field(examples=[[0, 0, 0, 1, 1]], description="Of one star, two … five.")
    own: int | None = Field(description="Your stars; null without a vote.")
    why_not: str = Field(description="Why you may not vote; empty when you may.")


class VersionUseShape(Shape):
    """How much one version was used."""

    number: int
    downloads: int
    predictions: int
    last_downloaded_at: datetime | None


class UsageShape(Shape):
    """How much a model was used, by UTC day, the last being today; versions newest first."""

    days: list[date]
    downloads: list[int] = Field(examples=[[0, 2, 1]])
    predictions: list[int] = Field(examples=[[12, 40, 7]])
    versions: list[VersionUseShape]


class DownloadShape(Shape):
    """One download; `by` is empty when the account is gone."""

    at: datetime
    by: str = Field(examples=["bob"])
    number: int
    what: str = Field(examples=["file", "package", "mlflow", "hub"])
    filenames: list[str]


class LicenseShape(Shape):
    """Whether a work under `source` may go on under `target`: a reading, no legal advice."""

    source: str = Field(examples=["GPL-3.0-only"])
    target: str = Field(examples=["MIT"])
    compatible: Answer
    why: str
    warnings: list[str]
    rule: str = Field(description="Where the rule is written.")


class ParentLicenseShape(Shape):
    """The license of a parent, or of a parent of one, against that of what was made from it."""

    parent: str = Field(examples=["alice/base@2"], description="Empty: not for you to see.")
    through: list[str] = Field(description="Versions between, the nearest first.")
    relation: Relation | Literal[""] = Field(description="Empty: not for you to see.")
    check: LicenseShape


class Licenses(Shape):
    """The license of a version's model, and its parents’ against it."""

    license: str = Field(examples=["Apache-2.0"])
    parents: list[ParentLicenseShape]


class ScoreShape(Shape):
    """One measure; `value` is null when it was not measured, for the reason in `evidence`."""

    key: str = Field(examples=["license"])
    title: str
    value: float | None = Field(description="From 0 to 1.")
    weight: float
    evidence: str
    where: str
    latency_ms: float


class ScorecardShape(Shape):
    """All measures of a version; `net` is the weighted mean of those that were measured."""

    ref: Ref
    net: float | None
    scores: list[ScoreShape]


class RuleShape(Shape):
    """One rule of a gate."""

    kind: RuleKind
    aliases: list[str]
    metric: str
    dataset: str
    op: str
    value: float


class Gate(Shape):
    """What a version must meet before an alias moves to it."""

    rules: list[RuleShape]


class RuleResultShape(Shape):
    """What a version makes of a rule, in a sentence with the figures."""

    rule: RuleShape
    passed: bool
    said: str = Field(examples=["accuracy_score is 0.91, must be >= 0.95"])


class Verdicts(Shape):
    """What a version makes of each rule."""

    passed: bool
    rules: list[RuleResultShape]


class GoldenCaseShape(Shape):
    """An input with its expected answer that every new version must give."""

    id: str
    name: str = Field(examples=["a typical setosa"])
    inputs: dict[str, Any]
    expected: dict[str, Any]
    tolerance: float
    created_by: str
    created_at: datetime


class GoldenRunShape(Shape):
    """What the version answered last to one golden case."""

    case_id: str
    passed: bool
    answer: dict[str, Any] | None
    message: str
    at: datetime


class BenchmarkShape(Shape):
    """Speed and memory on a named machine, times in milliseconds."""

    id: str
    machine: str = Field(examples=["Xeon, 2 cores, 16 GiB, 1 thread per worker"])
    load_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    rows_per_s: dict[int, float] = Field(description="By rows in one call.")
    peak_memory_bytes: int
    size_bytes: int
    at: datetime
    remark: str


class PredictionLineShape(Shape):
    """One logged prediction."""

    id: str
    at: datetime
    ref: Ref
    actor: str
    n_rows: int
    latency_ms: float
    outcome: str = Field(examples=["ok"], description="`ok`, or what it failed with.")
    flag: Flag | Literal[""]
    flag_reason: str
    shared: bool
    kept: bool = Field(description="Whether its input or its answer is kept.")


class KeptShape(Shape):
    """What is kept of the predictions of a model."""

    what: Keeping
    days: int = Field(examples=[30], description="For how long, if in full.")


class PastPredictionShape(Shape):
    """One logged prediction with what is kept of it."""

    line: PredictionLineShape
    mine: bool
    kept: Kept
    digest: str = Field(description="Of the input: equal inputs have equal digests.")
    inputs: Any
    outputs: list[NamedOutput]
    n_answered: int = Field(description="Rows that `outputs` have.")


class NamedOutput(OutputShape):
    """One output by its name."""

    name: str


class WebhookShape(Shape):
    """An address that is told of events; `disabled` says why it is off, empty while it is on."""

    id: str
    url: str = Field(examples=["https://example.org/hook"])
    model: str = Field(examples=["alice/iris"], description="Empty: all that you may see.")
    events: list[str] = Field(examples=[["version.ready", "alias.moved"]])
    by: str
    disabled: str
    created_at: datetime


class NewWebhook(BaseModel):
    """A webhook with the secret that signs what it is told; it is shown once."""

    webhook: WebhookShape
    secret: str = Field(examples=["whsec_…"])


class DeliveryShape(Shape):
    """One event told to a webhook, and what was answered."""

    id: str
    event: str = Field(examples=["version.ready"])
    state: Literal["waiting", "delivered", "failed"]
    tries: int
    answered: int | None = Field(description="The last HTTP status.")
    said: str
    created_at: datetime
    finished_at: datetime | None


class ScoringShape(Shape):
    """A file of rows that a version answers."""

    id: str
    ref: str = Field(examples=["alice/iris@3"], description="Empty: not for you any more.")
    filename: str = Field(examples=["rows.csv"])
    state: TaskState
    progress: float = Field(description="From 0 to 1.")
    message: str
    failure: str
    n_rows: int
    n_bad: int = Field(description="Rows without an answer.")
    problems: list[BadRow] = Field(description="The first of these, at most 100.")
    result_bytes: int = Field(description="0 while there is nothing to fetch.")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None


class Link(BaseModel):
    """A signed link, for whoever holds it; it ends with your right to download."""

    path: str = Field(examples=["/x/WyJhbGljZ…"], description="On this server.")
    expires_in_s: int = Field(examples=[3600])


class QuotaShape(Shape):
    """What somebody keeps and may keep; a limit of 0 means none."""

    size_bytes: int = Field(examples=[52_428_800])
    n_models: int
    limit_bytes: int
    limit_models: int


class AccountShape(Shape):
    """An account as administrators see it."""

    username: str = Field(examples=["bob"])
    name: str
    email: str
    role: Role
    denied: list[str] = Field(description="Permissions of the role that were taken away.")
    disabled: bool
    created_at: datetime
    seen_at: datetime | None
    quota: QuotaShape
    quota_mb: int | None = Field(description="Null: as in the settings.")
    quota_models: int | None


class Code(BaseModel):
    """A code to hand to a person; it works once."""

    code: str = Field(examples=["Yc3u…"])


class SystemShape(Shape):
    """What the installation holds and runs on."""

    counts: dict[str, int] = Field(examples=[{"accounts": 3, "models": 12}])
    database_bytes: int
    stored_bytes: int
    stored_files: int
    staged_bytes: int
    free_bytes: int
    libraries: dict[str, str]
    fence: dict[str, bool]


class Actions(BaseModel):
    """Actions of audit lines."""

    items: list[str] = Field(examples=[["model.edit", "version.add"]])


class Chain(Shape):
    """Whether the chain of audit lines is whole."""

    broken_at: int | None = Field(description="The first line that does not fit; null: all do.")
    head: str = Field(
        examples=["120:9f86d081…"], description="Keep it elsewhere: it goes with `head`."
    )

"""What the API tells of models, versions and people: read from the records by their attributes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from registry.comparison import Fit, RowKind, SectionName
from registry.records import (
    ArtifactKind,
    Finding,
    JobState,
    Level,
    Lifecycle,
    MetricSource,
    Relation,
    Role,
    Schema,
    Status,
    Verdict,
    Visibility,
)

Ref = Annotated[str, Field(examples=["alice/iris@3"])]
ModelRef = Annotated[str, Field(examples=["alice/iris"])]
Digest = Annotated[str, Field(description="SHA-256 in hex.", examples=["9f86d081884c7d65…"])]


class Shape(BaseModel):
    """Something that is told."""

    model_config = ConfigDict(from_attributes=True)


class Health(Shape):
    """That the server and its database answer."""

    status: str = Field(examples=["ok"])


class Person(Shape):
    """Who asks, and what they may do by this token."""

    username: str = Field(examples=["alice"])
    name: str
    email: str
    role: Role
    permissions: list[str] = Field(examples=[["download", "predict", "search"]])


class ModelShape(Shape):
    """A named thing that has versions."""

    ref: ModelRef
    owner: str = Field(examples=["alice"])
    slug: str = Field(examples=["iris"])
    name: str = Field(examples=["Iris"])
    description: str
    task: str = Field(examples=["classification"])
    license: str = Field(examples=["Apache-2.0"])
    visibility: Visibility
    level: Level = Field(description="What you may do with it.")
    tags: list[str]
    aliases: dict[str, int] = Field(examples=[{"champion": 3}])
    n_versions: int
    latest: int | None
    framework: str = Field(description="Of the champion, else of the newest version.")
    format: str
    status: Status | None
    primary_metric: str
    metric: float | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


class ModelWhole(ModelShape):
    """A model with its card."""

    card: str = Field(description="Markdown.")


class MetricShape(Shape):
    """A named number."""

    name: str = Field(examples=["accuracy_score"])
    value: float = Field(examples=[0.95])
    unit: str = ""
    dataset: str = ""
    higher_is_better: bool | None = None
    source: MetricSource = "typed"


class ArtifactShape(Shape):
    """One file of a version."""

    id: str
    kind: ArtifactKind
    filename: str = Field(examples=["model.joblib"])
    digest: Digest
    size_bytes: int
    downloads: int
    last_downloaded_at: datetime | None


class InspectionShape(Shape):
    """What the model file says of itself."""

    format: str
    framework: str
    framework_version: str
    summary: str
    class_name: str
    task: str
    libraries: dict[str, str]
    n_parameters: int | None
    runnable: bool
    why_not_runnable: str


class ReportShape(Shape):
    """What the scanners say."""

    verdict: Verdict
    complete: bool
    findings: list[Finding]


class VersionShape(Shape):
    """One immutable version of a model."""

    ref: Ref
    model: ModelRef
    number: int
    label: str
    status: Status
    lifecycle: Lifecycle
    failure: str
    created_by: str
    created_at: datetime
    aliases: list[str]
    size_bytes: int
    notes: str
    can_predict: bool
    why_no_predictions: str
    inspection: InspectionShape
    metrics: list[MetricShape]
    artifacts: list[ArtifactShape]
    parents: list[str]
    deleted_at: datetime | None = None


class VersionWhole(VersionShape):
    """A version with all that is said about it."""

    takes: Schema | None = Field(
        validation_alias="schema",  # which is a method of every shape
        serialization_alias="schema",
        description="What a prediction takes and gives.",
    )
    parameters: dict[str, Any]
    training: dict[str, Any]
    links: dict[str, str]
    findings: list[Finding]
    report: ReportShape | None


class AliasMoveShape(Shape):
    """One move of an alias; null where it pointed nowhere."""

    alias: str = Field(examples=["champion"])
    from_number: int | None
    to_number: int | None
    by: str
    reason: str
    at: datetime


class Aliases(Shape):
    """Where the aliases of a model point, and how they came there, newest first."""

    aliases: dict[str, int] = Field(examples=[{"champion": 3, "staging": 4}])
    items: list[AliasMoveShape]
    next: str | None


class Kin(Shape):
    """A version of the graph; `depth` is negative for what it derives from."""

    ref: Ref
    depth: int
    status: Status
    framework: str
    parents: list[tuple[str, Relation]] = Field(validation_alias="edges")


class Lineage(Shape):
    """A version, what it derives from and what derives from it, nearest first."""

    items: list[Kin]


class MetricLineShape(Shape):
    """One metric over all compared versions, in the order of `refs`."""

    name: str
    dataset: str
    unit: str
    higher_is_better: bool | None
    values: list[float | None]


class RowShape(Shape):
    """One thing said of every version."""

    name: str
    kind: RowKind
    differs: bool
    cells: list[str | int | float | None]


class SectionShape(Shape):
    """Rows that belong together."""

    name: SectionName
    rows: list[RowShape]


class CompatibilityShape(Shape):
    """Whether what calls the base can call this version."""

    fit: Fit
    reasons: list[str]


class ComparisonShape(Shape):
    """Versions side by side; every list of cells is in the order of `refs`."""

    refs: list[str] = Field(examples=[["alice/iris@2", "alice/iris@3"]])
    names: list[str]
    base: int = Field(description="Position of the version the others are measured against.")
    verdict: str
    metrics: list[MetricLineShape]
    speed: list[MetricLineShape]
    sections: list[SectionShape]
    fits: list[CompatibilityShape]


class JobShape(Shape):
    """Background work."""

    id: str
    kind: str = Field(examples=["check"])
    subject: str = Field(examples=["alice/iris@3"])
    state: JobState
    progress: float = Field(description="From 0 to 1.")
    message: str
    created_at: datetime
    finished_at: datetime | None


class TokenShape(Shape):
    """A token, without its secret."""

    id: str
    name: str
    prefix: str = Field(examples=["vtr_Ab3dEf9h"])
    permissions: list[str]
    calls_left: int
    expires_at: datetime
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class AuditShape(Shape):
    """Who did what to what, and when."""

    id: int
    at: datetime
    actor: str
    action: str = Field(examples=["version.add"])
    subject: str = Field(examples=["alice/iris@3"])
    detail: dict[str, Any]


class GrantShape(Shape):
    """What one person may do with one model."""

    username: str = Field(examples=["bob"])
    level: Level


class Grants(Shape):
    """With whom a model is shared."""

    items: list[GrantShape]


class Freed(Shape):
    """What a purge gave back."""

    freed_bytes: int


class UploadShape(Shape):
    """A file that comes in parts."""

    id: str
    filename: str = Field(examples=["model.joblib"])
    size_bytes: int
    received_bytes: int
    expires_at: datetime


class NewToken(Shape):
    """A token with its secret, which is told once."""

    token: TokenShape
    secret: str = Field(examples=["vtr_Ab3dEf9h…"])


class LoginShape(Shape):
    """Two secrets: to ask with, and to get the next two."""

    access: str = Field(description="For `Authorization: Bearer …`.", examples=["vta_…"])
    refresh: str = Field(examples=["vtf_…"])
    access_expires_at: datetime
    refresh_expires_at: datetime

"""Frozen records handed out by the registry: data and derived properties, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, get_args

from registry.assurance import Delivery as Delivery
from registry.assurance import LicenseCheck as LicenseCheck
from registry.assurance import ParentLicense as ParentLicense
from registry.assurance import Score as Score
from registry.assurance import Scorecard as Scorecard
from registry.assurance import Webhook as Webhook
from registry.calling import Login as Login
from registry.calling import Upload as Upload
from registry.comparison import Comparison as Comparison
from registry.comparison import Compatibility as Compatibility
from registry.comparison import MetricLine as MetricLine
from registry.comparison import Row as Row
from registry.comparison import Section as Section
from registry.comparison import SectionName as SectionName
from registry.conversion import Parity as Parity
from registry.conversion import Target as Target
from registry.drafting import Details as Details
from registry.drafting import Draft as Draft
from registry.drafting import Metric as Metric
from registry.drafting import MetricSource as MetricSource
from registry.drafting import Relation as Relation
from registry.drafting import Staged as Staged
from registry.drafting import Visibility as Visibility
from registry.evaluation import Curve as Curve
from registry.evaluation import Dataset as Dataset
from registry.evaluation import Evaluated as Evaluated
from registry.evaluation import Evaluation as Evaluation
from registry.evaluation import EvaluationTask as EvaluationTask
from registry.evaluation import Measured as Measured
from registry.evaluation import Paired as Paired
from registry.evaluation import PairedTest as PairedTest
from registry.evaluation import Quality as Quality
from registry.evaluation import Residuals as Residuals
from registry.evaluation import Slice as Slice
from registry.exchange import DownloadLine as DownloadLine
from registry.exchange import FolderFile as FolderFile
from registry.exchange import Import as Import
from registry.exchange import ImportPlace as ImportPlace
from registry.exchange import Rating as Rating
from registry.exchange import Usage as Usage
from registry.exchange import VersionUse as VersionUse
from registry.governance import AuditChain as AuditChain
from registry.governance import AuditFilter as AuditFilter
from registry.governance import Lookalike as Lookalike
from registry.governance import Person as Person
from registry.governance import Quota as Quota
from registry.governance import SuspiciousPair as SuspiciousPair
from registry.governance import SystemFacts as SystemFacts
from registry.inspection import Checked as Checked
from registry.inspection import Finding as Finding
from registry.inspection import FindingLevel as FindingLevel
from registry.inspection import Inspection as Inspection
from registry.inspection import Judgement as Judgement
from registry.inspection import Named as Named
from registry.inspection import Reading as Reading
from registry.inspection import Report as Report
from registry.inspection import Verdict as Verdict
from registry.package import Package as Package
from registry.package import Packed as Packed
from registry.package import PackedKind as PackedKind
from registry.package import Told as Told
from registry.prediction import OutputValue as OutputValue
from registry.prediction import Prediction as Prediction
from registry.prediction import PredictionLine as PredictionLine
from registry.prediction import WarmState as WarmState
from registry.prediction import WorkerState as WorkerState
from registry.schema import FIELD_TYPES as FIELD_TYPES
from registry.schema import AudioHints as AudioHints
from registry.schema import Field as Field
from registry.schema import FieldType as FieldType
from registry.schema import ImageHints as ImageHints
from registry.schema import Output as Output
from registry.schema import OutputRole as OutputRole
from registry.schema import Schema as Schema
from registry.schema import Tensor as Tensor
from registry.standards import Benchmark as Benchmark
from registry.standards import GoldenCase as GoldenCase
from registry.standards import GoldenRun as GoldenRun
from registry.standards import Kinship as Kinship
from registry.standards import MetricFilter as MetricFilter
from registry.standards import Rule as Rule
from registry.standards import RuleKind as RuleKind
from registry.standards import RuleResult as RuleResult
from registry.trying import Attribution as Attribution
from registry.trying import BadRow as BadRow
from registry.trying import Candidate as Candidate
from registry.trying import Feature as Feature
from registry.trying import FeatureKind as FeatureKind
from registry.trying import Fit as Fit
from registry.trying import Flag as Flag
from registry.trying import Keeping as Keeping
from registry.trying import Kept as Kept
from registry.trying import Movement as Movement
from registry.trying import PastPrediction as PastPrediction
from registry.trying import Plan as Plan
from registry.trying import PredictionFilter as PredictionFilter
from registry.trying import Rerun as Rerun
from registry.trying import Scale as Scale
from registry.trying import Scoring as Scoring
from registry.trying import Sheet as Sheet
from registry.trying import Surface as Surface
from registry.trying import TaskState as TaskState
from registry.trying import Token as Token
from registry.trying import Training as Training
from registry.verdict import Case as Case
from registry.verdict import CaseState as CaseState
from registry.verdict import Decision as Decision
from registry.verdict import DecisionKind as DecisionKind

Role = Literal["viewer", "author", "admin"]
Level = Literal["view", "edit", "manage"]
Status = Literal["checking", "ready", "quarantined", "failed"]
Lifecycle = Literal["active", "deprecated", "archived"]
ArtifactKind = Literal[
    "model", "config", "requirements", "sample", "data", "code", "card", "license"
]
T = TypeVar("T")
ModelOrder = Literal["updated", "name", "created", "versions", "metric", "stars"]
JobState = Literal["queued", "running", "done", "failed"]

ROLES: tuple[Role, ...] = get_args(Role)
LEVELS: tuple[Level, ...] = get_args(Level)
LIFECYCLES: tuple[Lifecycle, ...] = get_args(Lifecycle)
STAGES = ("development", "staging", "production")
CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a signed-in user, or `GUEST`; by a token, with no more than it permits.

    `token` is the prefix of that token, and `permitted` what it was made for; the role without
    what was `denied` to the person still bounds both. `policy.permissions` says what is left.
    """

    id: str
    username: str
    name: str = ""
    email: str = ""
    role: Role = "viewer"
    token: str = ""
    permitted: frozenset[str] | None = None
    denied: frozenset[str] = frozenset()

    @property
    def is_guest(self) -> bool:
        return not self.id


GUEST = Actor(id="", username="guest")
SYSTEM = Actor(id="system", username="system", name="Vitrine", role="admin")


@dataclass(frozen=True, slots=True)
class Artifact:
    """One stored file of a version."""

    id: str
    kind: ArtifactKind
    filename: str
    digest: str
    size_bytes: int
    downloads: int = 0
    last_downloaded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version of a model. `report` is None until it was scanned."""

    id: str
    model_id: str
    owner: str
    slug: str
    number: int
    label: str
    status: Status
    lifecycle: Lifecycle
    created_by: str
    created_at: datetime
    inspection: Inspection
    schema: Schema | None
    notes: str = ""
    failure: str = ""
    findings: tuple[Finding, ...] = ()
    report: Report | None = None
    decisions: tuple[Decision, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    aliases: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    parents: tuple[str, ...] = ()
    deleted_at: datetime | None = None

    @property
    def model(self) -> str:
        """Address of the model, `owner/slug`."""
        return f"{self.owner}/{self.slug}"

    @property
    def ref(self) -> str:
        """Address of the version, `owner/slug@3`."""
        return f"{self.model}@{self.number}"

    @property
    def artifact(self) -> Artifact:
        """The model file itself."""
        return next(a for a in self.artifacts if a.kind == "model")

    @property
    def size_bytes(self) -> int:
        return sum(a.size_bytes for a in self.artifacts)

    @property
    def can_predict(self) -> bool:
        return self.why_no_predictions == ""

    @property
    def why_no_predictions(self) -> str:
        """Why this version does not predict now; "" when it does."""
        if self.deleted_at:
            return "it is in the trash"
        if self.lifecycle == "archived":
            return "it is archived"
        if not self.inspection.runnable:
            return self.inspection.why_not_runnable
        if self.status != "ready":
            return self.failure or f"it is {self.status}"
        return ""


@dataclass(frozen=True, slots=True)
class Model:
    """A named thing that has versions. `level` is what the asking actor may do with it.

    `metric` is the primary metric of the head: of the champion, else of the newest version.
    """

    id: str
    owner: str
    slug: str
    name: str
    description: str
    task: str
    license: str
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    level: Level
    card: str = ""
    primary_metric: str = ""
    tags: tuple[str, ...] = ()
    aliases: dict[str, int] = field(default_factory=dict)
    n_versions: int = 0
    framework: str = ""
    format: str = ""
    status: Status | None = None
    head: int | None = None
    latest: int | None = None
    metric: float | None = None
    metric_history: tuple[float, ...] = ()
    rating: float | None = None
    n_ratings: int = 0
    deleted_at: datetime | None = None

    @property
    def ref(self) -> str:
        """Address, `owner/slug`."""
        return f"{self.owner}/{self.slug}"

    @property
    def champion(self) -> int | None:
        return self.aliases.get(CHAMPION)


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """What to list. Empty means no restriction; facets of one kind are joined by OR."""

    text: str = ""
    frameworks: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    metrics: tuple[MetricFilter, ...] = ()
    stars: tuple[MetricFilter, ...] = ()
    sort: ModelOrder = "updated"
    trash: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a longer list; `total` counts all that match.

    `last` is where the next one goes on, whatever comes or goes before it; () when there is none.
    """

    items: tuple[T, ...]
    total: int
    number: int = 1
    size: int = 50
    last: tuple[Any, ...] = ()

    @property
    def n_pages(self) -> int:
        return max(1, -(-self.total // self.size))


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet and how many models have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What one person may do with one model."""

    username: str
    level: Level


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One line of an alias's history; None means the alias pointed nowhere."""

    alias: str
    from_number: int | None
    to_number: int | None
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to what, and when."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Durable background work as people see it; `progress` from 0 to 1."""

    id: str
    kind: str
    subject: str
    state: JobState
    progress: float
    message: str
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of the home page, for one actor."""

    models: int
    versions_ready: int
    storage_bytes: int
    predictions_today: int
    predictions_by_day: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadAdvice:
    """Will it load here? `verdict` and the exact line to install when it will not."""

    verdict: Literal["yes", "maybe", "no"]
    why: str
    install: str = ""
    libraries: tuple[tuple[str, str, str], ...] = ()

"""What the API is told of models, versions and people."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from registry.errors import InvalidInput
from registry.records import Level, Lifecycle, Metric, Relation, Schema, Visibility
from registry.web.api import bodies, problems

Text = Annotated[str, Field(max_length=100_000)]
Names = Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=200)]
Pairs = Annotated[dict[str, str], Field(max_length=200)]


class Told(BaseModel):
    """Something that is told; members that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def read(cls, body: bytes) -> Self:
        """What a body says.

        Raises:
            InvalidInput: It is no JSON, or does not fit.
        """
        bodies.need_valid(body)
        try:
            return cls.model_validate_json(body)
        except ValidationError as wrong:
            raise InvalidInput(problems.named(wrong.errors())) from None


class ModelEdit(Told):
    """What to change about a model; what is left out stays."""

    name: Text | None = None
    description: Text | None = Field(None, examples=["Who leaves within a month."])
    card: Text | None = Field(None, description="Markdown.")
    task: Text | None = Field(None, examples=["classification"])
    license: Text | None = Field(None, examples=["Apache-2.0"])
    tags: Names | None = Field(None, examples=[["churn", "team:risk"]])
    primary_metric: Text | None = None
    visibility: Visibility | None = Field(None, description="`public`: everyone signed in.")


class MetricTold(Told):
    """A named number; `higher_is_better` left out: known by its name, if at all."""

    name: str = Field(max_length=100, examples=["f1"])
    value: float = Field(allow_inf_nan=False, examples=[0.93])
    unit: str = Field("", max_length=32)
    dataset: str = Field("", max_length=100, examples=["held out"])
    higher_is_better: bool | None = None

    def record(self) -> Metric:
        """As the registry has it."""
        return Metric(self.name, self.value, self.unit, self.dataset, self.higher_is_better)


class Metrics(Told):
    """Metrics to add or replace, by name and data set."""

    metrics: list[MetricTold] = Field(max_length=200)


class VersionEdit(Told):
    """What to change about a version, never its file; what is left out stays."""

    label: Annotated[str, Field(max_length=64)] | None = Field(None, examples=["1.4.0"])
    notes: Text | None = None
    takes: Schema | None = Field(None, alias="schema", description="What a prediction takes.")
    parameters: dict[str, Any] | None = None
    links: Pairs | None = Field(None, examples=[{"code": "https://example.org/churn"}])
    lifecycle: Lifecycle | None = None
    metrics: Annotated[list[MetricTold], Field(max_length=200)] | None = Field(
        None, description="All that people gave; those left out go. To add, use `…/metrics`."
    )


class VersionDetails(Told):
    """What is said about a version when it is published."""

    label: str = Field("", max_length=64, examples=["1.4.0"])
    notes: Text = ""
    takes: Schema | None = Field(None, alias="schema", description="Left out: as in the file.")
    metrics: list[MetricTold] = Field([], max_length=200)
    parameters: dict[str, Any] = {}
    training: dict[str, Any] = {}
    links: Pairs = {}
    parents: Names = Field([], examples=[["alice/iris@2"]])
    relation: Relation = "derived"
    chosen: Text = Field("", description="Path of the model in a zip package that holds several.")
    sha256: Pairs = Field(
        {},
        description="Kind of file, `file` for the model, to its SHA-256 in hex; when another "
        "arrives, nothing is kept.",
    )


class ModelDetails(VersionDetails):
    """What is said about a new model and its first version."""

    name: str = Field(max_length=1_000, examples=["Iris"])
    description: Text = ""
    card: Text = ""
    task: str = Field("", max_length=64, description="Left out: as in the file.")
    license: str = Field("", max_length=64, examples=["Apache-2.0"])
    tags: Names = []
    visibility: Visibility = "private"


class Uploaded(VersionDetails):
    """A version of a file that came in parts; `files` are others, by kind, as in `config`."""

    upload: str = Field(max_length=64, description="Id of the finished upload.")
    files: Pairs = Field({}, description="Kind of file to the id of its upload.")


class UploadedModel(ModelDetails):
    """A new model of a file that came in parts."""

    upload: str = Field(max_length=64, description="Id of the finished upload.")
    files: Pairs = Field({}, description="Kind of file to the id of its upload.")


class AliasMove(Told):
    """Where an alias shall point, and why."""

    version: str = Field(
        max_length=255, pattern=r"\S", examples=["3"], description="A number or another alias."
    )
    reason: str = Field("", max_length=1_000, examples=["better on the March data"])
    override_reason: str = Field(
        "", max_length=1_000, description="Why it may although rules of the gate say no."
    )


class Rollback(Told):
    """Why an alias goes back."""

    reason: str = Field("", max_length=1_000)
    override_reason: str = Field("", max_length=1_000)


class Sharing(Told):
    """What a person may do with a model."""

    level: Level


class Transfer(Told):
    """Who becomes the owner."""

    username: str = Field(max_length=64, examples=["bob"])


class Registration(Told):
    """Who wants an account."""

    username: str = Field(max_length=200, examples=["carol"])
    name: str = Field(max_length=1_000, examples=["Carol"])
    email: str = Field(max_length=1_000, examples=["carol@example.org"])
    password: SecretStr = Field(max_length=4_000, examples=["a long enough password"])
    invitation: str = Field("", max_length=200, description="Where registration needs one.")


class SignIn(Told):
    """Who signs in."""

    username: str = Field(max_length=200, examples=["carol"])
    password: SecretStr = Field(max_length=4_000, examples=["a long enough password"])


class Spent(Told):
    """The refresh token of a login."""

    refresh: SecretStr = Field(max_length=2_000, examples=["vtf_…"])


class TokenWish(Told):
    """What a token is for, and what it may do."""

    name: str = Field(min_length=1, max_length=100, examples=["nightly scoring"])
    permissions: list[Literal["search", "download", "predict", "upload", "delete"]] = Field(
        min_length=1, max_length=5, examples=[["search", "predict"]]
    )
    days: int = Field(30, ge=1, le=365)
    calls: int = Field(1_000, ge=1, le=1_000_000)

"""What the API is told of quality, batches, webhooks and people."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from registry.licenses import Use
from registry.records import Flag, Keeping, Relation, Role, Rule, RuleKind
from registry.web.api.asked import Told

Event = Annotated[str, Field(max_length=64)]


class Vote(Told):
    """Whole stars."""

    stars: int = Field(ge=1, le=5, examples=[4])


class Project(Told):
    """What a project is under: exactly one of an id, the text of a license, or a link to it."""

    license: str = Field("", max_length=300, examples=["GPL-3.0-only"])
    text: str = Field("", max_length=200_000, description="The text of a LICENSE file.")
    link: str = Field("", max_length=2_000, description="Where fetching is turned on.")
    use: Use = Field("part", description="`part`: it holds the model; `derived`: made from it.")

    @model_validator(mode="after")
    def _is_one(self) -> Project:
        if sum(map(bool, (self.license, self.text, self.link))) != 1:
            raise ValueError("needs exactly one of license, text and link")
        return self


class RuleTold(Told):
    """One rule of a gate; what its kind does not use is ignored."""

    kind: RuleKind
    aliases: list[Annotated[str, Field(max_length=255)]] = Field(
        ["champion", "production"], max_length=20
    )
    metric: str = Field("", max_length=100, examples=["accuracy_score"])
    dataset: str = Field("", max_length=100)
    op: Literal[">=", "<=", ">", "<"] = ">="
    value: float = Field(0.0, allow_inf_nan=False, examples=[0.95])

    def record(self) -> Rule:
        """As the registry has it."""
        return Rule(self.kind, tuple(self.aliases), self.metric, self.dataset, self.op, self.value)


class Rules(Told):
    """The rules of a gate; those that are left out go."""

    rules: list[RuleTold] = Field(max_length=50)

    def records(self) -> list[Rule]:
        """As the registry has them."""
        return [rule.record() for rule in self.rules]


class CaseTold(Told):
    """An input, and the answer that every new version must give."""

    name: str = Field(max_length=1_000, examples=["a typical setosa"])
    inputs: dict[str, Any] = Field(examples=[{"petal length (cm)": 1.4}])
    expected: dict[str, Any] = Field(examples=[{"label": "setosa"}])
    tolerance: float = Field(1e-6, ge=0, le=1, description="Largest relative difference.")


class CaseEdit(Told):
    """What to change about a golden case; what is left out stays."""

    name: Annotated[str, Field(max_length=1_000)] | None = None
    inputs: dict[str, Any] | None = None
    expected: dict[str, Any] | None = Field(None, examples=[{"label": "setosa"}])
    tolerance: Annotated[float, Field(ge=0, le=1)] | None = None


class ParentTold(Told):
    """What a version derives from."""

    parent: str = Field(max_length=300, examples=["alice/iris@2"])
    relation: Relation = "derived"


class FlagTold(Told):
    """What is the matter with an answer."""

    flag: Flag
    reason: str = Field("", max_length=2_000, examples=["this is a virginica"])


class KeepingTold(Told):
    """What is kept of predictions from now on; what may be no longer goes at once."""

    what: Keeping
    days: int = Field(30, ge=1, le=3650, description="For how long, if in full.")


class WebhookWish(Told):
    """Which address is told of what."""

    url: str = Field(max_length=2_000, examples=["https://example.org/hook"])
    events: list[Event] = Field(min_length=1, max_length=50, examples=[["version.ready"]])
    model: str = Field("", max_length=300, description="Left out: all models that you may see.")


class WebhookEdit(Told):
    """What to change about a webhook; what is left out stays."""

    url: Annotated[str, Field(max_length=2_000)] | None = None
    events: Annotated[list[Event], Field(max_length=50)] | None = Field(
        None, examples=[["version.ready", "alias.moved"]]
    )


class Batch(Told):
    """A finished upload with the rows to answer; it is used up."""

    upload: str = Field(max_length=64, description="Id of the finished upload.")


class RoleTold(Told):
    """Somebody's role."""

    role: Role


class PermissionsTold(Told):
    """The permissions of their role that somebody keeps."""

    permissions: list[Annotated[str, Field(max_length=32)]] = Field(
        max_length=20, examples=[["search", "predict"]]
    )


class QuotaTold(Told):
    """What somebody may keep; 0 for no limit, null for that of the settings."""

    quota_mb: int | None = Field(None, examples=[1_000])
    quota_models: int | None = None

"""What is received and said before a version is published, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from registry.inspection import Inspection, Report
from registry.schema import Schema

Visibility = Literal["private", "public"]
Relation = Literal["derived", "fine-tuned", "distilled", "converted", "retrained", "ensembled"]
MetricSource = Literal["typed", "file", "logged", "evaluation"]


@dataclass(frozen=True, slots=True)
class Staged:
    """A received file that is not yet part of a version."""

    id: str
    filename: str
    size_bytes: int
    digest: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A staged file with what was read from it, waiting for the person's word."""

    staged: Staged
    inspection: Inspection
    report: Report
    duplicates: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.staged.id


@dataclass(frozen=True, slots=True)
class Metric:
    """A named number; `higher_is_better` None means no direction is known."""

    name: str
    value: float
    unit: str = ""
    dataset: str = ""
    higher_is_better: bool | None = None
    source: MetricSource = "typed"


@dataclass(frozen=True, slots=True)
class Details:
    """What the person says about a version when publishing it.

    `model` is `owner/slug` of an existing model, or "" for a new one named `name`.
    `files` maps an artifact kind other than "model" to a staged id, further ones of a kind as
    `kind:2`; `relation` says what the
    version is to its `parents`.
    """

    model: str = ""
    name: str = ""
    description: str = ""
    card: str = ""
    task: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    visibility: Visibility = "private"
    label: str = ""
    notes: str = ""
    schema: Schema | None = None
    metrics: tuple[Metric, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    relation: Relation = "derived"
    files: dict[str, str] = field(default_factory=dict)

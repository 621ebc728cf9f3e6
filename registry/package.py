"""What a zip package holds, as records of `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from registry.drafting import Metric
from registry.inspection import Report
from registry.schema import Schema

PackedKind = Literal[
    "model", "config", "requirements", "sample", "data", "code", "card", "license", "left out"
]


@dataclass(frozen=True, slots=True)
class Packed:
    """One member: its path in the package, what it is by its name, its size in bytes."""

    name: str
    kind: PackedKind
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a package says about its model in words; a person's to correct, never taken for true.

    `parents` are refs where the package was made, with the digest of each model file, "" unknown.
    """

    name: str = ""
    description: str = ""
    task: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    schema: Schema | None = None
    parents: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Package:
    """All members of a package, what is wrong with them, and what it says about itself."""

    members: tuple[Packed, ...]
    report: Report
    told: Told = Told()

    def of_kind(self, kind: PackedKind) -> tuple[Packed, ...]:
        """The members of a kind, in order."""
        return tuple(member for member in self.members if member.kind == kind)

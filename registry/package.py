"""What a zip package holds, as records of `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from registry.inspection import Report

PackedKind = Literal[
    "model", "config", "requirements", "sample", "data", "card", "license", "left out"
]


@dataclass(frozen=True, slots=True)
class Packed:
    """One member: its path in the package, what it is by its name, its size in bytes."""

    name: str
    kind: PackedKind
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Package:
    """All members of a package, and what is wrong with them."""

    members: tuple[Packed, ...]
    report: Report

    def of_kind(self, kind: PackedKind) -> tuple[Packed, ...]:
        """The members of a kind, in order."""
        return tuple(member for member in self.members if member.kind == kind)

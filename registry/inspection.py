"""What was seen in a file, as records; imported from `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from registry.schema import Schema

FindingLevel = Literal["info", "warn", "block"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing seen in a file: what it is, why it matters, what to do."""

    level: FindingLevel
    rule: str
    what: str
    why: str = ""
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of a look at a file, and whether the look was complete."""

    findings: tuple[Finding, ...] = ()
    complete: bool = True

    @property
    def worst(self) -> Finding | None:
        order = ("info", "warn", "block")
        return max(self.findings, key=lambda f: order.index(f.level), default=None)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was read out of a file without executing it."""

    format: str
    framework: str
    framework_version: str = ""
    summary: str = ""
    class_name: str = ""
    task: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    n_parameters: int | None = None
    schema: Schema | None = None
    runnable: bool = True
    why_not_runnable: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check job found out by loading the version once in a worker."""

    schema: Schema | None
    findings: tuple[Finding, ...] = ()
    load_ms: float = 0.0
    predict_ms: float | None = None

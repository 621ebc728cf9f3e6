"""What was seen in a file, as records; imported from `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from registry.schema import Schema

FindingLevel = Literal["info", "warn", "block"]
Judgement = Literal["innocuous", "unusual", "dangerous"]
Verdict = Literal["clean", "quarantine", "refuse"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing seen in a file: what it is, why it matters, what to do."""

    level: FindingLevel
    rule: str
    what: str
    why: str = ""
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a file asks for, as `module.name`, and what the allowlist says of it."""

    name: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Report:
    """What the scanners say of a file: findings, every name asked for, and whether they finished.

    A `block` finding, or a look that did not finish, refuses the file; a `warn` finding
    quarantines it until somebody trusts exactly `unusual` for exactly these bytes.

    Attributes:
        scanners: Version of the scanners and lists, as `registry.scanners.VERSION`.
    """

    findings: tuple[Finding, ...] = ()
    complete: bool = True
    names: tuple[Named, ...] = ()
    scanners: str = ""

    @property
    def verdict(self) -> Verdict:
        worst = self.worst
        if not self.complete or (worst and worst.level == "block"):
            return "refuse"
        return "quarantine" if worst and worst.level == "warn" else "clean"

    @property
    def unusual(self) -> tuple[str, ...]:
        """The names somebody must trust before the file is loaded."""
        return tuple(n.name for n in self.names if n.judgement == "unusual")

    @property
    def asks(self) -> frozenset[tuple[str, ...]]:
        """All that somebody takes upon themselves who trusts the file: names and findings."""
        return frozenset({("name", name) for name in self.unusual} | self.raised)

    @property
    def raised(self) -> frozenset[tuple[str, str, str]]:
        """Level, rule and subject of what speaks against the file."""
        return frozenset((f.level, f.rule, f.what) for f in self.findings if f.level != "info")

    @property
    def worst(self) -> Finding | None:
        order = ("info", "warn", "block")
        return max(self.findings, key=lambda f: order.index(f.level), default=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a look at a file is, and what it has found so far.

    Attributes:
        scanner: The one at work, the `n`-th of `of`; "" while the format is read.
        done_bytes: How far into the file it has come, of `size_bytes`.
    """

    scanner: str = ""
    n: int = 0
    of: int = 0
    done_bytes: int = 0
    size_bytes: int = 0
    findings: tuple[Finding, ...] = ()


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

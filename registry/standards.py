"""What a version is held to, as records: benchmarks, golden cases, gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

RuleKind = Literal["metric", "not_worse", "golden", "scan", "latency"]


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """A comparison that the metric of a model's head must meet, on whatever data set."""

    name: str
    op: Literal[">=", "<=", ">", "<", "="]
    value: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How quick and how large a version is on a named machine.

    Attributes:
        load_ms: Median of several cold loads in a worker of their own.
        p50_ms, p95_ms, p99_ms: One row, by a warm worker, the pool's own time included.
        rows_per_s: Batch size to rows a second.
        peak_memory_bytes: Most memory the worker held beyond an empty one.
        remark: Why larger batches are missing; "" when none are.
    """

    id: str
    version_id: str
    machine: str
    load_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    rows_per_s: dict[int, float]
    peak_memory_bytes: int
    size_bytes: int
    at: datetime
    remark: str = ""


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """An input with its expected answer that every new version must give.

    Attributes:
        inputs: One row (column to value), or tensor name to nested list.
        expected: Output name to the value of that row.
        tolerance: Largest relative difference of numbers; labels must be equal.
    """

    id: str
    name: str
    inputs: dict[str, Any]
    expected: dict[str, Any]
    tolerance: float
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GoldenRun:
    """What one version answered to one golden case."""

    case_id: str
    version_id: str
    passed: bool
    answer: dict[str, Any] | None
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a promotion gate.

    Attributes:
        kind: `metric`: metric `op` value. `not_worse`: than the champion, on `metric`, by more than
            `value`. `golden`: all golden cases green. `scan`: the report is clean. `latency`: p95
            of the newest benchmark below `value` ms.
        aliases: The aliases it guards.
    """

    kind: RuleKind
    aliases: tuple[str, ...] = ("champion", "production")
    metric: str = ""
    dataset: str = ""
    op: Literal[">=", "<=", ">", "<"] = ">="
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What a version makes of a rule; `said` is a sentence with the figures."""

    rule: Rule
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Kinship:
    """One version in a lineage graph; `depth` is negative for ancestors, positive for descendants.

    What the actor may not see is left out, with all that is reached through it only.
    """

    ref: str
    depth: int
    status: str
    framework: str
    edges: tuple[tuple[str, str], ...] = field(default=())
    """Refs of its parents within the graph, each with the relation."""

"""What a prediction gave and who gave it, as records; imported from `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from registry.inspection import Finding
from registry.schema import OutputRole

WarmState = Literal["cold", "loading", "warm"]


@dataclass(frozen=True, slots=True)
class OutputValue:
    """One output of a prediction as plain lists; `values` has one entry per row."""

    name: str
    role: OutputRole
    values: list[Any]
    dtype: str = ""
    shape: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """One call: outputs and where the time went, all in milliseconds."""

    id: str
    ref: str
    n_rows: int
    outputs: tuple[OutputValue, ...]
    queue_ms: float
    load_ms: float
    predict_ms: float
    latency_ms: float
    warm: bool
    findings: tuple[Finding, ...] = ()

    def output(self, role: OutputRole) -> OutputValue | None:
        """The first output of that role."""
        return next((o for o in self.outputs if o.role == role), None)


@dataclass(frozen=True, slots=True)
class PredictionLine:
    """One logged prediction; `kept` when its input or its answer is."""

    id: str
    at: datetime
    ref: str
    actor: str
    n_rows: int
    latency_ms: float
    outcome: str
    flag: str = ""
    flag_reason: str = ""
    shared: bool = False
    kept: bool = False

    @property
    def model(self) -> str:
        """Address of the model, `owner/slug`."""
        return self.ref.partition("@")[0]


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One live worker of the pool, memory in bytes."""

    version_id: str
    state: WarmState
    pid: int
    n_predictions: int
    memory_bytes: int

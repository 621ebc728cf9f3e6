"""What a prediction takes and gives, for its description in OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from registry.records import FindingLevel, OutputRole
from registry.web.api.arrow import MEDIA_TYPE as ARROW


class OutputShape(BaseModel):
    """One output; `values` has one entry per row."""

    role: OutputRole = Field(description="What it means: label, probabilities, value …")
    values: list[Any]
    dtype: str = Field(examples=["float64"])
    shape: list[int] = Field(examples=[[1, 3]])
    classes: list[str] = Field(description="Names of the last axis of probabilities or scores.")


class Latency(BaseModel):
    """Where the time went, in milliseconds."""

    queue: float
    load: float
    predict: float
    total: float


class FindingShape(BaseModel):
    """Something worth knowing about this answer."""

    level: FindingLevel
    rule: str
    what: str
    why: str = ""
    todo: str = ""


class Answer(BaseModel):
    """What the version said."""

    id: str = Field(description="Id of the prediction, as in the history.")
    ref: str = Field(examples=["alice/iris@3"])
    n_rows: int
    outputs: dict[str, OutputShape]
    latency_ms: Latency
    warm: bool = Field(description="Whether a worker had the model loaded.")
    findings: list[FindingShape]


_BODIES: dict[str, tuple[str, Any]] = {
    "rows": ("Rows of a table", {"rows": [{"age": 41, "plan": "basic"}]}),
    "inputs": ("Named tensors", {"inputs": {"input": [[0.1, 0.2, 0.3]]}}),
    "dataframe_split": (
        "Many rows, as MLflow takes them",
        {"dataframe_split": {"columns": ["age", "plan"], "data": [[41, "basic"], [29, "pro"]]}},
    ),
}
_ROWS = {"anyOf": [{"type": "array", "items": {"type": "object"}}, {"type": "object"}]}
_BYTES = {"type": "string", "format": "binary"}
ANSWERED: dict[str, Any] = {
    "description": "The outputs; as an Arrow stream where `Accept` names that, a column each.",
    "content": {ARROW: {"schema": _BYTES}},
}
EXAMPLES: dict[str, Any] = {
    ARROW: {"schema": _BYTES},
    "application/json": {
        "schema": {
            "type": "object",
            "description": "An object with exactly one of these members.",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                "rows": _ROWS,
                "inputs": {"type": "object"},
                "dataframe_split": {"type": "object"},
                "dataframe_records": _ROWS,
            },
        },
        "examples": {
            name: {"summary": summary, "value": value} for name, (summary, value) in _BODIES.items()
        },
    },
}

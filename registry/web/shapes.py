"""What goes in and comes out of the API, for its description in OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from registry.records import FindingLevel, OutputRole
from registry.web.problems import MEDIA_TYPE


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


class Problem(BaseModel):
    """RFC 9457: what, why, what to do now."""

    type: str = Field(examples=["urn:vitrine:problem:invalid-input"])
    title: str
    status: int
    detail: str
    problems: dict[str, str] | None = Field(None, description="Field to what is wrong with it.")
    log: str | None = Field(None, description="What the model said when it failed.")


_STATUSES = {
    400: "The body ended early.",
    401: "No valid token.",
    403: "The token or the person may not do this, or the token has no calls left.",
    404: "No such model or version, or not for you.",
    408: "The body did not arrive in time.",
    409: "The version does not predict now.",
    413: "The body is too large.",
    415: "The body is no JSON by its type.",
    422: "The body does not fit the schema; `problems` names each field.",
    429: "Too many predictions within a minute; see Retry-After.",
    502: "The model failed; `log` has its words.",
    503: "All workers are in use; see Retry-After.",
    504: "The model took too long.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": said,
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    }
    for status, said in _STATUSES.items()
}
_BODIES: dict[str, tuple[str, Any]] = {
    "rows": ("Rows of a table", {"rows": [{"age": 41, "plan": "basic"}]}),
    "inputs": ("Named tensors", {"inputs": {"input": [[0.1, 0.2, 0.3]]}}),
    "dataframe_split": (
        "Many rows, as MLflow takes them",
        {"dataframe_split": {"columns": ["age", "plan"], "data": [[41, "basic"], [29, "pro"]]}},
    ),
}
EXAMPLES: dict[str, Any] = {
    "application/json": {
        "schema": {
            "type": "object",
            "description": "An object with exactly one of these members.",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                "rows": {"type": "array", "items": {"type": "object"}},
                "inputs": {"type": "object"},
                "dataframe_split": {"type": "object"},
                "dataframe_records": {"type": "array", "items": {"type": "object"}},
            },
        },
        "examples": {
            name: {"summary": summary, "value": value} for name, (summary, value) in _BODIES.items()
        },
    }
}

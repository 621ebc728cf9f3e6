"""What people decided about a file that a scan held back, as records; see `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from registry.inspection import Report

DecisionKind = Literal["trusted", "refused", "withdrawn"]
CaseState = Literal["waiting", "trusted", "refused"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about the bytes of a version; `names` are all that was trusted in them."""

    decision: DecisionKind
    names: tuple[str, ...]
    digest: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A version that a scan held back, as those see it who decide: no schema, no metrics, no card.

    Attributes:
        state: `waiting` for a decision, or what was decided and stands.
        failure: What it waits for, in a sentence.
        opens: Whether the asking actor may open the model itself.
        decisions: Newest first.
    """

    version_id: str
    ref: str
    owner: str
    status: str
    state: CaseState
    failure: str
    format: str
    framework: str
    filename: str
    size_bytes: int
    digest: str
    uploaded_by: str
    uploaded_at: datetime
    report: Report
    opens: bool
    decisions: tuple[Decision, ...] = ()

    @property
    def why_no_trust(self) -> str:
        """Why nobody can trust it; "" when somebody may."""
        if self.report.verdict == "refuse":
            return "the scan refuses this file: that is never overruled"
        if self.state != "waiting":
            return f"it is {self.state} already"
        return ""

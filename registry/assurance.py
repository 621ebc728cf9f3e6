"""Records about whether a model can be relied on: licenses, scorecard, webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Answer = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class LicenseCheck:
    """Whether a work under `source` may go on under `target`; a reading, no legal advice.

    `why` is one sentence; `warnings` hold what must be kept or looked at; `rule` says where the
    rule is written.
    """

    source: str
    target: str
    compatible: Answer
    why: str
    warnings: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ParentLicense:
    """The license of a parent, or of a parent of one, against that of what was made from it.

    `parent` is "" for what the actor may not see: neither its name nor its license is said.
    `through` names the versions between, the nearest first; () for a parent itself.
    """

    parent: str
    relation: str
    check: LicenseCheck
    through: tuple[str, ...] = ()

    @property
    def kin(self) -> str:
        """ "parent", "grandparent", "great-grandparent" and so on."""
        further = len(self.through)
        if further > 3:
            return f"ancestor {further + 1} generations up"
        return ("parent", "grandparent", "great-grandparent", "great-great-grandparent")[further]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events; of one model, or of all that the person may see.

    `disabled` says why it is off; "" while it is on.
    """

    id: str
    url: str
    model: str
    events: tuple[str, ...]
    by: str
    disabled: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event told to one webhook: "waiting", "delivered" or "failed", and what was answered.

    `answered` is the last HTTP status, None without an answer; `said` at most 200 characters of it.
    """

    id: str
    event: str
    state: str
    tries: int
    answered: int | None
    said: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Score:
    """One measure of a scorecard, 0 to 1, or None: not measured, for the reason in `evidence`."""

    key: str
    title: str
    value: float | None
    weight: float
    evidence: str
    where: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All measures of a version; `net` is the weighted mean of those that were measured."""

    ref: str
    scores: tuple[Score, ...]
    net: float | None

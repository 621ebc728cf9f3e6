"""Records about whether a model can be relied on: licenses, scorecard, webhooks."""

from __future__ import annotations

from dataclasses import dataclass
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
    """The license of a parent against that of what was made from it."""

    parent: str
    relation: str
    check: LicenseCheck

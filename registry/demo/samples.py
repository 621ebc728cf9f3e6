"""What the training process hands over, and the list of what it can train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry.records import Details, Schema


@dataclass(frozen=True)
class Sample:
    """One trained file and what is said about it.

    `given` is a schema whose parts complete what is read from the file; `held_out` is a labelled
    table that none of its rows was trained on, and `cases` are some of them without their label.
    """

    path: str
    details: Details
    given: Schema | None = None
    public: bool = False
    held_out: str = ""
    cases: tuple[dict[str, Any], ...] = ()


HELD_OUT = "held-out 25 %"
NAMES: tuple[str, ...] = (
    "breast-cancer@1.0.0",
    "breast-cancer@1.1.0",
    "breast-cancer@2.0.0",
    "diabetes-progression@1.0.0",
    "handwritten-digits@1.0.0",
    "handwritten-digits@1.1.0",
)
"""Slug and label of every sample, in the order in which they are trained."""

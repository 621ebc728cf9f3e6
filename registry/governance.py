"""Who governs what, as records: people, quotas, names that look alike, the whole system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Likeness = Literal["look-alike characters", "only separators differ", "nearly the same letters",
                   "the same name"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quota:
    """What one person keeps here and may keep; a limit of 0 means none.

    `size_bytes` counts the files of their models (whoever added them, the trash included), their
    data sets and what they have uploaded but not published.
    """

    size_bytes: int
    n_models: int
    limit_bytes: int = 0
    limit_models: int = 0

    @property
    def left_bytes(self) -> int | None:
        """Bytes that still fit; None for no limit."""
        return max(0, self.limit_bytes - self.size_bytes) if self.limit_bytes else None


@dataclass(frozen=True, slots=True)
class Person:
    """An account as administrators see it.

    `denied` are permissions of the role that were taken away. `quota_mb` and `quota_models` are
    the person's own limits: None means those of the settings.
    """

    username: str
    name: str
    email: str
    role: Literal["viewer", "author", "admin"]
    denied: tuple[str, ...]
    disabled: bool
    created_at: datetime
    seen_at: datetime | None
    quota: Quota
    quota_mb: int | None = None
    quota_models: int | None = None


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A model whose name is easily mistaken for another, and why."""

    ref: str
    why: Likeness


@dataclass(frozen=True, slots=True)
class SuspiciousPair:
    """Two models whose names are easily mistaken for each other: the older one, then the newer."""

    older: str
    newer: str
    why: Likeness
    older_bytes: int
    newer_bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit lines are wanted; what is empty or None does not matter.

    `who` and `action` are exact (an action that ends in a dot means all that begin so); `text`
    may stand anywhere in the subject. `until` is exclusive.
    """

    who: str = ""
    action: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditChain:
    """The first audit line that is missing or does not fit, None when all do; and the newest one.

    `head` is `number:code`: kept elsewhere, it shows later that nothing was cut off.
    """

    broken_at: int | None
    head: str


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What a whole installation holds and runs on."""

    counts: Mapping[str, int]
    database_bytes: int
    stored_bytes: int
    stored_files: int
    staged_bytes: int
    free_bytes: int
    libraries: Mapping[str, str]
    fence: Mapping[str, bool] = field(default_factory=dict)

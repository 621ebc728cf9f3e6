"""What is said of the use of a model, and what leaves the house, as records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

ImportPlace = Literal["folder", "bucket"]


@dataclass(frozen=True, slots=True)
class Rating:
    """What people think of a model, in stars from 1 to 5.

    Attributes:
        average: None while nobody has voted.
        counts: How many gave one star, two, up to five.
        own: The stars of who asks; None without a vote.
        why_not: Why who asks may not vote; "" when they may.
    """

    average: float | None = None
    counts: tuple[int, ...] = (0, 0, 0, 0, 0)
    own: int | None = None
    why_not: str = ""

    @property
    def n_votes(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class VersionUse:
    """How much one version was used within the days asked for."""

    number: int
    downloads: int = 0
    predictions: int = 0
    last_downloaded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How much a model was used, by UTC day, the last being today; versions newest first."""

    days: tuple[date, ...]
    downloads: tuple[int, ...]
    predictions: tuple[int, ...]
    versions: tuple[VersionUse, ...] = ()


@dataclass(frozen=True, slots=True)
class DownloadLine:
    """One download: when, by whom ("" when the account is gone), of which version, as what.

    `what` is "file", "package", "mlflow" or "hub"; `filenames` are the files of the version in it.
    """

    at: datetime
    by: str
    number: int
    what: str
    filenames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file in the folder of the server: its path there, size, and when it was last written."""

    path: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Import:
    """A file that the server brings in: from where, and how far it is.

    Attributes:
        id: Of the staged file that it becomes.
        state: Of its job: queued, running, done or failed; `message` says why it failed.
        progress: From 0 to 1.
    """

    id: str
    path: str
    job_id: str
    state: str
    progress: float
    message: str
    created_at: datetime

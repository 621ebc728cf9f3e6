"""What callers of the API have under way, as records; imported from `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that comes in parts: how much of it has arrived, and until when that is kept."""

    id: str
    filename: str
    size_bytes: int
    received_bytes: int
    expires_at: datetime

    @property
    def is_whole(self) -> bool:
        return self.received_bytes == self.size_bytes


@dataclass(frozen=True, slots=True)
class Login:
    """The two secrets of a login by the API: one to ask with, one to get the next two."""

    access: str
    refresh: str
    access_expires_at: datetime
    refresh_expires_at: datetime

"""What a scanner module offers; mypy holds every module of `SCANNERS` to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from registry.records import Finding, Named


@dataclass
class Look:
    """What one scanner has seen so far; it adds to this as it goes."""

    findings: list[Finding] = field(default_factory=list)
    names: dict[str, Named] = field(default_factory=dict)


class Scanner(Protocol):
    """Looks at one kind of content; executes nothing; runs inside a locked worker only."""

    NAME: str
    FORMATS: tuple[str, ...]
    """Names of the formats it looks at, as in `registry.formats.FORMATS`."""

    def scan(self, file: BinaryIO, format: str, look: Look) -> None:
        """Read the file to its end and add what is seen to `look`.

        Raises:
            BrokenArtifact: It cannot be read to its end, which refuses the file.
        """

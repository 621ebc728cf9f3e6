"""Members of an archive that are files of their own: scanned as what they are."""

from __future__ import annotations

from typing import BinaryIO

from registry import scanners
from registry.scanners.contract import Look


def scan(part: BinaryIO, format: str, look: Look) -> None:
    """Add to `look` what the scanners of another format say of an opened member."""
    report = scanners.scan(part, format)
    look.findings.extend(report.findings)
    look.names.update({named.name: named for named in report.names})

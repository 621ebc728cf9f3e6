"""NumPy arrays inside archives: plain numbers, exactly as many as the header says."""

from __future__ import annotations

from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives, npy, zips
from registry.formats.text import clean, finding
from registry.formats.unzipped import Budget, opened
from registry.formats.zips import Member, Odd
from registry.scanners.contract import Look
from registry.scanners.zips import refused, walked

NAME = "npy"
FORMATS = ("skops", "mlflow")


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Check every .npy, and those in every .npz.

    Raises:
        BrokenArtifact: The archive cannot be read.
    """
    if not archives.is_zip(file.read(4)):
        return
    try:
        for member in zips.members(file):
            if member.name.endswith(".npy"):
                _array(file, member, look)
            elif member.name.endswith(".npz"):
                _arrays(file, member, look)
    except Odd as odd:
        raise BrokenArtifact(odd.what) from None


def _arrays(file: BinaryIO, member: Member, look: Look) -> None:
    inner = opened(file, member, Budget())
    try:
        for part, _ in walked(inner):
            if not part.name.endswith(".npy"):
                look.findings.append(refused(Odd("zip-record", f"{clean(part.name)} is no array")))
            else:
                _array(inner, part, look)
    except Odd as odd:
        look.findings.append(refused(odd))


def _array(file: BinaryIO, member: Member, look: Look) -> None:
    try:
        npy.check(opened(file, member, Budget()), member.size)
    except (ValueError, TypeError, SyntaxError, KeyError, EOFError, OverflowError) as wrong:
        look.findings.append(
            finding(
                "block",
                "npy-header",
                f"the array {clean(member.name)} is not sound: {clean(wrong, 100)}",
                "Reading it could run code, or fill the memory with what is not there",
                "Save the model again with plain numeric arrays",
            )
        )

"""Reads pickles without executing them, in the ways they follow one another in a file."""

from __future__ import annotations

import io
from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats.machine import DAMAGE, DryRun
from registry.formats.seen import Seen
from registry.formats.source import Limits, Source
from registry.formats.text import clean, refusal
from registry.formats.weighing import refuse_bombs

__all__ = ["Limits", "Seen", "dry_run", "dry_run_many", "dry_run_torch"]

_MAX_FOLLOWING = 1000


def dry_run(file: BinaryIO, *, limits: Limits | None = None, packed_bytes: int = 0) -> Seen:
    """Walk a pickle as plain pickle or joblib writes it, from the present position.

    Pickles behind the first are walked for their names too, although no loader reads them.

    Args:
        packed_bytes: Size of the compressed file that `file` inflates; 0 when it is none.

    Raises:
        BrokenArtifact: It is damaged, ends early, or asks for too much.
    """
    source = Source(file, limits or Limits(), packed_bytes)
    machine = DryRun(source, arrays=True)
    try:
        machine.seen.root = machine.load()
        refuse_bombs(machine.seen.root)
        machine.seen.trailing = _follows(source, machine.seen)
    except DAMAGE as damage:
        raise BrokenArtifact(_explained(damage)) from None
    machine.seen.protocol = machine.proto
    return machine.seen


def _follows(source: Source, seen: Seen) -> bool:
    """Whether bytes follow a pickle; names of the pickles among them are noted."""
    if not source.peek():
        return False
    for _ in range(_MAX_FOLLOWING):
        try:
            DryRun(source, arrays=True, seen=seen).load()
        except DAMAGE:
            break
    return True


def dry_run_many(file: BinaryIO, count: int) -> list[Seen]:
    """Walk `count` pickles that follow each other, as old torch files do.

    Raises:
        BrokenArtifact: One is damaged or missing.
    """
    source, found = Source(file, Limits()), []
    try:
        for _ in range(count):
            machine = DryRun(source, torch=True)
            machine.seen.root = machine.load()
            refuse_bombs(machine.seen.root)
            found.append(machine.seen)
    except DAMAGE as damage:
        raise BrokenArtifact(_explained(damage)) from None
    return found


def dry_run_torch(data: bytes) -> Seen:
    """Walk the `data.pkl` of a torch zip file.

    Raises:
        BrokenArtifact: It is damaged.
    """
    file = io.BytesIO(data)
    seen = dry_run_many(file, 1)[0]
    seen.trailing = file.tell() < len(data)
    return seen


def _explained(damage: BaseException) -> str:
    early = isinstance(damage, EOFError) or "exhausted" in str(damage) or "truncated" in str(damage)
    what = "the pickle ends early" if early else "the pickle is damaged"
    why = "Part of the file is missing" if early else f"Reading it stopped at: {clean(damage)}"
    return refusal(what, why, "Save the model again and upload the whole file")

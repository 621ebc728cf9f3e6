"""What the store must keep: files of versions, people's data sets, kept answers,
and files that are scored.

The one place that knows everything that refers to stored bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from blake3 import blake3
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from registry.core import Registry
from registry.errors import StorageFull
from registry.sandbox import wire
from registry.tables import ArtifactRow, DatasetRow, EvaluationRow, ScoringRow, new_id

_HOLDERS: tuple[tuple[InstrumentedAttribute[str], InstrumentedAttribute[str], Any], ...] = (
    (ArtifactRow.digest, ArtifactRow.blake3, ArtifactRow.filename),
    (DatasetRow.digest, DatasetRow.blake3, DatasetRow.filename),
    (EvaluationRow.answers_digest, EvaluationRow.answers_blake3, EvaluationRow.dataset),
    (ScoringRow.digest, ScoringRow.blake3, ScoringRow.filename),
    (ScoringRow.result_digest, ScoringRow.result_blake3, ScoringRow.filename),
)


class Kept(NamedTuple):
    """Bytes that were put into the store."""

    digest: str
    blake3: str
    size_bytes: int


def listed_in(s: Session) -> dict[str, tuple[str, str]]:
    """Digest to BLAKE3 and a name of everything that the store must have."""
    return {
        digest: (fast, name)
        for columns in _HOLDERS
        for digest, fast, name in s.execute(select(*columns).where(columns[0] != ""))
    }


def needed_in(s: Session, digests: Iterable[str]) -> set[str]:
    """Those of the digests that something refers to."""
    wanted = list(digests)
    return {
        digest
        for column, _, _ in _HOLDERS
        for digest in s.execute(select(column).where(column.in_(wanted))).scalars()
    }


def free_in(s: Session, reg: Registry, digests: Iterable[str]) -> int:
    """Delete bytes that nothing refers to any more; how many.

    Runs inside the writing transaction that dropped the rows, so that nobody takes up the same
    bytes meanwhile.
    """
    s.flush()
    dropped = {digest for digest in digests if digest}
    return sum(reg.store.delete(digest) for digest in dropped - needed_in(s, dropped))


def sweep(reg: Registry, young_s: float) -> int:
    """Delete stored bytes that nothing refers to; how many files.

    Args:
        young_s: Age in seconds below which they are left alone: somebody may be about to refer.
    """
    with reg.reading() as s:
        kept = set(listed_in(s))
    old = [d for d in reg.store.digests() if d not in kept and reg.store.age_s(d) >= young_s]
    removed = 0
    for digest in old:
        with reg.writing() as s:
            if not needed_in(s, [digest]):
                reg.store.delete(digest)
                removed += 1
    return removed


def keep(reg: Registry, pieces: Iterable[wire.Body]) -> Kept:
    """Put bytes that were made here into the store, in flat memory.

    They come by way of the staging folder, under a lock, so that no sweep takes them for a stray.

    Raises:
        StorageFull: The disk has no room.
        StoreError: The store cannot keep them.
    """
    path = reg.settings.staging_folder / new_id()
    slow, fast, size = hashlib.sha256(), blake3(), 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with os.fdopen(fd, "wb", closefd=False) as file:
            for piece in pieces:
                slow.update(piece)
                fast.update(piece)
                size += file.write(piece)
            file.flush()
            os.fsync(fd)
        reg.store.put(path, slow.hexdigest())
    except OSError as failed:
        raise StorageFull(f"the answers could not be kept: {failed.strerror}") from failed
    finally:
        path.unlink(missing_ok=True)
        os.close(fd)
    return Kept(slow.hexdigest(), fast.hexdigest(), size)

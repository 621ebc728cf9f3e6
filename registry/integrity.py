"""Whether the stored bytes are still those that were uploaded."""

from __future__ import annotations

import hashlib
import os

from sqlalchemy import select

from registry.core import Registry
from registry.errors import StoreError
from registry.tables import ArtifactRow


def damaged(reg: Registry) -> tuple[int, list[str]]:
    """Hash every stored file of a version again with SHA-256.

    Returns:
        How many files were looked at, and a line about each that is missing or differs.
    """
    with reg.reading() as s:
        rows = s.execute(
            select(ArtifactRow.digest, ArtifactRow.blake3, ArtifactRow.filename)
            .group_by(ArtifactRow.digest)
            .order_by(ArtifactRow.digest)
        ).all()
    bad = []
    for digest, blake3, filename in rows:
        try:
            fd = reg.store.open(digest, blake3)
        except StoreError as wrong:
            bad.append(f"{filename}: {wrong.message}")
            continue
        with os.fdopen(fd, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                bad.append(f"{filename}: the stored bytes of {digest[:12]} have changed")
    return len(rows), bad

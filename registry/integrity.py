"""Whether the stored bytes are still those that were uploaded."""

from __future__ import annotations

import hashlib
import os

from registry import holdings
from registry.core import Registry
from registry.errors import StoreError


def damaged(reg: Registry) -> tuple[int, list[str]]:
    """Hash everything the store must keep again with SHA-256.

    Returns:
        How many files were looked at, and a line about each that is missing or differs.
    """
    with reg.reading() as s:
        listed = holdings.listed_in(s)
    bad = []
    for digest, (blake3, filename) in sorted(listed.items()):
        try:
            fd = reg.store.open(digest, blake3)
        except StoreError as wrong:
            bad.append(f"{filename}: {wrong.message}")
            continue
        with os.fdopen(fd, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                bad.append(f"{filename}: the stored bytes of {digest[:12]} have changed")
    return len(listed), bad

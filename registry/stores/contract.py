"""What a store promises: bytes under the SHA-256 of themselves, written once, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Where artifacts live. Safe to use from several threads and processes at once."""

    def put(self, source: Path, digest: str) -> None:
        """Keep the bytes of `source` under `digest`; already kept is fine.

        When this returns the bytes survive a power cut. `source` itself stays: its owner removes
        it once the artifact is on record, so that a crash in between loses nothing.

        Args:
            source: A complete file that nobody writes to any more and whose content was synced.
            digest: Its SHA-256 in hex; the caller has hashed it.

        Raises:
            StoreError: `digest` is no digest, or the bytes cannot be kept.
            StorageFull: No room.
        """

    def open(self, digest: str, blake3: str) -> int:
        """A read-only descriptor of bytes that have been checked against `blake3`.

        Raises:
            StoreError: Missing, or the bytes differ.
        """

    def path(self, digest: str) -> Path | None:
        """The file, where the store is a folder and has it."""

    def has(self, digest: str) -> bool:
        """Whether the bytes are here, unchecked."""

    def delete(self, digest: str) -> int:
        """Forget the bytes; absent is fine.

        Returns:
            Bytes freed.
        """

    def digests(self) -> Iterator[str]:
        """Every digest kept, in order."""

    def age_s(self, digest: str) -> float:
        """Seconds since `put` last touched this digest; 0 when absent."""

    def free_bytes(self) -> int:
        """Room left."""

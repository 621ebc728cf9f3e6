"""G11: receiving a file keeps up with hashing it, and takes no memory worth speaking of.

The staging pipeline (SHA-256 and BLAKE3 on the way, write, sync, row) against SHA-256 alone over
the same blocks, interleaved, best of three. Blocks are of the size the server hands over.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.harness import PASSWORD, machine, verdict
from registry import accounts, staging
from registry.core import Registry, open_registry
from registry.records import Actor
from registry.settings import Settings

SIZE_MB = 500
BLOCK = 1 << 20
ROUNDS = 3


def blocks() -> Iterator[bytes]:
    """500 MB, no two blocks alike, made without touching much memory."""
    noise = os.urandom(BLOCK - 8)
    for n in range(SIZE_MB):
        yield n.to_bytes(8, "big") + noise


@contextmanager
def peak_rss_mb() -> Iterator[list[float]]:
    """Fills the list with the growth of resident memory over the block."""
    process, over, growth = psutil.Process(), threading.Event(), [0.0]
    start = process.memory_info().rss

    def watch() -> None:
        while not over.wait(0.01):
            growth[0] = max(growth[0], (process.memory_info().rss - start) / 2**20)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield growth
    finally:
        over.set()
        thread.join()


def hash_alone() -> float:
    """Seconds for SHA-256 over all blocks, the making of blocks taken off."""
    seen, took = hashlib.sha256(), 0.0
    for block in blocks():
        started = time.perf_counter()
        seen.update(block)
        took += time.perf_counter() - started
    return took


def receive(reg: Registry, actor: Actor) -> float:
    """Seconds from the first block to the row, the making of blocks taken off."""
    started = time.perf_counter()
    with staging.receive(reg, actor, "big.joblib") as incoming:
        took = time.perf_counter() - started
        for block in blocks():
            started = time.perf_counter()
            incoming.write(block)
            took += time.perf_counter() - started
        started = time.perf_counter()
        staged = incoming.finish()
        took += time.perf_counter() - started
    staging.discard(reg, actor, staged.id)
    return took


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        reg = open_registry(Settings(home=Path(folder), min_free_disk_mb=0, _env_file=None))
        actor = accounts.create_user(
            reg,
            username="tester",
            name="Tester",
            email="tester@example.org",
            password=PASSWORD,
            role="author",
        )
        alone, whole, grown = [], [], []
        for _ in range(ROUNDS):
            alone.append(hash_alone())
            with peak_rss_mb() as growth:
                whole.append(receive(reg, actor))
            grown.append(growth[0])
        reg.close()
    ratio = min(alone) / min(whole)
    print(
        f"SHA-256 alone {SIZE_MB / min(alone):.0f} MB/s, "
        f"whole pipeline {SIZE_MB / min(whole):.0f} MB/s"
    )
    print(verdict("G11 speed against SHA-256 alone", ratio, 0.55, "x", at_least=True))
    print(verdict("G11 extra memory while receiving 500 MB", max(grown), 32, "MB"))


if __name__ == "__main__":
    main()

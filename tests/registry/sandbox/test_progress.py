"""Whoever waits for a report sees it form; what the worker says of that is believed in nothing."""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

from registry.errors import BrokenArtifact
from registry.records import Finding, Reading
from registry.sandbox import progress, wire
from registry.sandbox.pool import Pool
from tests.makers.waiting import gone

MANY = 300_000


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many small objects, which takes about a second or two to walk."""
    path = tmp_path_factory.mktemp("slow") / "slow.joblib"
    joblib.dump([[float(n), str(n)] for n in range(MANY)], path)
    return path


@pytest.fixture
def board() -> tuple[mmap.mmap, progress.Board]:
    with wire.memory_file(progress.SIZE) as (fd, shared):
        yield shared, progress.Board(os.dup(fd))


@pytest.mark.sandbox
def test_it_is_told_how_far_the_look_is(pool: Pool, slow: Path) -> None:
    told: list[Reading] = []
    with slow.open("rb") as file:
        quiet = pool.inspect(file.fileno(), slow.name)
        assert pool.inspect(file.fileno(), slow.name, told.append) == quiet
    done = [reading.done_bytes for reading in told]
    assert len(done) >= 2
    assert done == sorted(done)
    assert 0 < done[-1] <= slow.stat().st_size
    assert {reading.size_bytes for reading in told} == {slow.stat().st_size}


@pytest.mark.sandbox
def test_when_nobody_watches_any_more_the_worker_ends(pool: Pool, slow: Path) -> None:
    class Gone(BaseException):
        pass

    pids: list[int] = []

    def leave(_: Reading) -> None:
        pid = pool.nursery.litter("inspect").pid
        pids.extend(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
        raise Gone

    started = time.monotonic()
    with slow.open("rb") as file, pytest.raises(Gone):
        pool.inspect(file.fileno(), slow.name, leave)
    assert time.monotonic() - started < 5
    assert pids
    assert all(map(gone, pids))


@pytest.mark.sandbox
def test_an_error_is_told_as_without_a_watcher(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "cut.joblib"
    joblib.dump(np.arange(100_000.0), path)
    path.write_bytes(path.read_bytes()[:5000])
    with path.open("rb") as file, pytest.raises(BrokenArtifact, match="ends early"):
        pool.inspect(file.fileno(), path.name, lambda _: None)


def test_what_is_written_is_read(board: tuple[mmap.mmap, progress.Board]) -> None:
    shared, page = board
    found = [Finding("warn", "odd", f"{n}") for n in range(50)]
    page.write("pickles", 2, 3, found)
    reading = progress._read(shared, Reading())
    assert (reading.scanner, reading.n, reading.of) == ("pickles", 2, 3)
    assert reading.findings == tuple(found[-10:])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff" * progress.SIZE, struct.pack("<I", 2**32 - 1) + b"{}",
        struct.pack("<I", 4) + b"{{{{", struct.pack("<I", 14) + b'{"done_bytes":',
        struct.pack("<I", 13) + b'{"n": "many"}', struct.pack("<I", 2) + b"[]",
        struct.pack("<I", 9000) + b"[" * 9000,
    ],
)  # fmt: skip
def test_nonsense_on_the_page_changes_nothing(
    board: tuple[mmap.mmap, progress.Board], content: bytes
) -> None:
    shared, _ = board
    shared[: len(content)] = content
    last = Reading("zips", 1, 2)
    assert progress._read(shared, last) == last

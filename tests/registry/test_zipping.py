"""Zips that are written while they are read: sound for every reader, of a length known before."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest

from registry import zipping
from registry.errors import StoreError
from registry.formats import zips
from registry.zipping import Entry, entry_of

ENTRIES = [
    entry_of("README.md", "# Iris\n"),
    entry_of("data/ümlaut.csv", b"a,b\n1,2\n" * 1000),
    entry_of("empty.txt", ""),
]


def whole(entries: list[Entry]) -> bytes:
    return b"".join(zipping.stream(entries))


def test_python_reads_what_was_put_in() -> None:
    with zipfile.ZipFile(io.BytesIO(whole(ENTRIES))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [entry.name for entry in ENTRIES]
        assert archive.read("data/ümlaut.csv") == b"a,b\n1,2\n" * 1000


def test_the_strict_reader_of_uploads_takes_it() -> None:
    members = zips.members(io.BytesIO(whole(ENTRIES)))
    assert [(m.name, m.size) for m in members] == [(e.name, e.size_bytes) for e in ENTRIES]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_its_length_is_known_beforehand(n: int) -> None:
    assert len(whole(ENTRIES[:n])) == zipping.length(ENTRIES[:n])


def test_the_same_files_give_the_same_bytes() -> None:
    assert whole(ENTRIES) == whole(ENTRIES)


def test_blocks_pass_through_one_at_a_time() -> None:
    read = 0

    def blocks() -> Iterator[bytes]:
        nonlocal read
        for _ in range(10):
            read += 1
            yield b"x" * 1000

    out = zipping.stream([Entry("a", 10_000, blocks)])
    for _ in range(3):
        next(out)
    assert read <= 3


@pytest.mark.parametrize("size_bytes", [2, 4])
def test_a_member_of_another_length_than_it_said_ends_it(size_bytes: int) -> None:
    with pytest.raises(StoreError, match="not as long"):
        whole([Entry("a", size_bytes, lambda: (b"abc",))])


@pytest.mark.long
def test_more_than_four_gigabytes_are_one_sound_archive(tmp_path) -> None:
    block, n = bytes(1 << 20), 4200
    entries = [
        Entry("large.bin", n << 20, lambda: (block for _ in range(n))),
        entry_of("after.txt", "still here"),
    ]
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        for piece in zipping.stream(entries):
            file.seek(len(piece), 1) if not any(piece[:64]) else file.write(piece)
        file.truncate(zipping.length(entries))
    assert path.stat().st_size == zipping.length(entries)
    with path.open("rb") as file:
        assert [m.size for m in zips.members(file)] == [n << 20, 10]
    with zipfile.ZipFile(path) as archive:
        assert archive.read("after.txt") == b"still here"

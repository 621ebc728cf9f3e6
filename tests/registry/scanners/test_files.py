"""Containers, graphs and headers: hostile ones do not pass, honest ones raise no false alarm."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from registry import scanners
from registry.errors import Rejected
from registry.records import Report
from registry.sandbox.pool import Pool
from registry.scanners.contract import Look
from tests.makers import honest_files, hostile_files


def _report(pool: Pool, path: Path, claimed: str) -> Report:
    """Of an upload; of the scan alone when the file is refused before it is scanned."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return pool.inspect(fd, path.name)[1]
    except Rejected:
        return pool.scan(fd, claimed)
    finally:
        os.close(fd)


@pytest.mark.parametrize("name", hostile_files.TECHNIQUES)
def test_a_hostile_file_is_stopped_for_the_right_reason(
    name: str, pool: Pool, tmp_path: Path
) -> None:
    path = hostile_files.TECHNIQUES[name](tmp_path)
    rule, claimed, verdict = hostile_files.EXPECTED[name]
    report = _report(pool, path, claimed)
    assert report.verdict == verdict
    assert rule in [found.rule for found in report.findings]
    assert all(found.what and found.why and found.todo for found in report.findings)


@pytest.mark.parametrize("name", honest_files.HONEST)
def test_an_honest_file_raises_no_alarm(name: str, pool: Pool, tmp_path: Path) -> None:
    path = honest_files.HONEST[name](tmp_path)
    with path.open("rb") as file:
        inspection, report = pool.inspect(file.fileno(), path.name)
    assert report.findings == ()
    assert report.complete
    assert not [found for found in inspection.findings if found.level != "info"]


def test_the_corpus_is_wide_and_described() -> None:
    assert len(hostile_files.TECHNIQUES) >= 100
    assert set(hostile_files.EXPECTED) == set(hostile_files.TECHNIQUES)
    assert all(maker.__doc__ for maker in hostile_files.TECHNIQUES.values())


@pytest.mark.long
def test_a_large_archive_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    block = bytes(range(256)) * 4096
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/version", "3")
        with archive.open("weights/data/0", "w", force_zip64=True) as member:
            for _ in range(500):
                member.write(block)
    look = Look()
    tracemalloc.start()
    with path.open("rb") as file:
        scanners.get("zips").scan(file, "torch_pickle", look)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 500 << 20
    assert not look.findings
    assert most < 8 << 20

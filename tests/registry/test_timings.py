"""Benchmarks are kept, the newest first, for those who may see the version."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry import timings
from registry.errors import NotFound
from registry.records import Benchmark
from registry.tables import new_id, now


def measured(version_id, p95_ms=2.0, hours_ago=0):
    return Benchmark(
        id=new_id(),
        version_id=version_id,
        machine="a processor, 2 cores, 8 GiB; 1 thread per worker",
        load_ms=40.0,
        p50_ms=1.0,
        p95_ms=p95_ms,
        p99_ms=3.0,
        rows_per_s={1: 900.0, 16: 9000.0, 1024: 250_000.0},
        peak_memory_bytes=5 << 20,
        size_bytes=1234,
        at=now() - timedelta(hours=hours_ago),
    )


def test_the_newest_benchmark_speaks_for_a_version(reg, alice, iris):
    old, new = measured(iris.id, 9.0, hours_ago=2), measured(iris.id, 2.0)
    with reg.writing() as s:
        timings.record_in(s, new)
        timings.record_in(s, old)
    assert timings.latest(reg, alice, ["alice/iris", iris.ref]) == {
        "alice/iris": new,
        iris.ref: new,
    }
    assert timings.find(reg, alice, iris.ref) == [new, old]


def test_a_version_never_measured_is_left_out(reg, alice, iris):
    assert timings.latest(reg, alice, [iris.ref]) == {}
    assert timings.find(reg, alice, iris.ref) == []


def test_a_stranger_learns_nothing_of_benchmarks(reg, bob, iris):
    with pytest.raises(NotFound):
        timings.latest(reg, bob, [iris.ref])

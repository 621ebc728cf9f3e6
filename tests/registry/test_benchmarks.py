"""A benchmark measures a version alone in a worker of its own, in the background."""

from __future__ import annotations

import pytest

from registry import benchmarks, checks, jobs, timings, versions
from registry.errors import Conflict, Forbidden, PredictionTimeout
from registry.tables import JobRow


@pytest.fixture
def quick(monkeypatch):
    """Fewer calls than are needed for good figures, in all the same steps."""
    monkeypatch.setattr(benchmarks, "_LOADS", 2)
    monkeypatch.setattr(benchmarks, "_CALLS_S", 0.05)
    monkeypatch.setattr(benchmarks, "_BATCH_S", 0.02)
    monkeypatch.setattr(benchmarks, "BATCHES", (4, 1024))


def test_a_version_is_measured_from_load_to_throughput(reg, alice, iris, quick):
    benchmarks.run(reg, iris.id)
    (found,) = timings.find(reg, alice, iris.ref)
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
    assert found.load_ms > 0
    assert list(found.rows_per_s) == [1, 4, 1024]
    assert found.rows_per_s[1024] > found.rows_per_s[1]
    assert found.size_bytes == iris.artifact.size_bytes
    assert found.peak_memory_bytes > 0
    assert "thread per worker" in found.machine
    assert found.remark == ""


def test_the_benchmark_leaves_the_pool_to_people(reg, alice, iris, quick):
    before = [worker.version_id for worker in reg.pool.states()]
    benchmarks.run(reg, iris.id)
    assert [worker.version_id for worker in reg.pool.states()] == before
    assert reg.pool.state(iris.id) == "cold"


def test_a_ready_version_has_its_benchmark_submitted_once(reg, alice, iris):
    with reg.reading() as s:
        found = s.query(JobRow).filter(JobRow.kind == "benchmark").all()
    assert [(row.subject, row.state, row.user_id) for row in found] == [(iris.ref, "queued", None)]
    assert benchmarks.start(reg, alice, iris.ref).id == found[0].id  # it is under way already


def test_only_who_asks_has_a_version_measured_where_the_operator_says_so(reg_with, alice, iris):
    reg = reg_with(benchmark_uploads=False)
    with reg.writing() as s:
        s.query(JobRow).delete()
    checks.again(reg, alice, iris.ref)
    checks.run(reg, iris.id)
    assert versions.get(reg, alice, iris.ref).status == "ready"
    assert benchmarks.last(reg, alice, iris.ref) is None
    assert benchmarks.start(reg, alice, iris.ref).state == "queued"


def test_measuring_again_is_a_job_of_whoever_asked(reg, alice, iris):
    _finish(reg)
    job = benchmarks.start(reg, alice, iris.ref)
    assert job in jobs.find(reg, alice, only_open=True)
    assert benchmarks.last(reg, alice, iris.ref) == job
    jobs.cancel(reg, alice, job.id)
    assert benchmarks.last(reg, alice, iris.ref).message == "cancelled"


def _finish(reg):
    with reg.writing() as s:
        for row in s.query(JobRow):
            row.state, row.finished_at = "done", row.created_at


def test_who_may_only_look_may_not_have_it_measured(reg, alice, bob, iris):
    from registry import access

    access.share(reg, alice, iris.model, "bob", "view")
    with pytest.raises(Forbidden):
        benchmarks.start(reg, bob, iris.ref)
    assert benchmarks.last(reg, bob, iris.ref) is not None


def test_a_version_that_does_not_run_says_why(reg, alice, iris):
    versions.edit(reg, alice, iris.ref, lifecycle="archived")
    with pytest.raises(Conflict, match="archived"):
        benchmarks.start(reg, alice, iris.ref)
    with pytest.raises(Conflict, match="archived"):
        benchmarks.run(reg, iris.id)
    assert timings.find(reg, alice, iris.ref) == []


def test_the_time_for_a_benchmark_is_limited(reg_with, alice, iris):
    hasty = reg_with(benchmark_timeout_s=1e-6)
    with pytest.raises(PredictionTimeout):
        benchmarks.run(hasty, iris.id)


def test_the_machine_is_named_without_its_host_name():
    import platform

    said = benchmarks.machine(2)
    assert "2 threads per worker" in said
    assert "cores" in said
    assert platform.node() not in said

"""The benchmark walk: a version alone in a worker of its own, measured on this machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, codec, inputs, jobs, parity, timings, versions
from registry.core import Registry
from registry.editions import as_versions
from registry.errors import Conflict, PredictionFailed, PredictionTimeout
from registry.records import Actor, Benchmark, Inspection, Job, Schema
from registry.sandbox.alone import Alone
from registry.sandbox.contract import ModelSpec
from registry.tables import ArtifactRow, VersionRow, new_id, now

if TYPE_CHECKING:
    import numpy as np

KIND = timings.KIND
BATCHES = (4, 16, 64, 256, 1024)
_LOADS, _LOADS_S = 5, 3.0
_WARM_UP, _LEAST_CALLS, _MOST_CALLS = 3, 20, 1000
_CALLS_S, _SLOW_CALLS_S, _TELL_S = 1.5, 12.0, 1.0
_BATCH_CALLS, _BATCH_S = 20, 0.3
_CHUNK = 25
_MOST_BYTES = 64 << 20
_QUIET_S, _LOOK_S = 10.0, 0.05


@dataclass
class Figures:
    """What has been measured so far, in milliseconds unless the name says otherwise."""

    loads: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    rows_per_s: dict[int, float] = field(default_factory=dict)
    peak_bytes: int = 0
    remark: str = ""


@dataclass(frozen=True)
class _Run:
    """One measurement under way, over at `deadline` (monotonic seconds)."""

    reg: Registry
    spec: ModelSpec
    schema: Schema
    deadline: float

    def left_s(self) -> float:
        """Seconds one question may take now.

        Raises:
            PredictionTimeout: The time for the whole benchmark is over.
        """
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise PredictionTimeout(self.reg.settings.benchmark_timeout_s)
        return min(left_s, self.reg.settings.predict_timeout_s)

    def wait_for_quiet(self) -> None:
        """Let people go first: their predictions are worth more, and would spoil the figures."""
        until = min(time.monotonic() + _QUIET_S, self.deadline)
        while self.reg.pool.in_use and time.monotonic() < until:
            time.sleep(_LOOK_S)


def start(reg: Registry, actor: Actor, ref: str) -> Job:
    """Have a version measured in the background; while that is under way, the same job.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not have it measured.
        Conflict: The version does not predict; the message says why.
    """
    with reg.writing() as s:
        model, row = versions.for_action(s, actor, "version.benchmark", ref)
        version = as_versions(s, actor, model, [row])[0]
        if why := version.why_no_predictions or ("" if version.schema else "it has no schema yet"):
            raise Conflict(f"{version.ref} is not measured: {why}")
        before = jobs.last_in(s, KIND, row.id)
        if before and before.finished_at is None:
            job_id = before.id
        else:
            job_id = jobs.submit_in(s, actor, KIND, row.id, version.ref)
            audit.record(s, actor, "version.benchmark", version.ref, model_id=model.id)
    jobs.start(reg, job_id)
    return jobs.get(reg, job_id)


def last(reg: Registry, actor: Actor, ref: str) -> Job | None:
    """The newest benchmark job of a version, whoever asked for it; None when there was none.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        _, row = versions.for_action(s, actor, "model.read", ref)
        job = jobs.last_in(s, KIND, row.id)
        return jobs.record(job) if job else None


def run(reg: Registry, version_id: str) -> None:
    """Measure one version and keep the figures; what the job does. Harmless when repeated.

    Batches that the model cannot take, or has no time for, are left out, with a remark.

    Raises:
        Conflict: The version does not predict, the job was cancelled, or this process is ending.
        PredictionFailed: It does not load or answer one row; its subclasses say how.
    """
    with reg.reading() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.deleted_at:
            return
        schema = _schema(row)
        spec = versions.spec_in(s, reg, row)
        size_bytes = _size(s, version_id)
    figures = measure(reg, spec, schema)
    p50, p95, p99 = _percentiles(figures.calls)
    measured = Benchmark(
        id=new_id(),
        version_id=version_id,
        machine=machine(reg.settings.worker_threads),
        load_ms=_median(figures.loads),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        rows_per_s=figures.rows_per_s,
        peak_memory_bytes=figures.peak_bytes,
        size_bytes=size_bytes,
        at=now(),
        remark=figures.remark,
    )
    with reg.writing() as s:
        if s.get(VersionRow, version_id) is not None:
            timings.record_in(s, measured)


def measure(reg: Registry, spec: ModelSpec, schema: Schema) -> Figures:
    """Cold loads, each in a worker of its own; the last one answers.

    Raises:
        PredictionFailed: It does not load or answer one row; its subclasses say how.
        Conflict: The job was cancelled, or this process is ending.
    """
    figures, started = Figures(), time.monotonic()
    run_ = _Run(reg, spec, schema, started + reg.settings.benchmark_timeout_s)
    for n in range(1, _LOADS + 1):
        jobs.tell(run_.reg, 0.05 * n, f"loading, {n} of up to {_LOADS} times")
        run_.wait_for_quiet()
        run_.left_s()
        with run_.reg.pool.alone(run_.spec) as alone:
            figures.loads.append(alone.load_ms)
            if n < _LOADS and time.monotonic() - started < _LOADS_S:
                continue
            alone.peak_bytes()
            _ask_single(run_, alone, figures)
            _ask_batches(run_, alone, figures)
            return figures
    raise AssertionError("the last load answers")


def machine(threads: int) -> str:
    """Processor, cores, memory and threads per worker; never the name of the host."""
    model = platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = " ".join(line.partition(":")[2].split())
                break
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    each = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{model}, {n_cores} cores, {gib:.0f} GiB, {each} per worker"


def _schema(row: VersionRow) -> Schema:
    """What the version takes.

    Raises:
        Conflict: It does not predict, or nothing says what it takes.
    """
    inspection = codec.load(Inspection, row.inspection)
    if not inspection.runnable:
        raise Conflict(inspection.why_not_runnable)
    if row.status != "ready" or row.lifecycle == "archived":
        raise Conflict(f"it is {row.status if row.status != 'ready' else row.lifecycle}")
    if not row.schema:
        raise Conflict("it has no schema yet: say on its page what it takes")
    return codec.load(Schema, row.schema)


def _size(s: Session, version_id: str) -> int:
    return s.execute(
        select(ArtifactRow.size_bytes).where(
            ArtifactRow.version_id == version_id, ArtifactRow.kind == "model"
        )
    ).scalar_one()


def _ask_single(run_: _Run, alone: Alone, figures: Figures) -> None:
    """One row at a time, a different one each."""
    singles = _singles(run_.schema)
    for n in range(_WARM_UP):
        alone.ask(singles[n % len(singles)].inputs, run_.left_s())
    started, told_at = time.monotonic(), 0.0
    while len(figures.calls) < _MOST_CALLS:
        so_far_s = time.monotonic() - started
        if so_far_s > (_CALLS_S if len(figures.calls) >= _LEAST_CALLS else _SLOW_CALLS_S):
            break
        if time.monotonic() - told_at > _TELL_S:  # each time, pages ask the database anew
            jobs.tell(run_.reg, 0.4, f"asking one row at a time, {len(figures.calls)} so far")
            told_at = time.monotonic()
        if len(figures.calls) % _CHUNK == 0:
            run_.wait_for_quiet()
        chosen = singles[len(figures.calls) % len(singles)]
        figures.calls.append(alone.ask(chosen.inputs, run_.left_s()))
    n_rows = singles[0].n_rows
    figures.rows_per_s[n_rows] = n_rows * 1e3 / _median(figures.calls)
    figures.peak_bytes = alone.peak_bytes()


def _ask_batches(run_: _Run, alone: Alone, figures: Figures) -> None:
    """Growing batches, until one does not work: what went well before it stays."""
    for n, size in enumerate(BATCHES):
        jobs.tell(run_.reg, 0.5 + 0.1 * n, f"asking {size} rows at a time")
        run_.wait_for_quiet()
        prepared = _batch(run_.schema, size)
        if prepared is None:
            figures.remark = (
                f"no batches of {size}: the model takes one size only, or they are too large"
            )
            return
        try:
            figures.rows_per_s[size] = size * 1e3 / _pace(run_, alone, prepared)
        except PredictionFailed as failed:
            if jobs.stopping():
                raise
            figures.remark = f"stopped at batches of {size}: {failed.message}"
            return
        figures.peak_bytes = alone.peak_bytes()


def _pace(run_: _Run, alone: Alone, prepared: inputs.Prepared) -> float:
    """Median milliseconds of a batch, after one that is not counted."""
    first_ms = alone.ask(prepared.inputs, run_.left_s())
    calls: list[float] = []
    started = time.monotonic()
    while len(calls) < _BATCH_CALLS and time.monotonic() - started < _BATCH_S:
        calls.append(alone.ask(prepared.inputs, run_.left_s()))
    return _median(calls or [first_ms])


def _singles(schema: Schema) -> list[inputs.Prepared]:
    """Inputs of one row, or of as many as the model insists on."""
    rows = parity.drawn(schema)
    if isinstance(rows, Mapping):
        return [parity.prepared(schema, _resized(schema, rows, 1) or rows)]
    return [parity.prepared(schema, [row]) for row in rows]


def _batch(schema: Schema, size: int) -> inputs.Prepared | None:
    """Inputs of `size` rows; None when the model takes none of that size, or they are too many."""
    rows = parity.drawn(schema)
    if not isinstance(rows, Mapping):
        return parity.prepared(schema, _repeated(rows, size))
    resized = _resized(schema, rows, size)
    return parity.prepared(schema, resized) if resized else None


def _repeated(rows: Sequence[Mapping[str, Any]], size: int) -> list[Mapping[str, Any]]:
    return [rows[n % len(rows)] for n in range(size)]


def _resized(
    schema: Schema, tensors: Mapping[str, np.ndarray], size: int
) -> dict[str, np.ndarray] | None:
    """Tensors with `size` rows each; None when one of them has no axis for rows."""
    import numpy as np

    if any(tensor.shape[:1] != (-1,) for tensor in schema.tensors):
        return None
    if sum(array.nbytes // max(len(array), 1) for array in tensors.values()) * size > _MOST_BYTES:
        return None
    return {name: np.resize(array, (size, *array.shape[1:])) for name, array in tensors.items()}


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    import numpy as np

    p50, p95, p99 = np.percentile(values, (50, 95, 99)).tolist()
    return p50, p95, p99


def _median(values: Sequence[float]) -> float:
    import numpy as np

    return float(np.median(values))

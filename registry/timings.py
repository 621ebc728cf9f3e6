"""Measured speed and memory of versions. Owns `benchmarks`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import models, versions
from registry.core import Registry
from registry.records import Actor, Benchmark
from registry.tables import BenchmarkRow, VersionRow

KIND = "benchmark"
"""Of the jobs that measure."""
_MOST = 200
_ROWS = ("id", "version_id", "machine", "p95_ms", "at")


def of_versions(s: Session, version_ids: Iterable[str]) -> dict[str, Benchmark]:
    """Version id to its newest benchmark; versions never measured are left out."""
    rows = s.execute(
        select(BenchmarkRow)
        .where(BenchmarkRow.version_id.in_(list(version_ids)))
        .order_by(BenchmarkRow.at)
    ).scalars()
    return {row.version_id: _record(row) for row in rows}


def latest(reg: Registry, actor: Actor, refs: Sequence[str]) -> dict[str, Benchmark]:
    """Each ref, as it was given, to the newest benchmark of its version; unmeasured left out.

    Raises:
        NotFound: One of the versions is not there, or the actor may not see it.
    """
    with reg.reading() as s:
        ids = {ref: versions.for_action(s, actor, "model.read", ref)[1].id for ref in refs}
        found = of_versions(s, ids.values())
        return {ref: found[key] for ref, key in ids.items() if key in found}


def of_model(reg: Registry, actor: Actor, model: str) -> dict[str, Benchmark]:
    """Version id to its newest benchmark, for the versions of a model.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        ids = s.execute(select(VersionRow.id).where(VersionRow.model_id == row.id)).scalars()
        return of_versions(s, ids.all())


def find(reg: Registry, actor: Actor, ref: str) -> list[Benchmark]:
    """The benchmarks of a version, newest first, at most 200.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        _, version = versions.for_action(s, actor, "model.read", ref)
        rows = s.execute(
            select(BenchmarkRow)
            .where(BenchmarkRow.version_id == version.id)
            .order_by(BenchmarkRow.at.desc())
            .limit(_MOST)
        ).scalars()
        return [_record(row) for row in rows]


def record_in(s: Session, measured: Benchmark) -> None:
    """Keep what was measured, inside the caller's transaction."""
    result = {key: value for key, value in asdict(measured).items() if key not in _ROWS}
    result["rows_per_s"] = {str(size): rate for size, rate in measured.rows_per_s.items()}
    s.add(
        BenchmarkRow(
            id=measured.id,
            version_id=measured.version_id,
            machine=measured.machine[:200],
            p95_ms=measured.p95_ms,
            result=result,
            at=measured.at,
        )
    )
    s.flush()


def _record(row: BenchmarkRow) -> Benchmark:
    result = dict(row.result)
    rates = {int(size): rate for size, rate in result.pop("rows_per_s").items()}
    return Benchmark(
        id=row.id,
        version_id=row.version_id,
        machine=row.machine,
        p95_ms=row.p95_ms,
        rows_per_s=dict(sorted(rates.items())),
        at=row.at,
        **result,
    )

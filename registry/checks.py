"""The check job: load a new version once in the sandbox and write down what came of it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from registry import codec, decisions, golden_cases, jobs, models, rescans, timings, versions
from registry.core import Registry
from registry.errors import (
    Conflict,
    PredictionFailed,
    RegistryError,
    UnsafeArtifact,
    WorkerCrashed,
)
from registry.records import SYSTEM, Actor, Finding, Report, Version
from registry.tables import ModelRow, VersionRow

KIND = "check"
_LOG_CHARS = 2000


def run(reg: Registry, version_id: str) -> None:
    """Check one version; it becomes ready, or failed with the reason. Harmless when repeated.

    What the scan does not find clean is loaded only while somebody trusts it as it is; else it is
    quarantined. What is ready is measured, as a job of its own.

    Raises:
        WorkerCrashed, Conflict: It was cut off because this process is ending.
    """
    _measure(reg, version_id)  # a check that was cut off right after its end comes here again
    with reg.reading() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.status != "checking" or row.deleted_at:
            return
        spec = versions.spec_in(s, reg, row)
        report = codec.load(Report, row.report) if row.report else None
        decision = decisions.standing_in(s, version_id)
        trusted = decisions.trusted_in(s, row.id, spec.digest) is not None
    if decision and decision.decision == "refused":
        versions.conclude(reg, version_id, status="failed", failure=decisions.refusal(decision))
        return
    checked = None
    try:
        report = report or rescans.scan(reg, spec)
        if report.verdict != "clean" and not trusted:
            raise UnsafeArtifact(report)
        if spec.inspection.runnable:
            checked = jobs.patiently(lambda: reg.pool.check(spec))
    except UnsafeArtifact as unsafe:
        seen = _joined(report or Report(), unsafe)
        why = decisions.waits_for(seen)
        versions.conclude(reg, version_id, status="quarantined", failure=why, report=seen)
    except (WorkerCrashed, Conflict) as cut_off:
        if jobs.stopping():
            raise
        versions.conclude(reg, version_id, status="failed", failure=_why(cut_off))
    except RegistryError as failed:
        versions.conclude(reg, version_id, status="failed", failure=_why(failed), report=report)
    else:
        if versions.conclude(reg, version_id, status="ready", checked=checked, report=report):
            _measure(reg, version_id)
        else:
            reg.pool.drop(version_id)  # somebody decided otherwise meanwhile


def _measure(reg: Registry, version_id: str) -> None:
    """Have a version that is ready measured, and held to the golden cases, in the background."""
    with reg.writing() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.status != "ready" or row.deleted_at:
            return
        if not row.schema or not row.inspection["runnable"]:
            return
        subject = f"{models.address(s, s.get_one(ModelRow, row.model_id))}@{row.number}"
        started = golden_cases.submit_in(s, SYSTEM, row, subject)
        measured = jobs.last_in(s, timings.KIND, version_id) is not None
        if reg.settings.benchmark_uploads and not measured:
            started.append(jobs.submit_in(s, SYSTEM, timings.KIND, version_id, subject))
    for job_id in started:
        jobs.start(reg, job_id)


def again(reg: Registry, actor: Actor, ref: str) -> Version:
    """Check a version once more, say after a library was installed.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit the model.
    """
    version_id, job_id = versions.recheck(reg, actor, ref)
    reg.pool.drop(version_id)
    jobs.start(reg, job_id)
    return versions.get(reg, actor, ref)


def catch_up(reg: Registry) -> int:
    """Submit checks for versions that wait for one and have no open job; returns how many."""
    with reg.reading() as s:
        waiting = s.execute(
            select(VersionRow.id)
            .where(VersionRow.status == "checking", VersionRow.deleted_at.is_(None))
            .order_by(VersionRow.created_at)
        ).scalars()
        lost = list(waiting)
    under_way = jobs.open_subjects(reg, KIND)
    submitted = 0
    for version_id in lost:
        if version_id in under_way:
            continue
        with reg.writing() as s:
            row = s.get(VersionRow, version_id)
            if row is None or row.status != "checking":
                continue
            subject = f"{models.address(s, s.get_one(ModelRow, row.model_id))}@{row.number}"
            job_id = jobs.submit_in(s, SYSTEM, KIND, version_id, subject)
        jobs.start(reg, job_id)
        submitted += 1
    return submitted


def _joined(report: Report, unsafe: UnsafeArtifact) -> Report:
    """The report with what only the load came upon: names asked for by the loaded library."""
    told = unsafe.report
    names = {named.name: named for named in report.names}
    for named in told.names:
        if named.judgement != "innocuous" or named.name not in names:
            names[named.name] = named
    found = (*report.findings, *(f for f in told.findings if f not in report.findings))
    joined = replace(report, findings=found, names=tuple(names.values()))
    if joined.verdict != "clean":
        return joined
    refused = Finding("warn", "load-refused", unsafe.message, "The loader asked for more")
    return replace(joined, findings=(*found, refused))


def _why(failed: RegistryError) -> str:
    """The reason, with the tail of what the model said (hostile text)."""
    if isinstance(failed, PredictionFailed) and failed.log:
        return f"{failed.message}\n{failed.log[-_LOG_CHARS:]}"
    return failed.message

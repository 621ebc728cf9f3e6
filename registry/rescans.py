"""The rescan job: look at stored files again with newer scanners and act on what they say."""

from __future__ import annotations

import os

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from registry import audit, cases, codec, decisions, jobs, models, scanners, trust, versions
from registry.core import Registry
from registry.errors import BrokenArtifact, Conflict, Forbidden, RegistryError
from registry.policy import permissions
from registry.records import SYSTEM, Actor, Report
from registry.sandbox.contract import ModelSpec
from registry.tables import ModelRow, VersionRow

KIND = "rescan"
ALL = "all"


def again(reg: Registry, actor: Actor, ref: str) -> str:
    """Scan one version again; gives the id of the job, which may be under way already.

    Raises:
        NotFound: No such version, or it is not for this actor to decide.
        Forbidden: The actor may see the model but not decide.
    """
    with reg.writing() as s:
        model, row = cases.rows_in(s, actor, ref)
        last = jobs.last_in(s, KIND, row.id)
        if last and last.finished_at is None:
            return last.id
        subject = _address(s, model, row)
        audit.record(s, actor, "version.rescan", subject, model_id=model.id)
        job_id = jobs.submit_in(s, actor, KIND, row.id, subject)
    jobs.start(reg, job_id)
    return job_id


def everything(reg: Registry, actor: Actor) -> str:
    """Scan every version whose report is of older scanners; gives the id of the job.

    Raises:
        Forbidden: The actor is no administrator.
        Conflict: Such a job is under way.
    """
    if "admin" not in permissions(actor):
        raise Forbidden("only an administrator can scan all versions again")
    if ALL in jobs.open_subjects(reg, KIND):
        raise Conflict("all versions are being scanned already; see Jobs")
    with reg.writing() as s:
        audit.record(s, actor, "version.rescan_all", "all versions", scanners=scanners.VERSION)
        job_id = jobs.submit_in(s, actor, KIND, ALL, "all versions")
    jobs.start(reg, job_id)
    return job_id


def outdated(reg: Registry) -> int:
    """How many versions have a report of older scanners, or none."""
    with reg.reading() as s:
        return s.execute(select(func.count(VersionRow.id)).where(*_outdated())).scalar_one()


def run(reg: Registry, subject_id: str) -> None:
    """Scan one version, or all that are outdated; taken up again, it goes on where it was.

    Raises:
        StoreError: The bytes of the one version are missing or have changed.
        BrokenArtifact: Its scan was cut off, and its last report stands.
        Conflict: Cancelled, or this process is ending.
    """
    if subject_id != ALL:
        report = _renew(reg, subject_id)
        seen = decisions.waits_for(report)[:300] if report else "it is gone"
        jobs.tell(reg, 1.0, seen or "nothing unusual")
        return
    with reg.reading() as s:
        found = select(VersionRow.id).where(*_outdated()).order_by(VersionRow.created_at)
        ids = list(s.execute(found).scalars())
    broken = 0
    for n, version_id in enumerate(ids):
        jobs.tell(reg, n / len(ids), f"{n} of {len(ids)} scanned")
        try:
            _renew(reg, version_id)
        except Conflict:
            raise
        except RegistryError:
            broken += 1
    rest = f", {broken} could not be read" if broken else ""
    jobs.tell(reg, 1.0, f"{len(ids)} scanned{rest}")


def scan(reg: Registry, spec: ModelSpec) -> Report:
    """What the scanners of today say of a stored file; a scan that is cut off refuses it.

    Raises:
        StoreError: The bytes are missing or have changed.
        Conflict: This process is ending.
    """
    try:
        return _look_twice(reg, spec)
    except BrokenArtifact as cut_off:
        return scanners.unfinished(cut_off.message)


def _renew(reg: Registry, version_id: str) -> Report | None:
    """A new report for one version, and what follows from it; None when it is gone.

    Raises:
        BrokenArtifact: The scan was cut off; a report from before, which was complete, stays.
    """
    with reg.reading() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.deleted_at:
            return None
        spec = versions.spec_in(s, reg, row)
        before = codec.load(Report, row.report) if row.report else None
    try:
        report = _look_twice(reg, spec)
    except BrokenArtifact as cut_off:
        if before and before.complete:
            why = f"the scan was cut off, so the last report stands: {cut_off.message}"
            raise BrokenArtifact(f"{why}. Scan it again when this server has less to do") from None
        report = scanners.unfinished(cut_off.message)
    with reg.writing() as s:
        row = s.get(VersionRow, version_id)
        if row is None:
            return None
        held, job_id = _act_in(s, row, report, spec.digest)
    if held:
        reg.pool.drop(version_id)
    if job_id:
        jobs.start(reg, job_id)
    return report


def _act_in(s: Session, row: VersionRow, report: Report, digest: str) -> tuple[bool, str]:
    """Keep the report; hold the version back or let it go. Whether it is held, and a check job."""
    model = s.get_one(ModelRow, row.model_id)
    before = codec.load(Report, row.report) if row.report else None
    trusted = decisions.trusted_in(s, row.id, digest) is not None
    versions.keep_report_in(row, report)
    s.flush()
    lost = decisions.trusted_in(s, row.id, digest) is None
    more = before is None or bool(report.asks - before.asks)
    if trusted and report.verdict != "clean" and (lost or more):
        trust.withdraw_in(s, SYSTEM, model, row, "a newer scan says something else of this file")
        trusted = False
    standing = decisions.standing_in(s, row.id)
    if standing and standing.decision == "refused":
        return False, ""
    if report.verdict == "clean" or (trusted and report.verdict != "refuse"):
        released = row.status == "quarantined" and report.verdict == "clean"
        return False, versions.check_in(s, SYSTEM, model, row) if released else ""
    held = decisions.waits_for(report)
    if (row.status, row.failure) != ("quarantined", held):
        versions.settle_in(s, row, "quarantined", held)
        subject = _address(s, model, row)
        audit.record(s, SYSTEM, "version.quarantine", subject, model_id=model.id, why=held[:300])
    return True, ""


def _look_twice(reg: Registry, spec: ModelSpec) -> Report:
    """A look that does not reach the end is tried once more: the host may have been busy.

    Raises:
        BrokenArtifact: It was cut off again.
    """
    for last in (False, True):
        try:
            report, failed = _look(reg, spec), None
        except BrokenArtifact as cut_off:
            report, failed = Report(complete=False), cut_off
        if jobs.stopping():  # the worker may have been cut off: no verdict
            raise Conflict("this process is ending; the scan runs again after the next start")
        if failed and last:
            raise failed
        if report.complete:
            break
    return report


def _look(reg: Registry, spec: ModelSpec) -> Report:
    fd = spec.open()
    try:
        return jobs.patiently(lambda: reg.pool.scan(fd, spec.format))
    finally:
        os.close(fd)


def _outdated() -> tuple[ColumnElement[bool], ...]:
    seen = func.coalesce(VersionRow.report["scanners"].as_string(), "")
    return (VersionRow.deleted_at.is_(None), seen != scanners.VERSION)


def _address(s: Session, model: ModelRow, row: VersionRow) -> str:
    return f"{models.address(s, model)}@{row.number}"

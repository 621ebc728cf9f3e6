"""The check job: load a new version once in the sandbox and write down what came of it."""

from __future__ import annotations

import time

from registry import jobs, models, versions
from registry.core import Registry
from registry.errors import (
    Busy,
    PredictionFailed,
    RegistryError,
    UnsafeArtifact,
    WorkerCrashed,
)
from registry.records import SYSTEM, Actor, Checked, Version
from registry.sandbox.contract import ModelSpec
from registry.tables import ModelRow, VersionRow

KIND = "check"
_BUSY_TRIES, _BUSY_WAIT_S = 60, 1.0
_LOG_CHARS = 2000


def run(reg: Registry, version_id: str) -> None:
    """Check one version; it becomes ready, or failed with the reason. Harmless when repeated.

    Raises:
        PredictionFailed: The worker was cut off because this process is ending.
    """
    with reg.reading() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.status != "checking" or row.deleted_at:
            return
        spec = versions.spec_in(s, reg, row)
    if not spec.inspection.runnable:
        versions.conclude(reg, version_id, status="ready")
        return
    try:
        checked = _check(reg, spec)
    except UnsafeArtifact as unsafe:
        versions.conclude(reg, version_id, status="quarantined", failure=unsafe.message)
    except WorkerCrashed as crashed:
        if jobs.stopping():
            raise
        versions.conclude(reg, version_id, status="failed", failure=_why(crashed))
    except RegistryError as failed:
        versions.conclude(reg, version_id, status="failed", failure=_why(failed))
    else:
        versions.conclude(reg, version_id, status="ready", checked=checked)


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
    lost = [v for v in versions.waiting(reg) if v not in jobs.open_subjects(reg, KIND)]
    submitted = 0
    for version_id in lost:
        with reg.writing() as s:
            row = s.get(VersionRow, version_id)
            if row is None or row.status != "checking":
                continue
            subject = f"{models.address(s, s.get_one(ModelRow, row.model_id))}@{row.number}"
            job_id = jobs.submit_in(s, SYSTEM, KIND, version_id, subject)
        jobs.start(reg, job_id)
        submitted += 1
    return submitted


def _check(reg: Registry, spec: ModelSpec) -> Checked:
    for _ in range(_BUSY_TRIES):
        try:
            return reg.pool.check(spec)
        except Busy:
            time.sleep(_BUSY_WAIT_S)
    return reg.pool.check(spec)


def _why(failed: RegistryError) -> str:
    """The reason, with the tail of what the model said (hostile text)."""
    if isinstance(failed, PredictionFailed) and failed.log:
        return f"{failed.message}\n{failed.log[-_LOG_CHARS:]}"
    return failed.message

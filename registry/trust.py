"""Deciding about versions that a scan held back. Owns `trusts`.

Trust is for exactly the names a file asks for in exactly these bytes, with the findings that were
read, and never for what the scan refuses. Who manages the model decides, and so does an
administrator, who sees no more of a private model than its case.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from registry import audit, cases, codec, decisions, jobs, models, versions
from registry.core import Registry
from registry.errors import Conflict, InvalidInput
from registry.records import Actor, Case, Decision, DecisionKind, Report
from registry.tables import ModelRow, TrustRow, VersionRow

MAX_REASON = 1000


def trust(reg: Registry, actor: Actor, ref: str, read: Report, reason: str) -> Case:
    """Let a quarantined version be loaded with exactly the unusual names of its report.

    Args:
        read: The report that the person has read and trusts: it asks for what the one of now asks
            for, no more, no less.

    Raises:
        InvalidInput: The report says something else by now, or no reason.
        Conflict: It is not quarantined, or the scan refuses it.
        NotFound: No such version, or it is not for this actor to decide.
        Forbidden: The actor may see the model but not decide.
    """
    with reg.writing() as s:
        model, row = cases.rows_in(s, actor, ref)
        report = _report(row)
        if row.status != "quarantined":
            raise Conflict(f"it is {row.status}, not quarantined: there is nothing to trust")
        if report.verdict == "refuse":
            raise Conflict("the scan refuses this file: that is never overruled")
        problems = _problems(reason)
        if read.asks != report.asks:
            problems["report"] = "the scan says something else by now: read it and decide again"
        if problems:
            raise InvalidInput(problems)
        _decide_in(s, actor, model, row, "trusted", reason)
        job_id = versions.check_in(s, actor, model, row)
        s.flush()
        case = cases.case_in(s, actor, model, row)
    jobs.start(reg, job_id)
    return case


def refuse(reg: Registry, actor: Actor, ref: str, reason: str) -> Case:
    """Decide that a quarantined version never predicts; `withdraw` takes it back.

    Raises:
        InvalidInput: No reason.
        Conflict: It is not quarantined.
        NotFound: No such version, or it is not for this actor to decide.
        Forbidden: The actor may see the model but not decide.
    """
    with reg.writing() as s:
        model, row = cases.rows_in(s, actor, ref)
        if row.status != "quarantined":
            raise Conflict(f"it is {row.status}, not quarantined: there is nothing to refuse")
        if problems := _problems(reason):
            raise InvalidInput(problems)
        decision = _decide_in(s, actor, model, row, "refused", reason)
        versions.settle_in(s, row, "failed", decisions.refusal(decision))
        s.flush()
        case = cases.case_in(s, actor, model, row)
    reg.pool.drop(case.version_id)
    return case


def withdraw(reg: Registry, actor: Actor, ref: str, reason: str) -> Case:
    """Take the standing decision back: the version waits in quarantine again, or, when a newer
    scan finds nothing unusual any more, is checked.

    Raises:
        InvalidInput: No reason.
        Conflict: No decision stands.
        NotFound: No such version, or it is not for this actor to decide.
        Forbidden: The actor may see the model but not decide.
    """
    with reg.writing() as s:
        model, row = cases.rows_in(s, actor, ref)
        if decisions.standing_in(s, row.id) is None:
            raise Conflict("no decision stands that could be withdrawn")
        if problems := _problems(reason):
            raise InvalidInput(problems)
        clean = _report(row).verdict == "clean"
        withdraw_in(s, actor, model, row, reason)
        job_id = versions.check_in(s, actor, model, row) if clean else ""
        s.flush()
        case = cases.case_in(s, actor, model, row)
    reg.pool.drop(case.version_id)
    if job_id:
        jobs.start(reg, job_id)
    return case


def withdraw_in(s: Session, actor: Actor, model: ModelRow, row: VersionRow, reason: str) -> None:
    """Take the standing decision back inside the caller's transaction."""
    _decide_in(s, actor, model, row, "withdrawn", reason)
    versions.settle_in(s, row, "quarantined", decisions.waits_for(_report(row)))


def _report(row: VersionRow) -> Report:
    return codec.load(Report, row.report) if row.report else Report()


def _problems(reason: str) -> dict[str, str]:
    if not reason.strip():
        return {"reason": "say why, for those who ask in a year"}
    if len(reason) > MAX_REASON:
        return {"reason": f"is longer than {MAX_REASON:,} characters"}
    return {}


def _decide_in(
    s: Session,
    actor: Actor,
    model: ModelRow,
    row: VersionRow,
    decision: DecisionKind,
    reason: str,
) -> Decision:
    """Write the decision down, with its audit line."""
    digest = cases.digest_in(s, row)
    report = _report(row)
    names, findings = list(report.unusual), sorted(map(list, report.raised))
    made = TrustRow(
        version_id=row.id,
        digest=digest,
        names=names,
        findings=findings,
        decision=decision,
        by=actor.username,
        reason=reason.strip(),
    )
    s.add(made)
    s.flush()
    subject = f"{models.address(s, model)}@{row.number}"
    audit.record(
        s,
        actor,
        _AUDITED[decision],
        subject,
        model_id=model.id,
        digest=digest,
        names=names[:100],
        n_names=len(names),
        findings=[what for _, _, what in findings[:100]],
        reason=reason.strip(),
    )
    return Decision(decision, tuple(names), digest, actor.username, made.reason, made.at)


_AUDITED: dict[DecisionKind, str] = {
    "trusted": "version.trust",
    "refused": "version.refuse",
    "withdrawn": "version.withdraw",
}

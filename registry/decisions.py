"""What was decided about files that a scan held back: readings only, `trust` decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from registry import codec
from registry.records import Decision, DecisionKind, Report
from registry.tables import TrustRow, VersionRow

_MAX_NAMES = 3


def of_versions(s: Session, version_ids: Sequence[str]) -> dict[str, tuple[Decision, ...]]:
    """Version id to its decisions, newest first."""
    rows = s.execute(
        select(TrustRow).where(TrustRow.version_id.in_(version_ids)).order_by(TrustRow.id.desc())
    ).scalars()
    found: dict[str, tuple[Decision, ...]] = {}
    for row in rows:
        found[row.version_id] = (*found.get(row.version_id, ()), _record(row))
    return found


def standing_in(s: Session, version_id: str) -> Decision | None:
    """The newest decision about a version, unless it was withdrawn."""
    found = s.execute(_NEWEST, {"version_id": version_id}).one_or_none()
    return _record(found[0]) if found and found[0].decision != "withdrawn" else None


def trusted_in(s: Session, version_id: str, digest: str) -> tuple[str, ...] | None:
    """The names that somebody trusts in a version; None when nobody trusts it as it is now.

    Trust holds for exactly these bytes and exactly the names that their report asks for, for no
    finding that was not there to be read, and never for what the scan refuses.
    """
    newest, seen = s.execute(_NEWEST, {"version_id": version_id}).one_or_none() or (None, None)
    if newest is None or newest.decision != "trusted" or newest.digest != digest or not seen:
        return None
    report = codec.load(Report, seen)
    same = set(newest.names) == set(report.unusual)
    if newest.findings is not None:  # decisions of before 0003 did not keep what was read
        same = same and report.raised <= {tuple(seen) for seen in newest.findings}
    return tuple(newest.names) if same and report.verdict != "refuse" else None


def waits_for(report: Report) -> str:
    """What a version with this report waits for and whose word it takes; "" when it is clean."""
    if report.verdict == "clean":
        return ""
    seen = report.worst.what if report.worst else "the scan did not finish"
    if report.verdict == "refuse":
        return f"the scan refuses this file: {seen}. Nobody can trust it; upload another one"
    names = ", ".join(report.unusual[:_MAX_NAMES])
    rest = len(report.unusual) - _MAX_NAMES
    asks = f" ({names}{f' and {rest} more' if rest > 0 else ''})" if names else ""
    return (
        f"it waits in quarantine: {seen}{asks}. Whoever manages the model, or an administrator, "
        "decides whether it may be loaded"
    )


def refusal(decision: Decision) -> str:
    """What is said of a version that a person refused."""
    return f"{decision.by} refused it: {decision.reason}"


_NEWEST = (
    select(TrustRow, VersionRow.report)
    .join(VersionRow, VersionRow.id == TrustRow.version_id)
    .where(TrustRow.version_id == bindparam("version_id"))
    .order_by(TrustRow.id.desc())
    .limit(1)
)


def _record(row: TrustRow) -> Decision:
    return Decision(
        decision=cast("DecisionKind", row.decision),
        names=tuple(row.names),
        digest=row.digest,
        by=row.by,
        reason=row.reason,
        at=row.at,
    )

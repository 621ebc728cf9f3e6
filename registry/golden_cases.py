"""Inputs with expected answers, and what versions answered. Owns `golden_cases`, `golden_runs`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from registry import audit, jobs, models, versions
from registry.core import Registry
from registry.errors import Conflict, InvalidInput, NotFound
from registry.records import CHAMPION, Actor, GoldenCase, GoldenRun
from registry.tables import (
    AliasRow,
    GoldenCaseRow,
    GoldenRunRow,
    ModelRow,
    UserRow,
    VersionRow,
    new_id,
    now,
)

KIND = "golden"
"""Of the jobs that put the cases to a version."""
MOST_CASES, MOST_BYTES = 100, 1 << 20
_MOST_MESSAGE = 2000


def add(
    reg: Registry,
    actor: Actor,
    model: str,
    name: str,
    inputs: dict[str, Any],
    expected: dict[str, Any],
    tolerance: float = 1e-6,
) -> GoldenCase:
    """Save an input with its expected answer; champion, production and newest version are asked it.

    Args:
        inputs: One row (column to value), or tensor name to nested list.
        expected: Output name to the value of that row; outputs left out are not compared.
        tolerance: Largest relative difference of numbers.

    Raises:
        InvalidInput: A value does not fit.
        Conflict: The model has a case of that name, or too many.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not edit the model.
    """
    with reg.writing() as s:
        row = models.for_action(s, actor, "golden.edit", model)
        case = GoldenCaseRow(id=new_id(), model_id=row.id, created_by_id=actor.id, created_at=now())
        _write(s, case, name=name, inputs=inputs, expected=expected, tolerance=tolerance)
        count = select(func.count()).where(GoldenCaseRow.model_id == row.id)
        if s.execute(count).scalar_one() >= MOST_CASES:
            raise Conflict(f"a model has at most {MOST_CASES} golden cases: remove one first")
        s.add(case)
        s.flush()
        audit.record(
            s, actor, "golden.add", models.address(s, row), model_id=row.id, name=case.name
        )
        started = _ask_again_in(s, actor, row)
        found = _record(case, actor.username)
    for job_id in started:
        jobs.start(reg, job_id)
    return found


def edit(
    reg: Registry,
    actor: Actor,
    model: str,
    case_id: str,
    *,
    name: str | None = None,
    inputs: dict[str, Any] | None = None,
    expected: dict[str, Any] | None = None,
    tolerance: float | None = None,
) -> GoldenCase:
    """Change a case; None leaves a part alone. What versions answered before is forgotten.

    Raises:
        InvalidInput: A value does not fit.
        Conflict: The model has another case of that name.
        NotFound: No such model or case, or the actor may not see it.
        Forbidden: The actor may not edit the model.
    """
    with reg.writing() as s:
        row = models.for_action(s, actor, "golden.edit", model)
        case = _case(s, row, case_id)
        _write(s, case, name=name, inputs=inputs, expected=expected, tolerance=tolerance)
        s.execute(delete(GoldenRunRow).where(GoldenRunRow.case_id == case.id))
        s.flush()
        audit.record(
            s, actor, "golden.edit", models.address(s, row), model_id=row.id, name=case.name
        )
        started = _ask_again_in(s, actor, row)
        found = _records(s, [case])[0]
    for job_id in started:
        jobs.start(reg, job_id)
    return found


def remove(reg: Registry, actor: Actor, model: str, case_id: str) -> None:
    """Remove a case with what versions answered to it.

    Raises:
        NotFound: No such model or case, or the actor may not see it.
        Forbidden: The actor may not edit the model.
    """
    with reg.writing() as s:
        row = models.for_action(s, actor, "golden.edit", model)
        case = _case(s, row, case_id)
        audit.record(
            s, actor, "golden.remove", models.address(s, row), model_id=row.id, name=case.name
        )
        s.delete(case)


def find(reg: Registry, actor: Actor, model: str) -> list[GoldenCase]:
    """The golden cases of a model, by name.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        return of_model(s, row.id)


def runs(reg: Registry, actor: Actor, ref: str) -> list[GoldenRun]:
    """What a version answered last to each case it was asked.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        _, version = versions.for_action(s, actor, "model.read", ref)
        return runs_in(s, version.id)


def tally(reg: Registry, actor: Actor, model: str) -> dict[str, tuple[int, int, int]]:
    """Version id to how many cases it passed, how many it failed, and how many there are.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        n_cases = len(of_model(s, row.id))
        counted = s.execute(
            select(GoldenRunRow.version_id, GoldenRunRow.passed, func.count())
            .join(GoldenCaseRow, GoldenCaseRow.id == GoldenRunRow.case_id)
            .where(GoldenCaseRow.model_id == row.id)
            .group_by(GoldenRunRow.version_id, GoldenRunRow.passed)
        )
        found: dict[str, tuple[int, int, int]] = {}
        for version_id, passed, n in counted:
            green, red, _ = found.get(version_id, (0, 0, 0))
            found[version_id] = (n, red, n_cases) if passed else (green, n, n_cases)
        return found


def of_model(s: Session, model_id: str) -> list[GoldenCase]:
    """The cases of a model, by name."""
    rows = s.execute(
        select(GoldenCaseRow).where(GoldenCaseRow.model_id == model_id).order_by(GoldenCaseRow.name)
    ).scalars()
    return _records(s, list(rows))


def runs_in(s: Session, version_id: str) -> list[GoldenRun]:
    """What a version answered last to each case it was asked."""
    rows = s.execute(select(GoldenRunRow).where(GoldenRunRow.version_id == version_id)).scalars()
    return [
        GoldenRun(row.case_id, row.version_id, row.passed, row.answer, row.message, row.at)
        for row in rows
    ]


def record_run_in(s: Session, run: GoldenRun) -> None:
    """Keep what a version answered, unless case or version are gone by now."""
    if s.get(GoldenCaseRow, run.case_id) is None or s.get(VersionRow, run.version_id) is None:
        return
    s.merge(
        GoldenRunRow(
            case_id=run.case_id,
            version_id=run.version_id,
            passed=run.passed,
            answer=run.answer,
            message=run.message[:_MOST_MESSAGE],
            at=run.at,
        )
    )


def submit_in(s: Session, actor: Actor, version: VersionRow, subject: str) -> list[str]:
    """Record the job that asks a version all cases, if there are any; its id, to be started."""
    some = select(GoldenCaseRow.id).where(GoldenCaseRow.model_id == version.model_id).limit(1)
    if s.execute(some).first() is None:
        return []
    before = jobs.last_in(s, KIND, version.id)
    if before is not None and before.state == "queued":
        return [before.id]  # it has not read the cases yet
    return [jobs.submit_in(s, actor, KIND, version.id, subject)]


def _ask_again_in(s: Session, actor: Actor, model: ModelRow) -> list[str]:
    """Jobs for the versions that matter now: champion, production and the newest that predicts."""
    ready = (
        VersionRow.model_id == model.id,
        VersionRow.status == "ready",
        VersionRow.deleted_at.is_(None),
        VersionRow.schema.is_not(None),
    )
    newest = select(VersionRow).where(*ready).order_by(VersionRow.number.desc()).limit(1)
    named = (
        select(VersionRow)
        .join(AliasRow, AliasRow.version_id == VersionRow.id)
        .where(*ready, AliasRow.name.in_((CHAMPION, "production")))
    )
    rows = {r.id: r for q in (newest, named) for r in s.execute(q).scalars()}
    address = models.address(s, model)
    return [
        job_id
        for row in rows.values()
        if row.schema and row.inspection["runnable"]
        for job_id in submit_in(s, actor, row, f"{address}@{row.number}")
    ]


def _case(s: Session, model: ModelRow, case_id: str) -> GoldenCaseRow:
    case = s.get(GoldenCaseRow, case_id)
    if case is None or case.model_id != model.id:
        raise NotFound("there is no such golden case")
    return case


def _write(
    s: Session,
    case: GoldenCaseRow,
    *,
    name: str | None,
    inputs: dict[str, Any] | None,
    expected: dict[str, Any] | None,
    tolerance: float | None,
) -> None:
    """Check what is given and set it.

    Raises:
        InvalidInput: A value does not fit.
        Conflict: Another case of the model has that name.
    """
    problems: dict[str, str] = {}
    if name is not None:
        name = " ".join(name.split())
        if not 1 <= len(name) <= 100:
            problems["name"] = "needs 1 to 100 characters"
    for what, given in (("inputs", inputs), ("expected", expected)):
        if given is not None and (why := _unfit(given)):
            problems[what] = why
    if tolerance is not None and not (math.isfinite(tolerance) and 0 <= tolerance <= 1):
        problems["tolerance"] = "must be a number from 0 to 1"
    if problems:
        raise InvalidInput(problems)
    if name is not None:
        taken = select(GoldenCaseRow.id).where(
            GoldenCaseRow.model_id == case.model_id,
            GoldenCaseRow.name == name,
            GoldenCaseRow.id != case.id,
        )
        if s.execute(taken).first():
            raise Conflict(f"this model has a golden case {name!r} already: choose another name")
        case.name = name
    case.inputs = case.inputs if inputs is None else inputs
    case.expected = case.expected if expected is None else expected
    case.tolerance = case.tolerance if tolerance is None else float(tolerance)


def _unfit(given: dict[str, Any]) -> str:
    """Why this cannot be kept, "" when it can: finite numbers, text, lists; not too large."""
    if not isinstance(given, dict) or not given:
        return "must be an object with at least one entry"
    try:
        said = json.dumps(given, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return "must be text, finite numbers, true, false, null, or lists of these"
    if len(said) > MOST_BYTES:
        return f"at most {MOST_BYTES >> 20} MiB as JSON, got {len(said):,} bytes"
    return ""


def _records(s: Session, rows: Iterable[GoldenCaseRow]) -> list[GoldenCase]:
    rows = list(rows)
    ids = {row.created_by_id for row in rows} - {None}
    names = dict(s.execute(select(UserRow.id, UserRow.username).where(UserRow.id.in_(ids))).all())
    return [_record(row, names.get(row.created_by_id or "", "former user")) for row in rows]


def _record(row: GoldenCaseRow, username: str) -> GoldenCase:
    return GoldenCase(
        id=row.id,
        name=row.name,
        inputs=row.inputs,
        expected=row.expected,
        tolerance=row.tolerance,
        created_by=username,
        created_at=row.created_at,
    )

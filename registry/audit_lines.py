"""Reading the audit: filtered, in pages, and as a file. No table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Literal

from sqlalchemy import ColumnElement, func, select

from registry import activity
from registry.core import Registry
from registry.errors import InvalidInput
from registry.formats.text import guarded
from registry.records import Actor, AuditFilter, AuditLine, Page
from registry.tables import AuditRow

Kind = Literal["csv", "jsonl"]
KINDS: tuple[Kind, ...] = ("csv", "jsonl")
MOST_EXPORTED, _BLOCK = 100_000, 1000
_READ = (
    *(AuditRow.id, AuditRow.at, AuditRow.actor_id, AuditRow.actor),
    *(AuditRow.action, AuditRow.subject, AuditRow.detail, AuditRow.model_id),
)
_AS_A_LINE = json.JSONEncoder(ensure_ascii=False).encode  # made once, not for every line
_IN_A_CELL = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_COLUMNS = ("id", "at", "actor", "action", "subject", "detail")


def find(
    reg: Registry, actor: Actor, wanted: AuditFilter, *, page: int = 1, size: int = 50
) -> Page[AuditLine]:
    """Lines that fit, newest first: all for administrators, else those of `activity.find`."""
    where = _where(actor, wanted)
    with reg.reading() as s:
        total = s.execute(select(func.count()).select_from(AuditRow).where(*where)).scalar_one()
        rows = s.execute(
            select(AuditRow)
            .where(*where)
            .order_by(AuditRow.id.desc())
            .limit(size)
            .offset((page - 1) * size)
        ).scalars()
        managed = activity.managed_in(s, actor)
        items = tuple(activity.record(actor, row, managed) for row in rows)
        return Page(items, total, page, size)


def actions(reg: Registry, actor: Actor) -> tuple[str, ...]:
    """The actions of the lines that the actor may read, by name."""
    seen = select(AuditRow.action).where(*_where(actor, AuditFilter())).distinct()
    with reg.reading() as s:
        return tuple(sorted(s.execute(seen).scalars()))


def export(reg: Registry, actor: Actor, wanted: AuditFilter, kind: Kind) -> bytes:
    """The newest lines that fit, at most `MOST_EXPORTED`, oldest first.

    Args:
        kind: "csv", in which no cell is a formula, or "jsonl": one JSON object a line.

    Raises:
        InvalidInput: There is no such kind.
    """
    if kind not in KINDS:
        raise InvalidInput({"kind": f"must be one of {', '.join(KINDS)}"})
    make = _as_csv if kind == "csv" else _as_json
    where = _where(actor, wanted)
    newest = select(AuditRow.id).where(*where).order_by(AuditRow.id.desc()).limit(MOST_EXPORTED)
    with reg.reading() as s:
        managed = activity.managed_in(s, actor)
        first = s.scalar(select(func.min(newest.subquery().c.id))) or 0
        # on the connection, since rows of the mapping would take three times as long
        rows = s.connection().execute(
            select(*_READ).where(*where, AuditRow.id >= first).order_by(AuditRow.id)
            .execution_options(yield_per=_BLOCK)
        )  # fmt: skip
        return make(activity.record(actor, row, managed) for row in rows).encode()


def _where(actor: Actor, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if not activity.sees_all(actor):
        where.append(activity.seen_by(actor))
    if wanted.who:
        where.append(AuditRow.actor == wanted.who.strip().casefold())
    if wanted.action.endswith("."):
        where.append(AuditRow.action.startswith(wanted.action, autoescape=True))
    elif wanted.action:
        where.append(AuditRow.action == wanted.action)
    if text := wanted.text.strip():
        where.append(AuditRow.subject.icontains(text, autoescape=True))
    if wanted.since:
        where.append(AuditRow.at >= wanted.since)
    if wanted.until:
        where.append(AuditRow.at < wanted.until)
    return where


def _as_csv(lines: Iterable[AuditLine]) -> str:
    """What people and models are called is guarded; a number and a time are no formulas."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for line in lines:
        detail = _IN_A_CELL(line.detail) if line.detail else ""
        said = (line.actor, line.action, line.subject, detail)
        writer.writerow((line.id, _at(line), *map(guarded, said)))
    return out.getvalue()


def _as_json(lines: Iterable[AuditLine]) -> str:
    return "".join(
        _AS_A_LINE({
            "id": line.id, "at": _at(line), "actor": line.actor, "action": line.action,
            "subject": line.subject, "detail": line.detail,
        }) + "\n" for line in lines
    )  # fmt: skip


def _at(line: AuditLine) -> str:
    return line.at.isoformat(timespec="microseconds")

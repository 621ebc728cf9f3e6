"""Reading the audit: filtered, in pages, and as a file. No table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
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
MOST_EXPORTED = 100_000
_READ = (
    *(AuditRow.id, AuditRow.at, AuditRow.actor_id, AuditRow.actor),
    *(AuditRow.action, AuditRow.subject, AuditRow.detail),
)
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
        return Page(tuple(activity.record(actor, row) for row in rows), total, page, size)


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
    newest = (
        select(*_READ)  # rows of the mapping would take three times as long
        .where(*_where(actor, wanted))
        .order_by(AuditRow.id.desc())
        .limit(MOST_EXPORTED)
    )
    with reg.reading() as s:
        lines = [activity.record(actor, row) for row in s.execute(newest)]
    lines.reverse()
    return (_as_csv(lines) if kind == "csv" else _as_json(lines)).encode()


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


def _rows(lines: list[AuditLine]) -> Iterator[tuple[int | str, ...]]:
    for line in lines:
        detail = json.dumps(line.detail, ensure_ascii=False, sort_keys=True) if line.detail else ""
        at = line.at.isoformat(timespec="microseconds")
        yield line.id, at, line.actor, line.action, line.subject, detail


def _as_csv(lines: list[AuditLine]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows([guarded(cell) for cell in row] for row in _rows(lines))
    return out.getvalue()


def _as_json(lines: list[AuditLine]) -> str:
    whole = ({**dict(zip(_COLUMNS, row, strict=True)), "detail": line.detail}
             for line, row in zip(lines, _rows(lines), strict=True))  # fmt: skip
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in whole)

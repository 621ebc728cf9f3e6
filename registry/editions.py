"""Rows of versions into records, a whole list at once: no query per version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import artifacts, codec, decisions, lineage, metrics, models
from registry.records import (
    Actor,
    Finding,
    Inspection,
    Lifecycle,
    Report,
    Schema,
    Status,
    Version,
)
from registry.tables import AliasRow, ModelRow, UserRow, VersionRow

_NAMING = ("duplicate", "similar-name")
"""Rules of findings that name other models: those that whoever uploaded the file may see."""


def as_versions(
    s: Session, actor: Actor, model: ModelRow, rows: Sequence[VersionRow]
) -> list[Version]:
    """Records of the rows of one model; other models only as far as the actor may see them."""
    ids = [row.id for row in rows]
    owner, _, slug = models.address(s, model).partition("/")
    users = {row.created_by_id for row in rows}
    names = dict(
        s.execute(select(UserRow.id, UserRow.username).where(UserRow.id.in_(users - {None}))).all()
    )
    aliases = _aliases(s, ids)
    files = artifacts.of_versions(s, ids)
    numbers = metrics.of_versions(s, ids)
    parents = lineage.of_versions(s, actor, ids)
    decided = decisions.of_versions(s, ids)
    reports = _reports(s, ids)
    return [
        Version(
            id=row.id,
            model_id=row.model_id,
            owner=owner,
            slug=slug,
            number=row.number,
            label=row.label or "",
            status=cast("Status", row.status),
            lifecycle=cast("Lifecycle", row.lifecycle),
            created_by=names.get(row.created_by_id or "", "former user"),
            created_at=row.created_at,
            inspection=_inspection(actor, row),
            schema=codec.load(Schema, row.schema) if row.schema else None,
            notes=row.notes,
            failure=row.failure,
            findings=_told(actor, row, (Finding(**finding) for finding in row.findings)),
            report=reports.get(row.id),
            decisions=decided.get(row.id, ()),
            parameters=row.parameters,
            training=row.training,
            links=row.links,
            metrics=numbers.get(row.id, ()),
            aliases=tuple(aliases[row.id]),
            artifacts=files.get(row.id, ()),
            parents=parents.get(row.id, ()),
            deleted_at=row.deleted_at,
        )
        for row in rows
    ]


def _inspection(actor: Actor, row: VersionRow) -> Inspection:
    found = codec.load(Inspection, row.inspection)
    return replace(found, findings=_told(actor, row, found.findings))


def _told(actor: Actor, row: VersionRow, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings as this actor may read them: others may not see what the uploader may see."""
    own = row.created_by_id == actor.id
    return tuple(one for one in findings if own or one.rule not in _NAMING)


def _aliases(s: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    aliases: dict[str, list[str]] = defaultdict(list)
    for version_id, name in s.execute(
        select(AliasRow.version_id, AliasRow.name)
        .where(AliasRow.version_id.in_(ids))
        .order_by(AliasRow.name)
    ):
        aliases[version_id].append(name)
    return aliases


def _reports(s: Session, ids: Sequence[str]) -> dict[str, Report]:
    """The column is deferred: one query here, none on the way to a prediction."""
    found = s.execute(select(VersionRow.id, VersionRow.report).where(VersionRow.id.in_(ids)))
    return {version_id: codec.load(Report, data) for version_id, data in found if data}

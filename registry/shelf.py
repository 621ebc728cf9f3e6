"""Rows of models into records, a whole list at once: no query per model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.records import Level, Model, Status
from registry.tables import (
    AliasRow,
    MetricRow,
    ModelRow,
    RatingRow,
    TagRow,
    UserRow,
    VersionRow,
)

_HISTORY = 20


def as_models(
    s: Session, rows: Sequence[tuple[ModelRow, Level]], *, card: bool = False
) -> list[Model]:
    """Records of the rows, each with the level the actor has on it."""
    ids = [row.id for row, _ in rows]
    owners = dict(
        s.execute(
            select(UserRow.id, UserRow.username).where(
                UserRow.id.in_({row.owner_id for row, _ in rows})
            )
        ).all()
    )
    tags, aliases = _tags(s, ids), _aliases(s, ids)
    latest = _latest(s, ids)
    history, ratings = _history(s, ids), _ratings(s, ids)
    return [
        Model(
            id=row.id,
            owner=owners[row.owner_id],
            slug=row.slug,
            name=row.name,
            description=row.description,
            task=row.task,
            license=row.license,
            visibility=cast("Any", row.visibility),
            created_at=row.created_at,
            updated_at=row.updated_at,
            level=level,
            card=row.card if card else "",
            primary_metric=row.primary_metric,
            tags=tuple(tags[row.id]),
            aliases=aliases[row.id],
            n_versions=row.n_versions,
            framework=row.head_framework,
            format=row.head_format,
            status=cast("Status | None", row.head_status or None),
            head=row.head_number,
            latest=latest.get(row.id),
            metric=history[row.id].get(row.head_number or 0),
            metric_history=tuple(history[row.id].values())[-_HISTORY:],
            rating=ratings.get(row.id, (None, 0))[0],
            n_ratings=ratings.get(row.id, (None, 0))[1],
            deleted_at=row.deleted_at,
        )
        for row, level in rows
    ]


def _tags(s: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = defaultdict(list)
    for model_id, tag in s.execute(
        select(TagRow.model_id, TagRow.tag).where(TagRow.model_id.in_(ids)).order_by(TagRow.tag)
    ):
        tags[model_id].append(tag)
    return tags


def _aliases(s: Session, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    aliases: dict[str, dict[str, int]] = defaultdict(dict)
    for model_id, name, number in s.execute(
        select(AliasRow.model_id, AliasRow.name, VersionRow.number)
        .join(VersionRow, VersionRow.id == AliasRow.version_id)
        .where(AliasRow.model_id.in_(ids))
        .order_by(AliasRow.name)
    ):
        aliases[model_id][name] = number
    return aliases


def _latest(s: Session, ids: Sequence[str]) -> dict[str, int]:
    return dict(
        s.execute(
            select(VersionRow.model_id, func.max(VersionRow.number))
            .where(
                VersionRow.model_id.in_(ids),
                VersionRow.deleted_at.is_(None),
                VersionRow.status == "ready",
            )
            .group_by(VersionRow.model_id)
        ).all()
    )


def _history(s: Session, ids: Sequence[str]) -> dict[str, dict[int, float]]:
    """Model id to the primary metric by version number, oldest first."""
    rows = s.execute(
        select(VersionRow.model_id, VersionRow.number, MetricRow.value)
        .join(MetricRow, MetricRow.version_id == VersionRow.id)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .where(
            VersionRow.model_id.in_(ids),
            VersionRow.deleted_at.is_(None),
            MetricRow.name == ModelRow.primary_metric,
        )
        .order_by(VersionRow.number, MetricRow.dataset.desc())
    )
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for model_id, number, value in rows:
        found[model_id][number] = value
    return found


def _ratings(s: Session, ids: Sequence[str]) -> dict[str, tuple[float, int]]:
    """Model id to the average and the number of votes; an owner's vote does not count."""
    rows = s.execute(
        select(RatingRow.model_id, func.avg(RatingRow.stars), func.count())
        .join(ModelRow, ModelRow.id == RatingRow.model_id)
        .where(RatingRow.model_id.in_(ids), RatingRow.user_id != ModelRow.owner_id)
        .group_by(RatingRow.model_id)
    )
    return {model_id: (float(average), count) for model_id, average, count in rows}

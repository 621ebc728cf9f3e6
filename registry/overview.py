"""The home page's numbers and what needs attention; only what the actor may see."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import func, or_, select

from registry import models
from registry.core import Registry
from registry.editions import as_versions
from registry.records import Actor, Totals, Version
from registry.tables import (
    AliasRow,
    ArtifactRow,
    GoldenRunRow,
    ModelRow,
    PredictionRow,
    VersionRow,
    now,
)


def totals(reg: Registry, actor: Actor, days: int = 14) -> Totals:
    """Counts over the models the actor may see; predictions are the actor's own, by UTC day."""
    seen = select(ModelRow.id).where(models.visible_to(actor))
    alive = [VersionRow.model_id.in_(seen), VersionRow.deleted_at.is_(None)]
    start = datetime.combine(now().date() - timedelta(days=days - 1), time(), UTC)
    with reg.reading() as s:
        per_day: dict[object, int] = defaultdict(int)
        for (at,) in s.execute(
            select(PredictionRow.at).where(
                PredictionRow.user_id == actor.id, PredictionRow.at >= start
            )
        ):
            per_day[at.date()] += 1
        by_day = tuple(per_day[(start + timedelta(days=n)).date()] for n in range(days))
        unique = select(ArtifactRow.digest, ArtifactRow.size_bytes).distinct()
        stored = unique.join(VersionRow, VersionRow.id == ArtifactRow.version_id).where(*alive)
        return Totals(
            models=s.execute(select(func.count()).select_from(seen.subquery())).scalar_one(),
            versions_ready=s.execute(
                select(func.count())
                .select_from(VersionRow)
                .where(*alive, VersionRow.status == "ready")
            ).scalar_one(),
            storage_bytes=s.execute(
                select(func.coalesce(func.sum(stored.subquery().c.size_bytes), 0))
            ).scalar_one(),
            predictions_today=by_day[-1],
            predictions_by_day=by_day,
        )


def attention(reg: Registry, actor: Actor, limit: int = 10) -> list[tuple[Version, str]]:
    """Versions that need somebody, with what is wrong, newest first.

    Failed and quarantined ones that the actor may see; of the actor's own models also those in use
    (an alias names it, or it speaks for the model) with a golden case that failed.
    """
    red = (
        select(VersionRow, ModelRow, func.count(GoldenRunRow.case_id.distinct()))
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .join(GoldenRunRow, GoldenRunRow.version_id == VersionRow.id)
        .outerjoin(AliasRow, AliasRow.version_id == VersionRow.id)
        .where(
            ModelRow.owner_id == actor.id,
            ModelRow.deleted_at.is_(None),
            VersionRow.deleted_at.is_(None),
            VersionRow.status == "ready",
            GoldenRunRow.passed.is_(False),
            or_(AliasRow.name.is_not(None), VersionRow.number == ModelRow.head_number),
        )
        .group_by(VersionRow.id, ModelRow.id)
    )
    with reg.reading() as s:
        broken = s.execute(
            select(VersionRow, ModelRow)
            .join(ModelRow, ModelRow.id == VersionRow.model_id)
            .where(
                models.visible_to(actor),
                VersionRow.deleted_at.is_(None),
                VersionRow.status.in_(("failed", "quarantined")),
            )
            .order_by(VersionRow.created_at.desc())
            .limit(limit)
        )
        found = [(version, model, version.failure or "") for version, model in broken]
        for version, model, n in s.execute(red.order_by(VersionRow.created_at.desc()).limit(limit)):
            found.append((version, model, f"{n} golden case{'s' if n > 1 else ''} failed"))
        found.sort(key=lambda one: one[0].created_at, reverse=True)
        return [(as_versions(s, actor, model, [version])[0], why) for version, model, why in found][
            :limit
        ]

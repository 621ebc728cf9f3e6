"""The home page's numbers and what needs attention; only what the actor may see."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import func, select

from registry import models
from registry.core import Registry
from registry.editions import as_versions
from registry.records import Actor, Totals, Version
from registry.tables import ArtifactRow, ModelRow, PredictionRow, VersionRow, now


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


def attention(reg: Registry, actor: Actor, limit: int = 10) -> list[Version]:
    """Failed and quarantined versions of models the actor may see, newest first."""
    with reg.reading() as s:
        rows = s.execute(
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
        return [as_versions(s, actor, model, [version])[0] for version, model in rows]

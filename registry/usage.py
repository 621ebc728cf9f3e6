"""How much models are used: predictions and downloads by day and by version. Owns no table."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, String, bindparam, func, select
from sqlalchemy.orm import Session

from registry import models
from registry.core import Registry
from registry.records import Actor, Usage, VersionUse
from registry.tables import ArtifactRow, DownloadRow, PredictionRow, UtcDateTime, VersionRow, now

_OF_MODEL = bindparam("model_id", type_=String)
_SINCE = bindparam("start", type_=UtcDateTime)
_ASKED = (
    select(func.date(PredictionRow.at), VersionRow.number, func.count())
    .join(VersionRow, VersionRow.id == PredictionRow.version_id)
    .where(PredictionRow.model_id == _OF_MODEL, PredictionRow.at >= _SINCE)
    .group_by(func.date(PredictionRow.at), VersionRow.number)
)
_DOWN = (
    select(func.date(DownloadRow.at), VersionRow.number, func.count(DownloadRow.trip.distinct()))
    .join(ArtifactRow, ArtifactRow.id == DownloadRow.artifact_id)
    .join(VersionRow, VersionRow.id == ArtifactRow.version_id)
    .where(VersionRow.model_id == _OF_MODEL, DownloadRow.at >= _SINCE)
    .group_by(func.date(DownloadRow.at), VersionRow.number)
)


def of_model(reg: Registry, actor: Actor, model: str, n_days: int = 30) -> Usage:
    """Predictions and downloads of a model in the last days, by whomever.

    Several files that left in one zip are one download.

    Args:
        n_days: How many UTC days, today included.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    today = now().date()
    days = tuple(today - timedelta(days=n) for n in reversed(range(n_days)))
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        asked, down = (_counted(s, row.id, days[0], query) for query in (_ASKED, _DOWN))
        known = s.execute(
            select(VersionRow.number, func.max(DownloadRow.at))
            .outerjoin(ArtifactRow, ArtifactRow.version_id == VersionRow.id)
            .outerjoin(DownloadRow, DownloadRow.artifact_id == ArtifactRow.id)
            .where(VersionRow.model_id == row.id, VersionRow.deleted_at.is_(None))
            .group_by(VersionRow.number)
            .order_by(VersionRow.number.desc())
        ).all()
    return Usage(
        days=days,
        downloads=tuple(down[str(day)] for day in days),
        predictions=tuple(asked[str(day)] for day in days),
        versions=tuple(
            VersionUse(number, down[number], asked[number], last) for number, last in known
        ),
    )


def _counted(
    s: Session, model_id: str, since: date, query: Select[tuple[Any, int, int]]
) -> Counter[str | int]:
    """How many there were, by day (as text) and by version number."""
    start = datetime.combine(since, time(), UTC)
    counts: Counter[str | int] = Counter()
    for day, number, count in s.execute(query, {"model_id": model_id, "start": start}):
        counts[str(day)] += count
        counts[number] += count
    return counts

"""What people keep here, and how much they may. No table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from registry import admins
from registry.core import Registry
from registry.errors import QuotaExceeded
from registry.records import Actor, Quota
from registry.tables import ArtifactRow, DatasetRow, ModelRow, StagedRow, UserRow, VersionRow

_WHAT_NOW = "Delete what you no longer need (and empty the trash), or ask an administrator for more"


def get(reg: Registry, actor: Actor) -> Quota:
    """What the actor keeps and may keep."""
    with reg.reading() as s:
        return _of(s, reg, actor.id)


def find(reg: Registry, actor: Actor, limit: int = 10) -> list[tuple[str, Quota]]:
    """Who keeps most, by bytes in models.

    Raises:
        Forbidden: The actor is no admin.
    """
    admins.need(actor)
    size = func.sum(ArtifactRow.size_bytes)
    top = (
        select(ModelRow.owner_id)
        .join(VersionRow, VersionRow.model_id == ModelRow.id)
        .join(ArtifactRow, ArtifactRow.version_id == VersionRow.id)
        .group_by(ModelRow.owner_id)
        .order_by(size.desc())
        .limit(limit)
    )
    with reg.reading() as s:
        order = list(s.execute(top).scalars())
        rows = {row.id: row for row in s.execute(_users(order)).scalars()}
        kept = of_users_in(s, reg, list(rows.values()))
        return [(rows[key].username, kept[key]) for key in order]


def need_room_in(
    s: Session, reg: Registry, user_id: str, size_bytes: int, *, of_actor: bool = True
) -> None:
    """Make sure that so many more bytes fit into a person's quota.

    Args:
        of_actor: Whether that person asks; nobody else is told how much they keep.

    Raises:
        QuotaExceeded: They do not.
    """
    quota = _of(s, reg, user_id)
    if quota.left_bytes is not None and size_bytes > quota.left_bytes:
        if not of_actor:
            raise QuotaExceeded(
                "versions count for the model's owner, whose quota has no room for this one. "
                "Ask them to make room."
            )
        raise QuotaExceeded(
            f"{_mb(quota.size_bytes)} of {_mb(quota.limit_bytes)} are used, and "
            f"{_mb(size_bytes)} more do not fit. {_WHAT_NOW}."
        )


def need_both_in(s: Session, reg: Registry, user_id: str, model_id: str) -> None:
    """Make sure that a model that somebody else has fits into a person's quota.

    Raises:
        QuotaExceeded: It does not; says no figure, which are not for whoever asks.
    """
    files = select(func.sum(ArtifactRow.size_bytes)).join(
        VersionRow, VersionRow.id == ArtifactRow.version_id
    )
    size_bytes = s.execute(files.where(VersionRow.model_id == model_id)).scalar() or 0
    quota = _of(s, reg, user_id)
    is_full = quota.limit_models and quota.n_models >= quota.limit_models
    if is_full or (quota.left_bytes is not None and size_bytes > quota.left_bytes):
        raise QuotaExceeded("their quota has no room for this model. Ask them to make room.")


def need_place_in(s: Session, reg: Registry, user_id: str) -> None:
    """Make sure that one more model fits into a person's quota.

    Raises:
        QuotaExceeded: It does not.
    """
    quota = _of(s, reg, user_id)
    if quota.limit_models and quota.n_models >= quota.limit_models:
        raise QuotaExceeded(
            f"{quota.n_models:,} of {quota.limit_models:,} models are there already, those in the "
            f"trash included. {_WHAT_NOW}, or add a version to a model that is there."
        )


def of_users_in(s: Session, reg: Registry, rows: Sequence[UserRow]) -> dict[str, Quota]:
    """User id to what they keep and may keep."""
    ids = [row.id for row in rows]
    in_models = (
        select(ModelRow.owner_id, func.sum(ArtifactRow.size_bytes))
        .join(VersionRow, VersionRow.model_id == ModelRow.id)
        .join(ArtifactRow, ArtifactRow.version_id == VersionRow.id)
        .where(ModelRow.owner_id.in_(ids))
        .group_by(ModelRow.owner_id)
    )
    kept = [_counts(s, statement) for statement in (in_models, *(_sizes(t, ids) for t in _OTHERS))]
    n_models = _counts(
        s,
        select(ModelRow.owner_id, func.count())
        .where(ModelRow.owner_id.in_(ids))
        .group_by(ModelRow.owner_id),
    )
    settings = reg.settings
    return {
        row.id: Quota(
            size_bytes=sum(sizes.get(row.id, 0) for sizes in kept),
            n_models=n_models.get(row.id, 0),
            limit_bytes=(settings.quota_mb if row.quota_mb is None else row.quota_mb) << 20,
            limit_models=(settings.quota_models if row.quota_models is None else row.quota_models),
        )
        for row in rows
    }


_OTHERS: tuple[Any, ...] = (DatasetRow, StagedRow)


def _sizes(table: Any, ids: Sequence[str]) -> Select[Any]:
    return (
        select(table.user_id, func.sum(table.size_bytes))
        .where(table.user_id.in_(ids))
        .group_by(table.user_id)
    )


def _counts(s: Session, statement: Any) -> dict[str, int]:
    return {key: int(n or 0) for key, n in s.execute(statement)}


def _users(ids: Sequence[str]) -> Select[UserRow]:
    return select(UserRow).where(UserRow.id.in_(ids))


def _of(s: Session, reg: Registry, user_id: str) -> Quota:
    row = s.get(UserRow, user_id)
    return of_users_in(s, reg, [row])[user_id] if row else Quota(0, 0)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):,.1f} MiB"

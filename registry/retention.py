"""What ends by itself: the trash after `VITRINE_TRASH_DAYS`, kept inputs when their owner says."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from registry import keeping, models, versions
from registry.core import Registry
from registry.errors import Conflict
from registry.records import SYSTEM
from registry.tables import ModelRow, VersionRow, now


def sweep(reg: Registry) -> int:
    """Purge what has been in the trash for too long; what others derive from stays.

    Inputs and answers of predictions go when their time is over.

    Returns:
        Bytes freed in the store.
    """
    keeping.sweep(reg)
    before = now() - timedelta(days=reg.settings.trash_days)
    with reg.reading() as s:
        old_models = s.execute(select(ModelRow.id).where(ModelRow.deleted_at < before)).scalars()
        old_versions = s.execute(
            select(VersionRow.id).where(VersionRow.deleted_at < before)
        ).scalars()
        model_ids, version_ids = list(old_models), list(old_versions)
    return sum(_purge_version(reg, version_id) for version_id in version_ids) + sum(
        _purge_model(reg, model_id) for model_id in model_ids
    )


def _purge_model(reg: Registry, model_id: str) -> int:
    with reg.writing() as s:
        row = s.get(ModelRow, model_id)
        if row is None or row.deleted_at is None:  # restored meanwhile
            return 0
        try:
            return models.purge_in(s, reg, SYSTEM, row)
        except Conflict:
            return 0


def _purge_version(reg: Registry, version_id: str) -> int:
    with reg.writing() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.deleted_at is None:
            return 0
        try:
            model = s.get_one(ModelRow, row.model_id)
            return versions.purge_in(s, reg, SYSTEM, model, row)
        except Conflict:
            return 0

"""The trash empties itself, but not too early."""

from __future__ import annotations

from registry import models, retention, search
from registry.core import Registry, open_registry
from registry.records import Actor, ModelQuery, Version


def test_only_what_lay_long_enough_is_purged(reg: Registry, iris: Version, alice: Actor) -> None:
    models.trash(reg, alice, iris.model)
    assert retention.sweep(reg) == 0
    hasty = open_registry(reg.settings.model_copy(update={"trash_days": 0.0}), reg.pool)
    assert retention.sweep(hasty) == iris.size_bytes
    assert search.find_models(reg, alice, ModelQuery(trash=True)).total == 0

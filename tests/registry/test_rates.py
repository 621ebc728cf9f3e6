"""How often one actor may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from registry import predict, rates
from registry.core import Registry
from registry.errors import RateLimited
from registry.records import Actor, Version


def test_too_many_predictions_are_told_when_to_come_back(
    reg_with: Callable[..., Registry], alice: Actor, iris: Version
) -> None:
    reg = reg_with(predictions_per_minute=2)
    assert iris.schema is not None
    for _ in range(2):
        predict.predict(reg, alice, iris.ref, [iris.schema.example])
    with pytest.raises(RateLimited, match="2 predictions a minute") as limited:
        predict.predict(reg, alice, iris.ref, [iris.schema.example])
    assert 1 <= limited.value.retry_after_s <= 60


def test_a_script_does_not_use_up_what_its_person_needs(
    reg_with: Callable[..., Registry], alice: Actor, bob: Actor
) -> None:
    reg = reg_with(predictions_per_minute=1)
    first, second = (replace(alice, token=prefix) for prefix in ("vtr_first", "vtr_second"))
    rates.spend(reg, first)
    with pytest.raises(RateLimited):
        rates.spend(reg, second)
    rates.spend(reg, alice)
    rates.spend(reg, bob)

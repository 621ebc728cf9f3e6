"""How often one actor may ask."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from registry import downloads, exports, predict, rates
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


@pytest.mark.parametrize(
    ("setting", "spend"),
    [("calls_per_minute", rates.spend_call), ("downloads_per_minute", rates.spend_download)],
)
def test_calls_and_downloads_are_counted_apart_and_told_when_to_come_back(
    setting: str,
    spend: Callable[[Registry, Actor], None],
    reg_with: Callable[..., Registry],
    alice: Actor,
) -> None:
    reg = reg_with(**{setting: 1})
    spend(reg, alice)
    with pytest.raises(RateLimited, match=r"1 \w+ a minute") as limited:
        spend(reg, alice)
    assert 1 <= limited.value.retry_after_s <= 60
    rates.spend(reg, alice)


def test_too_many_downloads_are_refused_at_the_door(
    reg_with: Callable[..., Registry], alice: Actor, iris: Version
) -> None:
    reg = reg_with(downloads_per_minute=1)
    os.close(downloads.open_artifact(reg, alice, iris.artifact.id).fd)
    with pytest.raises(RateLimited):
        downloads.open_artifact(reg, alice, iris.artifact.id)
    with pytest.raises(RateLimited):
        exports.open_export(reg, alice, iris.ref)

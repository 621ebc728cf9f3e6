"""A staged metrics file becomes records that a person can correct."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry import metric_files, staging
from registry.core import Registry
from registry.errors import BrokenArtifact, NotFound
from registry.records import Actor, Metric


def stage(reg: Registry, actor: Actor, content: Any, name: str = "metrics.json") -> str:
    with staging.receive(reg, actor, name) as incoming:
        incoming.write(json.dumps(content).encode())
        return incoming.finish().id


def test_a_file_is_read_in_a_worker_and_told_apart_by_its_source(
    reg: Registry, alice: Actor
) -> None:
    staged_id = stage(reg, alice, {"by": "me", "test": {"rmse": 3, "odd": 1}})
    found, left_out = metric_files.read(reg, alice, staged_id)
    assert found == (
        Metric("rmse", 3.0, dataset="test", higher_is_better=False, source="file"),
        Metric("odd", 1.0, dataset="test", source="file"),
    )
    assert left_out == ("by",)


def test_a_file_without_metrics_is_refused_in_words(reg: Registry, alice: Actor) -> None:
    with pytest.raises(BrokenArtifact, match="without quotes"):
        metric_files.read(reg, alice, stage(reg, alice, {"f1": "0.9"}))


def test_the_file_of_another_is_not_there(reg: Registry, alice: Actor, bob: Actor) -> None:
    with pytest.raises(NotFound):
        metric_files.read(reg, bob, stage(reg, alice, {"f1": 0.9}))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("metrics.json", True),
        ("Metrics.YAML", True),
        ("my_metrics.json", False),
        ("metrics.csv", False),
    ],
)
def test_a_package_names_it_plainly(name: str, is_one: bool) -> None:
    assert bool(metric_files.NAME.fullmatch(name)) is is_one

"""Metrics: where they come from, what replaces what, which one a model is judged by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry import metrics, models, versions
from registry.core import Registry
from registry.errors import Forbidden, InvalidInput, NotFound
from registry.records import Actor, Metric, Version

Publish = Callable[..., Version]
MEASURED = Metric("f1", 0.91, dataset="held out", source="evaluation")


def sources(reg: Registry, actor: Actor, ref: str) -> dict[tuple[str, str], tuple[float, str]]:
    found = versions.get(reg, actor, ref).metrics
    return {(m.name, m.dataset): (m.value, m.source) for m in found}


@pytest.fixture
def measured(reg: Registry, iris: Version) -> Version:
    """Alice's iris with a typed metric, and one that an evaluation measured."""
    with reg.writing() as s:
        metrics.add_in(s, iris.id, [MEASURED])
    return iris


def test_metrics_are_logged_from_a_mapping_or_from_records(
    reg: Registry, iris: Version, alice: Actor
) -> None:
    metrics.log(reg, alice, iris.ref, {"f1": 0.8, "rmse": 2}, dataset="test")
    metrics.log(reg, alice, iris.ref, [Metric("f1", 0.85, "%", "test"), Metric("latency_ms", 3.0)])
    assert sources(reg, alice, iris.ref) == {
        ("accuracy_score", ""): (0.95, "typed"),
        ("f1", "test"): (0.85, "logged"),
        ("rmse", "test"): (2.0, "logged"),
        ("latency_ms", ""): (3.0, "logged"),
    }


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"f1": float("nan")}, "finite"),
        ({"f1": True}, "finite"),
        ({" ": 1.0}, "name"),
        ([Metric("f1", 1.0), Metric("f1 ", 2.0)], "twice"),
        ({f"m{i}": 1.0 for i in range(200)}, "at most 200"),
    ],
)
def test_metrics_that_do_not_fit_are_refused_whole(
    reg: Registry, iris: Version, alice: Actor, given: dict[str, float], why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        metrics.log(reg, alice, iris.ref, given)
    assert list(sources(reg, alice, iris.ref)) == [("accuracy_score", "")]


def test_editing_leaves_what_an_evaluation_measured(
    reg: Registry, measured: Version, alice: Actor
) -> None:
    versions.edit(reg, alice, measured.ref, metrics=[Metric("recall", 0.7)])
    assert sources(reg, alice, measured.ref) == {
        ("f1", "held out"): (0.91, "evaluation"),
        ("recall", ""): (0.7, "typed"),
    }


def test_nobody_types_a_measured_metric(reg: Registry, measured: Version, alice: Actor) -> None:
    with pytest.raises(InvalidInput, match="measured by an evaluation"):
        versions.edit(reg, alice, measured.ref, metrics=[Metric("f1", 0.99, dataset="held out")])
    forged = Metric("precision", 1.0, source="evaluation")
    versions.edit(reg, alice, measured.ref, metrics=[MEASURED, forged])
    assert sources(reg, alice, measured.ref) == {
        ("f1", "held out"): (0.91, "evaluation"),
        ("precision", ""): (1.0, "typed"),
    }


def test_a_measured_metric_can_be_removed(reg: Registry, measured: Version, alice: Actor) -> None:
    metrics.remove(reg, alice, measured.ref, "f1", "held out")
    assert list(sources(reg, alice, measured.ref)) == [("accuracy_score", "")]
    with pytest.raises(NotFound, match="no metric 'f1'"):
        metrics.remove(reg, alice, measured.ref, "f1", "held out")


def test_the_first_metric_with_a_direction_is_the_primary_one(
    reg: Registry, alice: Actor, iris_file: Path, publish_file: Publish
) -> None:
    said = (Metric("n_trees", 100.0), Metric("rmse", 3.0), Metric("r2", 0.8))
    publish_file(alice, iris_file, name="Prices", check=False, metrics=said)
    assert models.get(reg, alice, "alice/prices").primary_metric == "rmse"


def test_the_primary_metric_is_chosen_with_its_direction(
    reg: Registry, iris: Version, alice: Actor, iris_file: Path, publish_file: Publish
) -> None:
    metrics.log(reg, alice, iris.ref, {"cost": 12.0})
    metrics.set_primary(reg, alice, iris.model, "cost", higher_is_better=False)
    again = publish_file(
        alice, iris_file, model=iris.model, check=False, metrics=(Metric("cost", 9.0),)
    )
    model = models.get(reg, alice, iris.model)
    assert (model.primary_metric, model.metric_history) == ("cost", (12.0, 9.0))
    assert again.metrics[0].higher_is_better is False
    with pytest.raises(InvalidInput, match="no version of this model has a metric 'costs'"):
        metrics.set_primary(reg, alice, iris.model, "costs")


def test_who_may_only_look_may_not_log(
    reg: Registry, iris: Version, alice: Actor, bob: Actor
) -> None:
    models.publish_to_all(reg, alice, iris.model)
    with pytest.raises(Forbidden):
        metrics.log(reg, bob, iris.ref, {"f1": 1.0})

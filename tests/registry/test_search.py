"""Search: words, facets and counts speak only of what the actor may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry import aliases, metrics, models, search, versions
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, Field, Metric, ModelQuery, Version
from registry.tables import VersionRow


@pytest.fixture
def shelf(reg: Registry, iris: Version, alice: Actor, bob: Actor) -> None:
    """alice/iris (private, tagged), three more of alice's, one public one of bob's."""
    with reg.writing() as s:
        for name in ("Churn 10%", "Churn classic", "Prices"):
            models.create_in(s, alice, name=name, task="regression", tags=("table", "churn_x"))
        models.create_in(s, bob, name="Bobs churn", visibility="public", license="MIT")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("churn", {"churn-10", "churn-classic", "bobs-churn", "prices"}),
        ("churn classic", {"churn-classic"}),
        ("10%", {"churn-10"}),
        ("%", {"churn-10"}),
        ("tag:flowers", {"iris"}),
        ("framework:sklearn", {"iris"}),
        ("owner:me churn", {"churn-10", "churn-classic", "prices"}),
        ("owner:bob", {"bobs-churn"}),
        ("license:mit", {"bobs-churn"}),
        ("task:regression owner:alice classic", {"churn-classic"}),
        ("status:ready", {"iris"}),
        ("nothing-like-this", set()),
    ],
)
@pytest.mark.usefixtures("shelf")
def test_words_and_filters_are_joined_by_and(
    reg: Registry, alice: Actor, typed: str, found: set[str]
) -> None:
    page = search.find_models(reg, alice, search.parse(typed))
    assert {model.slug for model in page.items} == found
    assert page.total == len(found)


@pytest.mark.usefixtures("shelf")
def test_counts_speak_only_of_what_one_may_see(reg: Registry, bob: Actor) -> None:
    assert search.find_models(reg, bob, ModelQuery()).total == 1
    counted = search.facets(reg, bob, ModelQuery())
    assert [(facet.value, facet.count) for facet in counted["owner"]] == [("bob", 1)]
    assert counted["tag"] == []
    assert counted["framework"] == []


@pytest.mark.usefixtures("shelf")
def test_a_facet_does_not_narrow_itself(reg: Registry, alice: Actor) -> None:
    counted = search.facets(reg, alice, ModelQuery(owners=("bob",)))
    assert {facet.value for facet in counted["owner"]} == {"alice", "bob"}
    assert {facet.value for facet in counted["license"]} == {"MIT"}


@pytest.mark.usefixtures("shelf")
def test_pages_cut_a_sorted_list(reg: Registry, alice: Actor) -> None:
    by_name = ModelQuery(sort="name")
    first = search.find_models(reg, alice, by_name, page=1, size=2)
    last = search.find_models(reg, alice, by_name, page=3, size=2)
    assert (first.total, first.n_pages) == (5, 3)
    assert [model.name for model in first.items] == ["Bobs churn", "Churn 10%"]
    assert [model.name for model in last.items] == ["Prices"]


def test_an_unknown_filter_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="framework:"):
        search.parse("colour:red")


def test_an_unclosed_quote_is_a_word_being_typed() -> None:
    assert search.parse('"churn cla').text == "churn cla"


@pytest.fixture
def measured(reg: Registry, shelf: None, iris: Version, alice: Actor, bob: Actor) -> None:
    """alice/iris with metrics and four columns; a public model of bob's without any."""
    metrics.log(reg, alice, iris.ref, {"f1": 0.91, "mean error": 2.5}, dataset="test")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("metric.f1>0.9", True),
        ("metric.f1 > 0.91", False),
        ("metrics.f1 >= 0.91 AND metrics.accuracy_score > 0.9", True),
        ("metrics.f1 >= 0.91 and metrics.accuracy_score > 0.99", False),
        ("metric.f1 = 0.91", True),
        ('metric."mean error"<3', True),
        ("metrics.'mean error' <= 2", False),
        ("metric.rmse<3", False),
        ("metric.f1>0 framework = 'sklearn' AND owner = me and tag = flowers", True),
        ("metric.f1>0 AND framework = PyTorch", False),
        ("tags.flowers = yes", False),
        ('feature:"petal width (cm)"', True),
        ('feature:"petal width (cm)" feature:"sepal width (cm)" metric.f1<1', True),
        ("feature:petal", False),
        ("feature:label", False),
        ("feature:'petal\" OR 1'", False),
    ],
)
@pytest.mark.usefixtures("measured")
def test_metrics_and_columns_of_the_head_narrow_the_list(
    reg: Registry, alice: Actor, bob: Actor, typed: str, found: bool
) -> None:
    query = search.parse(typed)
    assert [m.slug for m in search.find_models(reg, alice, query).items] == ["iris"] * found
    counted = search.facets(reg, alice, query)["owner"]
    assert [(facet.value, facet.count) for facet in counted] == [("alice", 1)] * found
    assert search.find_models(reg, bob, query).total == 0
    assert search.facets(reg, bob, query)["owner"] == []


@pytest.mark.usefixtures("measured")
def test_only_the_head_is_looked_at(
    reg: Registry,
    alice: Actor,
    iris: Version,
    iris_file: Path,
    publish_file: Callable[..., Version],
) -> None:
    publish_file(alice, iris_file, model=iris.model, check=False, metrics=(Metric("f1", 0.4),))
    assert search.find_models(reg, alice, search.parse("metric.f1>0.9")).total == 0
    aliases.move(reg, alice, iris.ref, "champion")
    assert search.find_models(reg, alice, search.parse("metric.f1>0.9")).total == 1


def test_a_column_said_later_is_found(reg: Registry, alice: Actor, iris: Version) -> None:
    assert iris.schema
    said = replace(iris.schema, fields=(Field("petals", "double"),))
    versions.edit(reg, alice, iris.ref, schema=said)
    assert search.find_models(reg, alice, search.parse("feature:petals")).total == 1
    assert search.find_models(reg, alice, search.parse('feature:"petal width (cm)"')).total == 0


@pytest.mark.usefixtures("measured")
def test_values_chosen_in_facets_narrow_the_other_facets(reg: Registry, alice: Actor) -> None:
    query = search.parse("metric.f1>0.9 tag:flowers owner:alice framework:pytorch")
    counted = search.facets(reg, alice, query)
    assert [(facet.value, facet.count) for facet in counted["framework"]] == [("scikit-learn", 1)]
    assert counted["owner"] == counted["tag"] == []


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("metric.f1>high", "no number"),
        ("metric.f1>nan", "no number"),
        ("metric.f1!=0.9", "not by !="),
        ("metrics.f1 > 0.9 OR tag = x", "joined by AND"),
        ("framework > 3", "by = only"),
        ("params.depth = 3", "no filter is called 'params.depth'"),
        ("colour = red", "no filter is called 'colour'"),
        ("metric.f1>", "nothing stands after"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_why(typed: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        search.parse(typed)


def test_and_or_stay_words_without_a_comparison() -> None:
    assert search.parse("black AND white").text == "black AND white"


@pytest.mark.usefixtures("shelf")
def test_the_best_by_primary_metric_come_first(reg: Registry, alice: Actor, iris: Version) -> None:
    with reg.writing() as s:
        for slug, value in (("churn-10", 3.0), ("churn-classic", 2.0)):
            model = models.for_action(s, alice, "model.read", f"alice/{slug}")
            row = VersionRow(
                model_id=model.id, number=1, inspection={"framework": "", "format": ""}
            )
            s.add(row)
            s.flush()
            metrics.add_in(s, row.id, [Metric("rmse", value)])
            versions.refresh_head(s, model)
    found = search.find_models(reg, alice, ModelQuery(sort="metric")).items
    assert [m.slug for m in found][:3] == ["iris", "churn-classic", "churn-10"]

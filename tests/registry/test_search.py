"""Search: words, facets and counts speak only of what the actor may see."""

from __future__ import annotations

import pytest

from registry import models, search
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, ModelQuery, Version


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

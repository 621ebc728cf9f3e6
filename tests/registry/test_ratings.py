"""Stars: one vote per person and model, none for one's own, gone with whoever gave it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from registry import accounts, activity, models, ratings, search
from registry.core import Registry
from registry.errors import Forbidden, InvalidInput, NotFound
from registry.records import Actor, ModelQuery, Version
from registry.tables import RatingRow
from tests.conftest import PASSWORD


@pytest.fixture
def public(reg: Registry, alice: Actor, iris: Version) -> str:
    """Alice's model, for everyone to see."""
    models.publish_to_all(reg, alice, iris.model)
    return iris.model


@pytest.fixture
def carol(new_user: Callable[..., Actor]) -> Actor:
    return new_user("carol", "viewer")


def listed(reg: Registry, actor: Actor, text: str = "", sort: str = "updated") -> list[str]:
    query = search.parse(text)
    query = ModelQuery(text=query.text, stars=query.stars, sort=sort)  # type: ignore[arg-type]
    return [model.slug for model in search.find_models(reg, actor, query).items]


def test_votes_are_averaged_and_counted(
    reg: Registry, bob: Actor, carol: Actor, public: str
) -> None:
    ratings.rate(reg, bob, public, 5)
    found = ratings.rate(reg, carol, public, 2)
    assert (found.average, found.n_votes, found.counts, found.own) == (3.5, 2, (0, 1, 0, 0, 1), 2)
    (model,) = search.find_models(reg, bob, ModelQuery()).items
    assert (model.rating, model.n_ratings) == (3.5, 2)


def test_a_second_vote_replaces_the_first(reg: Registry, bob: Actor, public: str) -> None:
    ratings.rate(reg, bob, public, 1)
    assert ratings.rate(reg, bob, public, 4).counts == (0, 0, 0, 1, 0)


def test_a_vote_leaves_one_line_in_the_history(
    reg: Registry, alice: Actor, bob: Actor, public: str
) -> None:
    before = activity.find(reg, alice, model=public).total
    ratings.rate(reg, bob, public, 4)
    page = activity.find(reg, alice, model=public)
    assert page.total == before + 1
    assert (page.items[0].action, page.items[0].detail["stars"]) == ("model.rate", 4)


def test_a_vote_can_be_taken_back(reg: Registry, bob: Actor, public: str) -> None:
    ratings.rate(reg, bob, public, 4)
    assert ratings.withdraw(reg, bob, public).average is None
    assert ratings.withdraw(reg, bob, public).own is None


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_only_one_to_five_stars_are_taken(
    reg: Registry, bob: Actor, public: str, stars: int
) -> None:
    with pytest.raises(InvalidInput, match="1 to 5"):
        ratings.rate(reg, bob, public, stars)


def test_nobody_rates_a_model_of_their_own(reg: Registry, alice: Actor, public: str) -> None:
    with pytest.raises(Forbidden, match="own model"):
        ratings.rate(reg, alice, public, 5)
    assert "own model" in ratings.of_model(reg, alice, public).why_not


def test_a_vote_stops_counting_when_the_voter_becomes_the_owner(
    reg: Registry, alice: Actor, bob: Actor, public: str
) -> None:
    ratings.rate(reg, bob, public, 5)
    moved = models.transfer(reg, alice, public, "bob")
    assert ratings.of_model(reg, bob, moved.ref).average is None
    assert models.get(reg, alice, moved.ref).rating is None


def test_a_private_model_is_not_rated_by_strangers(
    reg: Registry, bob: Actor, iris: Version
) -> None:
    with pytest.raises(NotFound):
        ratings.rate(reg, bob, iris.model, 5)


def test_votes_go_with_the_account(reg: Registry, bob: Actor, carol: Actor, public: str) -> None:
    ratings.rate(reg, bob, public, 5)
    ratings.rate(reg, carol, public, 3)
    accounts.delete_account(reg, bob, PASSWORD)
    assert ratings.of_model(reg, carol, public).average == 3
    with reg.reading() as s:
        assert s.execute(select(func.count()).select_from(RatingRow)).scalar_one() == 1


def test_the_list_is_sorted_and_filtered_by_stars(
    reg: Registry, alice: Actor, bob: Actor, carol: Actor, public: str
) -> None:
    with reg.writing() as s:
        for name in ("Once", "Never"):
            models.create_in(s, alice, name=name, visibility="public")
    ratings.rate(reg, bob, public, 5)
    ratings.rate(reg, carol, public, 4)
    ratings.rate(reg, bob, "alice/once", 4)
    assert listed(reg, bob, sort="stars") == ["iris", "once", "never"]
    assert listed(reg, bob, "stars>4") == ["iris"]
    assert sorted(listed(reg, bob, "stars >= 4")) == ["iris", "once"]


def test_one_enthusiast_does_not_lead_the_list(
    reg: Registry, alice: Actor, bob: Actor, carol: Actor, public: str,
    new_user: Callable[..., Actor],
) -> None:  # fmt: skip
    with reg.writing() as s:
        models.create_in(s, alice, name="Once", visibility="public")
    ratings.rate(reg, bob, "alice/once", 5)
    for voter, stars in ((bob, 5), (carol, 5), (new_user("dan"), 4)):
        ratings.rate(reg, voter, public, stars)
    assert listed(reg, bob, sort="stars") == ["iris", "once"]

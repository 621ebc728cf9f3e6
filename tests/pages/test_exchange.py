"""Ratings, exports and use on a model's page, as different people see them."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from registry import access, exports, ratings
from registry.core import Registry
from registry.records import Actor, Version

Visit = Callable[..., AppTest]


def said(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in (*tab.markdown, *tab.caption))


def test_owners_see_votes_and_why_they_have_none(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    ratings.rate(reg, bob, iris.model, 4)
    words = said(visit(alice, "model.py", name=iris.model))
    assert "**4.0** of 5" in words
    assert "your own model" in words


def test_use_is_shown_to_all_and_who_downloaded_to_managers(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    b"".join(exports.open_export(reg, bob, iris.ref).blocks)
    for actor, knows in ((alice, True), (bob, False)):
        tab = visit(actor, "model.py", name=iris.model, tab="Activity")
        assert "**1** download" in said(tab)
        assert ("Package of 1 file of v1" in said(tab)) is knows

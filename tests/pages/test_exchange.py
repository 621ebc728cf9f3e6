"""Ratings, exports and use on a model's page, as different people see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from registry import access, exports, imports, ratings
from registry.core import Registry
from registry.records import Actor, Version
from registry.tables import JobRow

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


def test_a_file_of_the_server_comes_in_beside_the_page(
    visit: Visit, reg: Registry, alice: Actor, iris_file: Path
) -> None:
    told = {"import_folder": str(iris_file.parent)}
    object.__setattr__(reg, "settings", reg.settings.model_copy(update=told))
    tab = visit(alice, "upload.py")
    tab.session_state["upload.server"] = True
    tab.run().button(key=f"upload.server.folder.{iris_file.name}").click().run()
    (asked,) = imports.find(reg, alice)
    assert asked.state == "queued"
    assert tab.button(key=f"upload.import.cancel.{asked.id}").label == "Cancel"
    imports.run(reg, asked.id)
    with reg.writing() as s:
        s.get_one(JobRow, asked.job_id).state = "done"
    tab.run()
    assert asked.id in tab.query_params["draft"]
    assert "What is in it" in [heading.value for heading in tab.subheader]

"""Home, models, one model, compare, activity and jobs, as a person uses them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry import access, aliases, models, versions
from registry.core import Registry
from registry.records import Actor, Checked, Metric, Version
from registry.tables import VersionRow

Visit = Callable[..., AppTest]
Publish = Callable[..., Version]
HOSTILE = "<b>x</b> [press](https://evil.example)"


def said(tab: AppTest) -> str:
    """All words the tab shows."""
    parts = [*tab.markdown, *tab.caption, *tab.title, *tab.subheader, *tab.error, *tab.code]
    return "\n".join(str(part.value) for part in parts)


def labels(tab: AppTest) -> list[str]:
    return [button.label for button in tab.button]


def ticked(*rows: int) -> dict[str, dict[str, list[object]]]:
    """The state of a table with these rows selected."""
    return {"selection": {"rows": list(rows), "columns": [], "cells": []}}


@pytest.fixture
def add(reg: Registry, publish_file: Publish, alice: Actor, iris_file: Path) -> Publish:
    """Publishes the iris file of Alice as a ready version, without loading it: for looking only."""

    def run(accuracy: float, **details: object) -> Version:
        metrics = (Metric("accuracy_score", accuracy),)
        version = publish_file(alice, iris_file, check=False, metrics=metrics, **details)
        versions.conclude(reg, version.id, status="ready", checked=Checked(version.schema))
        return versions.get(reg, alice, version.ref)

    return run


@pytest.fixture
def second(add: Publish, iris: Version) -> Version:
    """Version 2 of alice/iris, better."""
    return add(0.97, model=iris.model, label="1.1.0")


def test_an_empty_home_teaches_the_first_step(visit: Visit, alice: Actor) -> None:
    tab = visit(alice)
    assert "The cabinet is empty" in said(tab)
    tab.button(key="home.first").click().run()
    assert tab.title[0].value == "Upload"


def test_home_counts_and_shows_what_needs_attention(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, second: Version
) -> None:
    with reg.writing() as s:
        row = s.get_one(VersionRow, second.id)
        versions.settle_in(s, row, "failed", "no module named lightgbm")
    tab = visit(alice)
    assert [metric.value for metric in tab.metric][:2] == ["1", "1"]
    assert "no module named lightgbm" in said(tab)
    assert "published" in said(tab)


def test_a_search_is_kept_in_the_address(visit: Visit, alice: Actor, iris: Version) -> None:
    tab = visit(alice, "models.py")
    assert len(tab.dataframe[0].value) == 1
    tab.text_input(key="models.q").set_value("nothing like it").run()
    assert tab.query_params["q"] == "nothing like it"
    assert "Nothing fits" in said(tab)


def test_an_address_opens_the_same_view(visit: Visit, alice: Actor, iris: Version) -> None:
    shown = visit(alice, "models.py", q="iris", tag="flowers", view="grid")
    assert shown.text_input(key="models.q").value == "iris"
    assert not shown.dataframe
    assert "Nothing fits" in said(visit(alice, "models.py", tag="trees"))


def test_an_unknown_filter_is_explained_below_the_search_box(visit: Visit, alice: Actor) -> None:
    tab = visit(alice, "models.py", q="colour:red")
    assert "colour" in tab.error[0].value
    assert tab.text_input(key="models.q").value == "colour:red"


def test_ticked_models_go_to_compare(
    visit: Visit, alice: Actor, iris: Version, add: Publish
) -> None:
    add(0.9, name="Other flowers")
    tab = visit(alice, "models.py")
    tab.session_state["models.table"] = ticked(0, 1)
    tab.run()
    tab.button(key="models.compare").click().run()
    assert tab.title[0].value == "Compare"
    assert tab.query_params["v"] == ["alice/other-flowers@1", "alice/iris@1"]


def test_a_hostile_name_is_only_text(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    models.edit(reg, alice, iris.model, name=HOSTILE, description=HOSTILE, tags=(HOSTILE[:20],))
    aliases.move(reg, alice, iris.ref, "champion", HOSTILE)
    for file, asked in (
        ("home.py", {}),
        ("models.py", {"view": "grid"}),
        ("model.py", {"name": iris.model}),
        ("compare.py", {"v": iris.ref}),
        ("activity.py", {}),
    ):
        shown = said(visit(alice, file, **asked))
        assert "<b>" not in shown, file
        assert "[press](" not in shown, file


def test_a_model_of_somebody_else_is_not_found(visit: Visit, bob: Actor, iris: Version) -> None:
    tab = visit(bob, "model.py", name=iris.model)
    assert "Not found" in tab.error[0].value
    assert "iris" not in said(visit(bob, "models.py")).lower()


def test_the_champion_is_made_and_rolled_back(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, second: Version
) -> None:
    aliases.move(reg, alice, iris.ref, "champion")
    tab = visit(alice, "model.py", name=iris.model, tab="Versions", version="2")
    tab.button(key="model.champion").click().run()
    assert models.get(reg, alice, iris.model).champion == 2
    tab.button(key="alias.champion.rollback").click().run()
    assert models.get(reg, alice, iris.model).champion == 1


def test_two_ticked_versions_go_to_compare(
    visit: Visit, alice: Actor, iris: Version, second: Version
) -> None:
    tab = visit(alice, "model.py", name=iris.model, tab="Versions")
    tab.session_state["model.versions"] = ticked(0, 1)
    tab.run()
    tab.button(key="model.compare").click().run()
    assert tab.query_params["v"] == [iris.ref, second.ref]
    assert "v2 is better on accuracy" in said(tab)


def test_a_viewer_sees_why_a_button_is_off(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    tab = visit(bob, "model.py", name=iris.model, tab="Versions")
    button = tab.button(key="model.champion")
    assert button.disabled
    assert "edit" in button.help
    assert not tab.button(key="model.try").disabled


def test_a_trashed_model_comes_back(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    models.trash(reg, alice, iris.model)
    tab = visit(alice, "models.py", trash="1")
    tab.button(key=f"trash.{iris.model_id}.restore").click().run()
    assert models.get(reg, alice, iris.model).deleted_at is None


def test_a_trashed_version_comes_back(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, second: Version
) -> None:
    versions.trash(reg, alice, second.ref)
    tab = visit(alice, "model.py", name=iris.model, tab="Versions")
    tab.button(key=f"trash.{second.id}.restore").click().run()
    assert len(versions.find(reg, alice, iris.model)) == 2


def test_a_model_with_all_versions_in_the_trash_still_opens(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    versions.trash(reg, alice, iris.ref)
    tab = visit(alice, "model.py", name=iris.model, tab="Versions")
    assert f"trash.{iris.id}.restore" in [button.key for button in tab.button]


def test_the_card_is_written_and_shown_safely(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    tab = visit(alice, "model.py", name=iris.model)
    tab.button(key="model.card.edit").click().run()
    tab.text_area(key="model.card.text").set_value("## For *flowers*\n\n<script>x</script>").run()
    tab.button(key="model.card.save").click().run()
    assert "script" in models.get(reg, alice, iris.model).card
    assert "*flowers*" in said(tab)
    assert "<script>" not in said(tab)


def test_settings_rename_share_and_publish(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    tab = visit(alice, "model.py", name=iris.model, tab="Settings")
    next(i for i in tab.text_input if i.label == "Name").set_value("Irises")
    next(b for b in tab.button if b.label == "Save").click().run()
    assert models.get(reg, alice, iris.model).name == "Irises"
    tab.text_input(key="settings.share.user").set_value("bob")
    next(b for b in tab.button if b.label == "Share").click().run()
    assert [grant.username for grant in access.grants(reg, alice, iris.model)] == ["bob"]
    tab.button(key="settings.visible").click().run()
    assert models.get(reg, bob, iris.model).visibility == "public"


def test_sharing_with_nobody_known_says_so_and_keeps_what_was_typed(
    visit: Visit, alice: Actor, iris: Version
) -> None:
    tab = visit(alice, "model.py", name=iris.model, tab="Settings")
    tab.text_input(key="settings.share.user").set_value("nobody-here")
    next(b for b in tab.button if b.label == "Share").click().run()
    assert "nobody" in tab.error[0].value
    assert tab.text_input(key="settings.share.user").value == "nobody-here"


def test_files_have_a_download_and_a_link_that_expires(
    visit: Visit, alice: Actor, iris: Version
) -> None:
    tab = visit(alice, "model.py", name=iris.model, tab="Files")
    assert f"sha256:{iris.artifact.digest}" in said(tab)
    tab.button(key=f"model.link.{iris.artifact.id}").click().run()
    assert "/d/" in said(tab)
    assert "for 1 h" in said(tab)


def test_metrics_are_edited(visit: Visit, alice: Actor, iris: Version) -> None:
    tab = visit(alice, "model.py", name=iris.model, tab="Metrics")
    assert "accuracy" in tab.table[0].value.to_csv()
    assert not tab.button(key="model.metrics.save").disabled


def test_history_says_who_moved_what(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    aliases.move(reg, alice, iris.ref, "staging", "for the pilot")
    tab = visit(alice, "model.py", name=iris.model, tab="Versions")
    assert "for the pilot" in str([table.value for table in tab.dataframe])
    tab.datetime_input(key="alias.at.when").set_value(datetime(2020, 3, 3, tzinfo=UTC)).run()
    assert "nothing" in said(tab)


def test_compare_with_a_version_that_is_not_there_says_so(visit: Visit, alice: Actor) -> None:
    tab = visit(alice, "compare.py", v=["alice/none@1"])
    assert "Not found" in tab.error[0].value


def test_activity_and_jobs_have_their_lines(visit: Visit, alice: Actor, iris: Version) -> None:
    tab = visit(alice, "activity.py", model=iris.model)
    assert "published" in said(tab)
    assert "check" in str(visit(alice, "jobs.py").dataframe[0].value)


def test_empty_places_name_the_next_step(visit: Visit, alice: Actor) -> None:
    for file, words in (
        ("models.py", "No models yet"),
        ("compare.py", "Nothing to compare yet"),
        ("playground.py", "No model is ready"),
        ("jobs.py", "No jobs yet"),
        ("model.py", "No model named"),
    ):
        tab = visit(alice, file)
        assert words in said(tab), file
        assert tab.button, file

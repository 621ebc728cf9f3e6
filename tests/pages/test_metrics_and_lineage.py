"""Metrics and lineage on the pages: from a file, edited, over versions; parents put on and off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry import aliases, lineage, metrics, models, versions
from registry.core import Registry
from registry.records import Actor, Details, Metric, Version

Visit = Callable[..., AppTest]


def words(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*tab.markdown, *tab.caption, *tab.error])


@pytest.fixture
def dropped(visit: Visit, iris: Version, alice: Actor, iris_file: Path) -> tuple[AppTest, str]:
    """Alice's upload page with a model dropped on it, and the keys of its form."""
    tab = visit(alice, "upload.py")
    tab.file_uploader(key="upload.drop").upload("next.joblib", iris_file.read_bytes()).run()
    assert not tab.exception
    return tab, f"upload.{tab.query_params['draft']}"


def test_a_metrics_file_and_parents_go_with_the_upload(
    dropped: tuple[AppTest, str], reg: Registry, alice: Actor, iris: Version
) -> None:
    tab, key = dropped
    content = b'{"test": {"f1": 0.93, "rmse": 2}}'
    tab.file_uploader(key=f"{key}.metrics").upload("scores.json", content).run()
    assert "2 metrics read" in words(tab)
    tab.multiselect(key=f"{key}.parents").set_value([iris.ref])
    tab.selectbox(key=f"{key}.relation").set_value("retrained").run()
    tab.button(key=f"{key}.publish").click().run()
    assert not tab.error
    made = versions.get(reg, alice, "alice/next@1")
    assert {(m.name, m.dataset, m.value, m.source) for m in made.metrics} == {
        ("f1", "test", 0.93, "file"),
        ("rmse", "test", 2.0, "file"),
    }
    assert ("config", "scores.json") in [(a.kind, a.filename) for a in made.artifacts]
    assert lineage.graph(reg, alice, made.ref)[0].edges == ((iris.ref, "retrained"),)


def test_a_metrics_file_that_holds_none_says_why(dropped: tuple[AppTest, str]) -> None:
    tab, key = dropped
    tab.file_uploader(key=f"{key}.metrics").upload("scores.json", b'{"f1": "0.93"}').run()
    assert "write it without quotes" in tab.error[0].value


def test_saving_the_editor_keeps_what_an_evaluation_measured(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    with reg.writing() as s:
        metrics.add_in(s, iris.id, [Metric("f1", 0.9, dataset="test", source="evaluation")])
    tab = visit(alice, "model.py", name=iris.model, tab="Metrics")
    assert "Measured by evaluations (1)" in [part.label for part in tab.expander]
    tab.button(key="model.metrics.save").click().run()
    found = versions.get(reg, alice, iris.ref).metrics
    assert {(m.name, m.source) for m in found} == {
        ("accuracy_score", "typed"),
        ("f1", "evaluation"),
    }
    tab.button(key=f"model.metrics.off.{iris.id}.0").click().run()
    assert [m.name for m in versions.get(reg, alice, iris.ref).metrics] == ["accuracy_score"]


def test_the_primary_metric_and_its_direction_are_chosen(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    metrics.log(reg, alice, iris.ref, {"cost": 3.0})
    aliases.move(reg, alice, iris.ref, "champion")
    tab = visit(alice, "model.py", name=iris.model, tab="Metrics")
    tab.selectbox(key="model.primary").set_value("cost")
    tab.selectbox(key="model.primary.way").set_value(False).run()
    tab.button(key="model.primary.save").click().run()
    assert models.get(reg, alice, iris.model).primary_metric == "cost"
    assert versions.get(reg, alice, iris.ref).metrics[1].higher_is_better is False


def test_a_parent_is_added_and_removed_on_the_tab(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    with reg.writing() as s:
        other = models.create_in(s, alice, name="Older")
        stored = [("model", "m.joblib", "0" * 64, "0" * 64, 1)]
        versions.add_in(s, alice, other, draft_id=None, details=Details(),
                        inspection=iris.inspection, stored=stored)  # type: ignore[arg-type]  # fmt: skip
    tab = visit(alice, "model.py", name=iris.model, tab="Lineage")
    assert "Nothing is recorded." in words(tab)
    tab.selectbox(key="model.kin.parent").set_value("alice/older@1")
    tab.selectbox(key="model.kin.relation").set_value("distilled")
    next(b for b in tab.button if b.label == "Add parent").click().run()
    assert not tab.error
    assert lineage.graph(reg, alice, iris.ref)[0].edges == (("alice/older@1", "distilled"),)
    child = visit(alice, "model.py", name="alice/older", version="1", tab="Lineage")
    assert "1 relative" in words(child)
    tab.button(key="model.kin.off.alice/older@1").click().run()
    assert len(lineage.graph(reg, alice, iris.ref)) == 1


def test_who_may_only_look_sees_no_form(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    models.publish_to_all(reg, alice, iris.model)
    tab = visit(bob, "model.py", name=iris.model, tab="Lineage")
    assert "model.kin.parent" not in [box.key for box in tab.selectbox]


def test_the_list_is_searched_by_metric(visit: Visit, alice: Actor, iris: Version) -> None:
    assert "Nothing fits" in words(visit(alice, "models.py", q="metric.accuracy_score>0.99"))
    assert len(visit(alice, "models.py", q="metric.accuracy_score > 0.9").dataframe) == 1
    assert "joined by AND" in words(visit(alice, "models.py", q="metric.f1>1 OR metric.f1<2"))


def test_the_chosen_metric_stands_in_the_address(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    metrics.log(reg, alice, iris.ref, {"cost": 3.0}, dataset="test")
    tab = visit(alice, "model.py", name=iris.model, tab="Metrics")
    tab.selectbox(key="model.history").set_value(("cost", "test")).run()
    assert (tab.query_params["metric"], tab.query_params["dataset"]) == ("cost", "test")
    again = visit(alice, "model.py", name=iris.model, tab="Metrics", metric="cost", dataset="test")
    assert again.selectbox(key="model.history").value == ("cost", "test")

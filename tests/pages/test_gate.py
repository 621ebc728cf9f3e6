"""The gate's editor, the dialog to promote, golden cases and speed, as a person meets them."""

from __future__ import annotations

import pytest

from registry import access, aliases, benchmarks, gates, golden_cases, golden_runs, models, timings
from registry.records import Rule
from tests.pages.test_browse import labels, said
from tests.registry.test_timings import measured

AT_LEAST = Rule("metric", metric="accuracy_score", value=0.99)


def words(tab):
    return said(tab).replace("\\", "")


@pytest.fixture
def guarded(reg, alice, iris):
    gates.edit(reg, alice, iris.model, [AT_LEAST, Rule("scan")])
    return iris


def test_a_closed_gate_opens_the_dialog_with_what_failed(visit, reg, alice, guarded):
    tab = visit(alice, "model.py", name=guarded.model, tab="Versions")
    tab.button(key="model.champion").click().run()
    assert "accuracy_score is 0.95, must be >= 0.99" in words(tab)
    assert "the scan is clean" in words(tab)
    assert "1 of 2 rules not met" in words(tab)
    assert tab.button(key="promote.go").disabled
    assert not tab.text_input(key="promote.override").disabled
    assert aliases.history(reg, alice, guarded.model) == []


def test_an_editor_reads_why_the_override_is_not_for_them(visit, reg, alice, bob, guarded):
    access.share(reg, alice, guarded.model, "bob", "edit")
    tab = visit(bob, "model.py", name=guarded.model, tab="Versions")
    tab.button(key="model.champion").click().run()
    assert tab.text_input(key="promote.override").disabled
    assert "needs 'manage'" in tab.text_input(key="promote.override").placeholder
    assert tab.button(key="promote.go").disabled


def test_a_models_own_page_tells_what_changed_in_whole_sentences(visit, alice, guarded):
    tab = visit(alice, "model.py", name=guarded.model, tab="Activity")
    assert "changed the promotion gate · accuracy_score" in words(tab)


def test_an_open_gate_needs_no_dialog(visit, reg, alice, iris):
    gates.edit(reg, alice, iris.model, [Rule("scan")])
    tab = visit(alice, "model.py", name=iris.model, tab="Versions")
    tab.button(key="model.champion").click().run()
    assert models.get(reg, alice, iris.model).champion == 1


def test_a_rule_is_added_previewed_saved_and_removed(visit, reg, alice, iris):
    tab = visit(alice, "model.py", name=iris.model, tab="Settings")
    assert "No rules" in words(tab)
    assert tab.button(key="gate.save").disabled
    tab.button(key="gate.add").click().run()
    assert "metric: name the metric" in words(tab)
    kind = next(box for box in tab.selectbox if box.label == "Rule")
    kind.set_value("scan").run()
    assert "the scan is clean" in words(tab)
    tab.button(key="gate.save").click().run()
    assert [rule.kind for rule in gates.get(reg, alice, iris.model)] == ["scan"]
    next(button for button in tab.button if button.label == "Remove").click().run()
    tab.button(key="gate.save").click().run()
    assert gates.get(reg, alice, iris.model) == ()


def test_who_may_not_manage_sees_the_rules_and_cannot_change_them(visit, reg, alice, bob, guarded):
    access.share(reg, alice, guarded.model, "bob", "edit")
    tab = visit(bob, "model.py", name=guarded.model, tab="Settings")
    assert "accuracy_score is 0.95" in words(tab)
    assert tab.button(key="gate.add").disabled
    assert tab.button(key="gate.save").disabled


def test_golden_cases_are_red_or_green_on_a_version(visit, reg, alice, iris):
    example = iris.schema.example
    for name, label in (("right", None), ("<b>wrong</b>", "a rose")):
        answer = {"label": label or "setosa"}
        golden_cases.add(reg, alice, iris.model, name, example, answer)
    tab = visit(alice, "model.py", name=iris.model, tab="Versions")
    assert words(tab).count("not run on this version") == 2
    golden_runs.run(reg, iris.id)
    tab.run()
    assert "expected 'a rose'" in words(tab)
    assert "<b>" not in said(tab)
    assert tab.dataframe[0].value["Golden"].tolist()[0][0].startswith("✕")


def test_the_figures_of_the_newest_benchmark_are_shown(visit, reg, alice, iris):
    with reg.writing() as s:
        timings.record_in(s, measured(iris.id, 2.5))
    tab = visit(alice, "model.py", name=iris.model, tab="Versions")
    assert "2.5 ms" in [metric.value for metric in tab.metric]
    assert tab.dataframe[0].value["p95"].tolist() == [2.5]
    assert "Measure again" in labels(tab)
    assert tab.button(key="speed.measure").disabled  # the first measurement waits for its turn
    assert benchmarks.last(reg, alice, iris.ref).state == "queued"


def test_an_editor_reads_why_a_guarded_alias_stays(visit, reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "edit")
    for alias in ("champion", "staging"):
        aliases.move(reg, alice, iris.ref, alias)
    gates.edit(reg, alice, iris.model, [Rule("scan")])
    tab = visit(bob, "model.py", name=iris.model, tab="Versions")
    assert "rules guard it" in tab.button(key="alias.champion.remove").help
    assert tab.button(key="alias.champion.remove").disabled
    assert not tab.button(key="alias.staging.remove").disabled

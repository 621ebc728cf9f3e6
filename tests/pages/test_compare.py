"""The compare page: what stands in its tables, what folds, what the address holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import charts_compare, matrix
from registry import compare, versions
from registry.core import Registry
from registry.records import Actor, Details, Metric, MetricLine, Version

Visit = Callable[..., AppTest]


@pytest.fixture
def pair(reg: Registry, alice: Actor, iris: Version) -> list[str]:
    """The iris of Alice and a second version of the same bytes; both measured."""
    file = iris.artifact
    stored = [("model", file.filename, file.digest, "", file.size_bytes)]
    details = Details(
        metrics=(Metric("accuracy", 0.98), Metric("f1", 0.8), Metric("loss", 0.2)),
        parameters={"depth": 4, "<b>x</b>": "=1"},
    )
    with reg.writing() as s:
        model, _ = versions.for_action(s, alice, "version.edit", iris.ref)
        inspection = iris.inspection
        versions.add_in(
            s, alice, model, draft_id=None, details=details, inspection=inspection, stored=stored
        )
    measured = (Metric("accuracy", 0.96), Metric("f1", 0.9), Metric("loss", 0.2))
    versions.edit(reg, alice, iris.ref, metrics=measured, parameters={"depth": 3})
    return [iris.ref, f"{iris.model}@2"]


def mounted(tab: AppTest, key: str) -> dict[str, Any]:
    """What the page hands to one of its own tables."""
    for element in tab.main:
        proto = getattr(element, "proto", None)
        if key in str(getattr(proto, "id", "")):
            return dict(json.loads(proto.json))
    raise AssertionError(f"no {key} on the page")


def words(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in (*tab.markdown, *tab.caption))


def test_the_base_is_first_and_the_others_are_measured_against_it(
    visit: Visit, alice: Actor, pair: list[str]
) -> None:
    tab = visit(alice, "compare.py", v=pair)
    table = mounted(tab, "compare.metrics")
    assert [column["name"] for column in table["columns"]] == ["v1", "v2"]
    cells = {row["name"]: row["cells"] for row in table["rows"]}
    assert cells["accuracy"][1] | {"share": 0} == {
        "value": "0.98", "title": "0.98", "number": True, "share": 0, "best": True,
        "delta": "+0.02", "tone": "good",
    }  # fmt: skip
    assert "better on 1 of 3 metrics\\, worse on f1 by 0\\.1" in words(tab)
    tab = visit(alice, "compare.py", v=pair, base=pair[1])
    table = mounted(tab, "compare.metrics")
    assert [column["name"] for column in table["columns"]] == ["v2", "v1"]
    assert table["columns"][0]["colour"] == charts_compare.charts.BASE


def test_only_what_differs_is_shown_on_demand(visit: Visit, alice: Actor, pair: list[str]) -> None:
    tab = visit(alice, "compare.py", v=pair)
    assert len(mounted(tab, "compare.metrics")["rows"]) == 3
    tab.toggle(key="differing").set_value(True).run()
    assert {row["name"] for row in mounted(tab, "compare.metrics")["rows"]} == {"accuracy", "f1"}


def test_sections_are_built_when_opened_and_text_stays_text(
    visit: Visit, alice: Actor, pair: list[str]
) -> None:
    with pytest.raises(AssertionError):
        mounted(visit(alice, "compare.py", v=pair), "compare.parameters")
    tab = visit(alice, "compare.py", v=pair, parameters="true")
    rows = {row["name"]: row for row in mounted(tab, "compare.parameters")["rows"]}
    assert rows["<b>x</b>"]["cells"][1]["value"] == "=1"
    assert rows["depth"]["cells"][1]["differs"]


@pytest.mark.parametrize("kind", ["Bars", "Radar", "Parallel", "Scatter", "Over versions"])
def test_every_chart_is_drawn(visit: Visit, alice: Actor, pair: list[str], kind: str) -> None:
    tab = visit(alice, "compare.py", v=pair, chart=kind)
    assert len(tab.get("plotly_chart")) == 1


def test_a_chart_of_two_numbers_says_whom_it_leaves_out(
    visit: Visit, reg: Registry, alice: Actor, pair: list[str]
) -> None:
    versions.edit(reg, alice, pair[1], metrics=[Metric("accuracy", 0.9), Metric("f1", 0.8)])
    tab = visit(alice, "compare.py", v=pair, chart="Scatter", x="loss", y="f1")
    assert "Not in the chart, since a number is missing: v2" in words(tab)


def test_without_metrics_there_is_a_word_instead(
    visit: Visit, reg: Registry, alice: Actor, pair: list[str]
) -> None:
    for ref in pair:
        versions.edit(reg, alice, ref, metrics=[])
    assert "None of these versions has metrics yet" in words(visit(alice, "compare.py", v=pair))


def test_a_version_alone_asks_for_a_second(visit: Visit, alice: Actor, pair: list[str]) -> None:
    assert "Add a second version" in words(visit(alice, "compare.py", v=pair[:1]))


def test_the_front_holds_whom_nobody_beats_in_both() -> None:
    quick = MetricLine("latency", "", "ms", False, (1.0, 2.0, 3.0, None, 2.5))
    good = MetricLine("accuracy", "", "", True, (0.8, 0.9, 0.95, 0.99, 0.85))
    assert charts_compare.pareto(quick, good) == [0, 1, 2]
    assert charts_compare.pareto(quick, MetricLine("x", "", "", None, good.values)) == []


def test_a_version_keeps_its_colour_when_another_becomes_the_base(
    reg: Registry, alice: Actor, pair: list[str]
) -> None:
    first = compare.versions(reg, alice, pair)
    other = compare.versions(reg, alice, pair, pair[1])
    assert charts_compare.colours(first) == charts_compare.colours(other)[::-1]
    assert matrix.order(other) == [1, 0]

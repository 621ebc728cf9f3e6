"""The playground's mode What-if: sliders, curves, heat maps, what moved an answer, and failures."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from streamlit.testing.v1 import AppTest

from pages.parts import charts_moving, side_by_side
from registry import asking, predictions, versions
from registry.core import Registry
from registry.records import Actor, Field, Version
from tests.makers import models as makers

Visit = Callable[..., AppTest]
Publish = Callable[..., Version]
Sums = Callable[..., Version]
DAY = datetime.fromisoformat("2026-01-01")


def words(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*tab.markdown, *tab.caption, *tab.error])


def figures(tab: AppTest) -> list[Any]:
    return [part.proto for part in tab.get("plotly_chart")]


def box(tab: AppTest, label: str) -> Any:
    return next(part for part in tab.selectbox if part.label == label)


def readings(tab: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in tab.metric}


@pytest.fixture
def flowers(reg: Registry, alice: Actor, iris: Version) -> Version:
    """Iris with the ranges of its measurements."""
    assert iris.schema is not None
    fields = tuple(replace(f, minimum=0.1, maximum=7.9) for f in iris.schema.fields)
    example = dict(zip((f.name for f in fields), (5.9, 3.0, 4.2, 1.3), strict=True))
    return versions.edit(
        reg, alice, iris.ref, schema=replace(iris.schema, fields=fields, example=example)
    )


def open_tab(visit: Visit, actor: Actor, of: Version, **asked: Any) -> AppTest:
    tab = visit(actor, "playground.py", model=of.model, mode="What-if", **asked)
    assert not tab.exception
    return tab


def test_a_slider_moves_the_answer_and_is_undone(
    visit: Visit, alice: Actor, flowers: Version
) -> None:
    tab = open_tab(visit, alice, flowers, feature="petal length (cm)")
    before = readings(tab)["v1"]
    assert "Starts from the example" in words(tab)
    tab.select_slider[0].set_value(len(tab.select_slider[0].options) - 1).run()
    assert not tab.exception
    assert readings(tab)["v1"] != before
    assert "petal length" in words(tab)
    next(button for button in tab.button if button.label == "Reset").click().run()
    assert readings(tab)["v1"] == before


def test_a_moved_value_stays_near_when_the_range_changes(
    visit: Visit, alice: Actor, flowers: Version
) -> None:
    tab = open_tab(visit, alice, flowers, feature="petal length (cm)")
    tab.select_slider[0].set_value(len(tab.select_slider[0].options) - 1).run()
    before = tab.number_input[1].value
    tab.number_input[1].set_value(before * 0.7).run()
    assert not tab.exception
    chip = next(said for said in words(tab).splitlines() if "→" in said)
    assert tab.select_slider[0].value == len(tab.select_slider[0].options) - 1
    assert str(before) not in chip


def test_what_was_asked_once_is_not_asked_again(
    visit: Visit, reg: Registry, alice: Actor, flowers: Version
) -> None:
    tab = open_tab(visit, alice, flowers)

    def asked() -> int:
        predictions.flush(reg)
        return predictions.find(reg, alice).total

    before = asked()
    tab.select_slider[0].set_value(3).run()
    tab.run()
    assert asked() == before
    box(tab, "Feature").set_value(flowers.schema.fields[1].name).run()  # type: ignore[union-attr]
    assert asked() == before + 1


def test_two_features_draw_a_heat_map_per_version(
    visit: Visit, alice: Actor, flowers: Version, publish_file: Publish, iris_file: Path
) -> None:
    publish_file(alice, iris_file, model=flowers.model, schema=flowers.schema)
    names = [field.name for field in flowers.schema.fields]  # type: ignore[union-attr]
    tab = open_tab(visit, alice, flowers, version=["1", "2"], feature=names[0], against=names[2])
    assert len(figures(tab)) == 2
    assert "the ring is where the input stands" in words(tab)
    assert "**v1**" in words(tab)
    assert "**v2**" in words(tab)


def test_what_moved_the_answer_adds_up(visit: Visit, alice: Actor, flowers: Version) -> None:
    tab = open_tab(visit, alice, flowers)
    assert "Shapley" not in words(tab)
    tab.session_state["what_if.why"] = True
    tab.run()
    assert not tab.exception
    assert "Shapley values" in words(tab)
    assert "all combinations of features" in words(tab)
    assert len(figures(tab)) == 2


def test_a_version_that_fails_is_explained_and_the_others_go_on(
    visit: Visit, reg: Registry, alice: Actor, flowers: Version, publish_file: Publish,
    iris_file: Path,
) -> None:  # fmt: skip
    other = publish_file(alice, iris_file, model=flowers.model)
    assert flowers.schema is not None
    fewer = replace(flowers.schema, fields=flowers.schema.fields[:2], example={})
    versions.edit(reg, alice, other.ref, schema=fewer)
    tab = open_tab(visit, alice, flowers, version=["1", "2"])
    assert "No prediction" in tab.error[0].value
    assert "v1" in readings(tab)
    assert "v2" not in readings(tab)
    assert [button.label for button in tab.button if button.label == "Try again"]


@pytest.fixture
def sums(reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path) -> Sums:
    """Publishes versions of one model that say the sum of their columns, each times its weight."""
    made: list[Version] = []

    def run(*fields: Field, weight: float = 1.0, example: dict[str, Any] | None = None) -> Version:
        names = [field.name for field in fields]
        table = pd.DataFrame(np.vstack([np.eye(len(names)), np.zeros(len(names))]), columns=names)
        path = tmp_path / f"sums{len(made)}.joblib"
        joblib.dump(LinearRegression().fit(table, weight * table.sum(axis=1)), path)
        where: dict[str, Any] = {"model": made[0].model} if made else {"name": "Sums"}
        version = publish_file(alice, path, **where)
        assert version.schema is not None
        given = example or dict.fromkeys(names, 4)
        schema = replace(version.schema, fields=fields, example=given)
        made.append(versions.edit(reg, alice, version.ref, schema=schema))
        return made[-1]

    return run


def test_a_column_that_only_another_version_takes_is_asked_anew(
    visit: Visit, alice: Actor, sums: Sums
) -> None:
    first = sums(Field("a", "double"))
    sums(Field("a", "double"), Field("b", "double"))
    tab = open_tab(visit, alice, first, version=["1", "2"])
    for b, total in ((1, "5"), (10, "14")):
        kept = side_by_side.Asked({"a": 4, "b": b}, (asking.Attempt(first.ref),))
        tab.session_state["playground.asked"] = kept
        tab.session_state["what_if.why"] = True
        tab.run()
        assert not tab.exception
        assert readings(tab) == {"v1": "4", "v2": total}
        assert f"= {total}. " in words(tab)


def move_to(tab: AppTest, word: str) -> dict[str, str]:
    """The readings when the slider stands at a value."""
    slider = tab.select_slider[0]
    slider.set_value(slider.options.index(word)).run()
    assert not tab.exception
    return readings(tab)


def test_versions_that_take_other_values_are_read_at_the_same_value(
    visit: Visit, alice: Actor, sums: Sums
) -> None:
    first = sums(Field("a", "double"))
    sums(Field("a", "long"), weight=10)
    tab = open_tab(visit, alice, first, version=["1", "2"])
    assert readings(tab) == {"v1": "4", "v2": "40"}
    assert move_to(tab, "6") == {"v1": "6", "v2": "60"}
    assert move_to(tab, "7.8") == {"v1": "7.8", "v2": "–"}
    tab = open_tab(visit, alice, first, version=["2", "1"])
    assert move_to(tab, "6") == {"v1": "6", "v2": "60"}


def test_a_first_version_that_fails_does_not_keep_the_others_from_being_read(
    visit: Visit, alice: Actor, sums: Sums
) -> None:
    first = sums(Field("a", "double"), Field("b", "double"), example={"a": 4})
    sums(Field("a", "long"), weight=10)
    tab = open_tab(visit, alice, first, version=["1", "2"])
    assert readings(tab) == {"v2": "40"}
    assert move_to(tab, "6") == {"v2": "60"}
    assert move_to(tab, "7.8") == {"v2": "–"}


def test_categories_of_one_version_are_a_range_of_another(
    visit: Visit, alice: Actor, sums: Sums
) -> None:
    first = sums(Field("a", "double", categories=("4.0", "1.5", "6.0")))
    sums(Field("a", "double"), weight=10)
    tab = open_tab(visit, alice, first, version=["1", "2"])
    assert readings(tab) == {"v1": "4", "v2": "40"}
    choices: Any = tab.get("button_group")[-1]
    choices.set_value(choices.options.index("6")).run()
    assert readings(tab) == {"v1": "6", "v2": "60"}


def test_pictures_are_said_to_have_nothing_to_move(
    visit: Visit, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, makers.onnx_picture(tmp_path), name="Pictures")
    assert "Nothing here can be moved" in words(open_tab(visit, alice, version))


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        ((0, 1, 2, None), ((1.0, 2.0, 3.0, 9.0),)),
        (("Bern", "<b>Oslo</b>", None), ((0.1, 0.2, 0.7), (0.3, 0.3, 0.4))),
        ((False, True), ((0.0, 1.0),)),
        ((None,), ((0.5,),)),
    ],
)
def test_curves_are_drawn_of_every_kind_of_feature(
    values: tuple[Any, ...], columns: tuple[tuple[float, ...], ...]
) -> None:
    names = tuple(f"v{n}" for n in range(len(columns)))
    figure = charts_moving.curves(
        "a", names, ("#000000",) * len(names), values, columns, 0, 0, "probability", ("x", "y")
    )
    assert "<b>Oslo" not in str(figure.layout.xaxis.ticktext)
    assert {y for trace in figure.data for y in trace.y} == {
        y for column in columns for y in column
    }


def test_a_version_leaves_gaps_at_values_that_it_was_not_asked() -> None:
    values = charts_moving.axis((0.0, 0.5, 1.0, None), (0, 1, 2))
    assert values == (0, 0.5, 1, 2, None)
    columns = ((1.0, 2.0, 3.0, None, 9.0), (10.0, None, 30.0, 40.0, None))
    figure = charts_moving.curves(
        "a", ("v1", "v2"), ("#111111", "#222222"), values, columns, 1, 0, "value", ("x", "y")
    )
    lines = [trace for trace in figure.data if "lines" in trace.mode]
    assert [(trace.x, trace.y) for trace in lines] == [
        ((0, 0.5, 1), (1, 2, 3)), ((0, 1, 2), (10, 30, 40)),
    ]  # fmt: skip
    assert [trace.y for trace in figure.data if trace.mode == "markers"] == [(9, 2), ()]


@pytest.mark.parametrize(
    ("several", "expected"),
    [
        ((("Oslo", "Bern"), ("Bern", "Turin", None)), ("Oslo", "Bern", "Turin", None)),
        (((20, 1), (False, True)), (False, 1, 20)),
        (((DAY, "never"), (3,)), (3, DAY, "never")),
    ],
)
def test_a_common_axis_is_in_order(several: Any, expected: tuple[Any, ...]) -> None:
    assert charts_moving.axis(*several) == expected
    assert len(charts_moving.places(expected)[0]) == len(expected)


def test_what_is_missing_stands_beyond_even_the_last_date() -> None:
    last = datetime.fromisoformat("9999-12-31")
    assert charts_moving.places((DAY, last, None))[0] == [DAY, last, last]
    assert charts_moving.places((DAY, None))[0] == [DAY, DAY + timedelta(days=1)]


def test_bars_lead_from_the_background_to_the_answer() -> None:
    moved = (0.2, -0.05, *[0.01] * 14)
    names = tuple(f"f{n}" for n in range(16))
    answer = 0.3 + sum(moved)
    figure = charts_moving.parts("a", names, moved, (0.0,) * 16, 0.3, answer, "probability")
    bar = figure.data[0]
    assert bar.base[0] == 0.3
    assert bar.base[-1] + bar.x[-1] == pytest.approx(answer)
    assert len(bar.x) == 13
    assert figure.layout.yaxis.ticktext[-1] == "4 more features"


def test_labels_of_lines_that_end_alike_stand_apart() -> None:
    names = ("v1", "v2", "v3")
    figure = charts_moving.curves(
        "a", names, ("#111111", "#222222", "#333333"), (0, 1), ((0.0, 1.0),) * 3, 0, 0,
        "probability", ("x", "y"),
    )  # fmt: skip
    heights = sorted(mark.y for mark in figure.layout.annotations if "v" in mark.text)
    assert heights[-1] <= 1.0
    assert min(b - a for a, b in itertools.pairwise(heights)) > 0.07


_SCRIPT = """
import streamlit as st
from types import SimpleNamespace
from pages.parts import patience

def ask(version, watch):
    watch(0.0)
    return f"{version.ref} answers"

versions = [SimpleNamespace(ref="v1"), SimpleNamespace(ref="v2")]
found = patience.each("part", versions, "question", ask, lambda version: version.ref)
st.text(sorted(found.values()))
"""


def test_what_was_stopped_is_asked_again_only_when_wanted() -> None:
    tab = AppTest.from_string(_SCRIPT, default_timeout=20)
    tab.session_state["what_if.stopped.part"] = "question"
    tab.session_state["what_if.kept"] = {("part", "v1", "question"): "v1 answered before"}
    tab.run()
    assert tab.text[0].value == "['v1 answered before']"
    assert "Stopped" in tab.caption[0].value
    tab.button[0].click().run()
    assert tab.text[0].value == "['v1 answered before', 'v2 answers']"
    assert not tab.caption

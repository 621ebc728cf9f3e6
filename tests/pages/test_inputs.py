"""Forms for tables of every kind and for named tensors, and the editor of their hints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import forms
from registry import versions
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, AudioHints, Field, ImageHints, Schema, Tensor, Version

Visit = Callable[..., AppTest]
_TABLE = """
import streamlit as st
from pages.parts import forms
schema = st.session_state["schema"]
forms.find(schema, "t")
st.session_state["row"] = forms.table(schema, "t")
"""


def table(*fields: Field, example: dict[str, Any] | None = None) -> AppTest:
    """The form of a table; what it holds is in `session_state["row"]`."""
    tab = AppTest.from_string(_TABLE, default_timeout=20)
    tab.session_state["schema"] = Schema("table", fields=fields, example=example or {})
    return tab.run()


def row(tab: AppTest) -> dict[str, Any]:
    assert not tab.exception
    found: dict[str, Any] = tab.session_state["row"]
    return found


def test_an_empty_text_and_a_missing_one_are_two_things() -> None:
    tab = table(Field("note", "string", nullable=True))
    assert row(tab) == {"note": None}
    assert row(tab.checkbox(key="t.field.0.gap").uncheck().run()) == {"note": ""}
    assert row(tab.text_input(key="t.field.0").set_value("001").run()) == {"note": "001"}


def test_a_truth_value_may_be_true_false_or_missing() -> None:
    tab = table(Field("flag", "boolean", nullable=True))
    assert row(tab) == {"flag": None}
    assert tab.selectbox(key="t.field.0").options == ["– missing –", "true", "false"]
    assert row(tab.selectbox(key="t.field.0").set_value("false").run()) == {"flag": False}


def test_whole_numbers_beyond_those_of_a_browser_stay_exact() -> None:
    most = 2**53 + 1
    tab = table(Field("id", "long", nullable=True), example={"id": most})
    assert row(tab) == {"id": str(most)}


def test_a_column_of_days_is_asked_for_without_a_time() -> None:
    tab = table(Field("day", "datetime", default="1912-04-15"))
    assert row(tab) == {"day": "1912-04-15"}
    assert not tab.get("datetime_input")


def test_ranges_units_and_required_columns_are_marked() -> None:
    tab = table(
        Field("age", "double", minimum=18, maximum=90, unit="years", description="at entry"),
        Field("city", "string", nullable=True),
    )
    asked = tab.number_input(key="t.field.0")
    assert asked.label == "age (years) :red[*] :gray[:small[18 – 90]]"
    assert asked.help == "at entry · seen in training: 18 – 90"
    assert tab.text_input(key="t.field.1").label == "city"


def test_a_wide_table_is_spread_over_tabs_and_a_column_is_found() -> None:
    tab = table(*(Field(f"c{n}", "double") for n in range(70)))
    assert [each.label for each in tab.tabs] == ["1–24", "25–48", "49–70"]
    assert len(row(tab)) == 70
    assert len(row(tab.selectbox(key="t.find").set_value(60).run())) == 70


def test_a_narrow_table_has_neither_tabs_nor_a_box_to_find_columns() -> None:
    tab = table(*(Field(f"c{n}", "double") for n in range(24)))
    assert not tab.tabs
    assert not tab.selectbox


TENSORS = (
    Tensor("matrix", "float32", (-1, 3)),
    Tensor("scale", "float32", ()),
    Tensor("on", "bool", ()),
    Tensor("words", "string", (-1, 1)),
    Tensor("image", "float32", (-1, 3, 8, 8), image=ImageHints("NCHW", 8, 8, 3)),
    Tensor("audio", "float32", (-1, -1), audio=AudioHints()),
)
_TENSORS = """
import streamlit as st
from pages.parts import forms
from registry.records import Version
kept = st.session_state
given = forms.tensors(kept["reg"], kept["actor"], kept["version"], kept["schema"], "t")
kept["given"] = given
"""


@pytest.fixture
def tensors(reg: Registry, alice: Actor, iris: Version) -> AppTest:
    """The form of several tensors; what they are filled with is in `session_state["given"]`."""
    schema = Schema("tensors", tensors=TENSORS)
    versions.edit(reg, alice, iris.ref, schema=schema)
    tab = AppTest.from_string(_TENSORS, default_timeout=20)
    kept = {"reg": reg, "actor": alice, "version": iris, "schema": schema}
    for name, value in kept.items():
        tab.session_state[name] = value
    tab.run()
    assert not tab.exception
    return tab


def given(tab: AppTest, name: str) -> Any:
    assert not tab.exception
    return tab.session_state["given"][name]


def test_each_tensor_offers_what_can_fill_it(tensors: AppTest) -> None:
    offered = {t.name: tensors.selectbox(key=f"t.{t.name}.source").options for t in TENSORS}
    assert offered["matrix"] == ["JSON", "File", "Zeros", "Random"]
    assert offered["scale"][0] == offered["on"][0] == "Value"
    assert offered["words"] == ["Text", "JSON", "File", "Zeros"]
    assert offered["image"][:2] == ["Picture", "Camera"]
    assert offered["audio"][0] == "Sound"


def test_random_values_take_a_seed_and_the_sizes_asked_for(tensors: AppTest) -> None:
    tensors.selectbox(key="t.matrix.source").set_value("Random").run()
    tensors.number_input(key="t.matrix.axis.0").set_value(5).run()
    first = given(tensors, "matrix")
    assert first.shape == (5, 3)
    assert first.dtype == np.float32
    assert (given(tensors.run(), "matrix") == first).all()
    tensors.number_input(key="t.matrix.seed").set_value(1).run()
    assert (given(tensors, "matrix") != first).any()
    tensors.selectbox(key="t.matrix.source").set_value("Zeros").run()
    assert not given(tensors, "matrix").any()


def test_scalars_and_texts_have_widgets_of_their_kind(tensors: AppTest) -> None:
    tensors.number_input(key="t.scale.value").set_value(2.5).run()
    assert given(tensors, "scale").tolist() == 2.5
    assert given(tensors, "on").tolist() is False
    tensors.text_area(key="t.words.text").set_value("001\ntwo").run()
    assert given(tensors, "words") == [["001"], ["two"]]


def test_a_file_that_does_not_fit_is_explained_until_another_comes(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    versions.edit(reg, alice, iris.ref, schema=Schema("tensors", tensors=TENSORS[:1]))
    tab = visit(alice, "playground.py", model=iris.model)
    key = f"playground.{iris.id}.matrix"
    tab.selectbox(key=f"{key}.source").set_value("File").run()
    tab.file_uploader(key=f"{key}.numbers").upload("x.csv", b"1,2\n", "text/csv").run()
    for _ in range(2):
        assert "expects float32" in tab.error[0].value
        tab.run()
    tab.file_uploader(key=f"{key}.numbers").upload("y.csv", b"1,2,3\n", "text/csv").run()
    assert not tab.error
    assert "float32 (1, 3) · from 1 to 3, mean 2" in [caption.value for caption in tab.caption]


def test_the_editor_sets_how_a_picture_becomes_a_tensor(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    versions.edit(reg, alice, iris.ref, schema=Schema("tensors", tensors=TENSORS[4:]))
    tab = visit(alice, "model.py", name=iris.model, tab="Schema")
    key = f"model.{iris.id}.schema"
    tab.selectbox(key=f"{key}.0.norm").set_value("ImageNet").run()
    tab.selectbox(key=f"{key}.0.fit").set_value("cover").run()
    tab.number_input(key=f"{key}.1.rate").set_value(44_100).run()
    tab.button(key="model.schema.save").click().run()
    assert not tab.exception
    schema = versions.get(reg, alice, iris.ref).schema
    assert schema is not None
    assert schema.tensors[0].image == ImageHints(
        "NCHW", 8, 8, 3, 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "cover"
    )
    assert schema.tensors[1].audio == AudioHints(44_100, 1, "NT")


@pytest.mark.parametrize("said", ["[" * 100_000, '{"a":' * 100_000])
def test_json_nested_without_end_is_explained(said: str) -> None:
    with pytest.raises(InvalidInput, match=r"JSON: cannot be read: .* nested too deeply"):
        forms.parse(said)
    with pytest.raises(InvalidInput, match=r"x: cannot be read as JSON: .* nested too deeply"):
        forms.numbers({"x": said})


def test_a_tensor_with_an_axis_of_none_is_not_made_into_lists() -> None:
    huge = np.zeros((10**9, 0), np.float32)
    assert forms.numbers({"x": huge})["x"] is huge
    assert forms.as_json({"x": huge}) == ""
    assert forms.numbers({"x": np.zeros((2, 0), np.float32)}) == {"x": [[], []]}

"""The playground: forms from schemas, answers, and failures that do not hurt the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import forms
from registry import models, versions
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, Field, Schema, Version
from tests.makers import answering
from tests.makers import models as makers

Visit = Callable[..., AppTest]
Publish = Callable[..., Version]


def words(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*tab.markdown, *tab.caption, *tab.error])


def submit(tab: AppTest) -> AppTest:
    next(button for button in tab.button if button.label == "Submit").click().run()
    assert not tab.exception
    return tab


def field_key(version: Version, position: int = 0) -> str:
    return f"playground.{version.id}.field.{position}"


def test_the_example_is_answered(visit: Visit, alice: Actor, iris: Version) -> None:
    tab = visit(alice, "playground.py", model=iris.model)
    assert "No answer yet" in words(tab)
    submit(tab)
    answer = next(metric for metric in tab.metric if metric.label == "Answer")
    assert iris.schema is not None
    assert answer.value in iris.schema.classes
    assert "confident" in answer.delta
    assert "Probabilities" in words(tab)
    assert "Answered in" in words(tab)
    assert ":green-badge[:material/local_fire_department: warm]" in words(tab)


def test_the_answer_of_one_version_is_not_shown_for_another(
    visit: Visit, alice: Actor, iris: Version, publish_file: Publish, iris_file: Path
) -> None:
    publish_file(alice, iris_file, model=iris.model)
    tab = submit(visit(alice, "playground.py", model=iris.model, version="1"))
    tab.multiselect(key="playground.versions").set_value([f"{iris.model}@2"]).run()
    assert "No answer yet" in words(tab)
    assert tab.query_params["version"] == "2"


def test_versions_answer_side_by_side_with_what_differs(
    visit: Visit, alice: Actor, iris: Version, publish_file: Publish, tmp_path: Path
) -> None:
    publish_file(alice, makers.sklearn_forest(tmp_path), model=iris.model)
    tab = submit(visit(alice, "playground.py", model=iris.model, version=["1", "2"]))
    assert [metric.label for metric in tab.metric] == ["Answer", "Answer"]
    assert "All say" in words(tab) or "They differ" in words(tab)
    assert words(tab).count("Answered in") == 2
    assert words(tab).count("warm]") == 2
    tab.multiselect(key="playground.versions").set_value([f"{iris.model}@1"]).run()
    assert len(tab.metric) == 1, "the answer of the version that stays is still there"
    assert tab.query_params["version"] == "1"


def test_a_version_of_another_model_can_be_asked_too(
    visit: Visit, alice: Actor, iris: Version, publish_file: Publish, tmp_path: Path
) -> None:
    other = publish_file(alice, makers.sklearn_forest(tmp_path), name="Forest")
    tab = visit(alice, "playground.py", model=iris.model, version=["1", other.ref])
    submit(tab)
    assert len(tab.metric) == 2
    assert "forest v1" in words(tab)


def test_a_thousand_classes_are_five_and_a_list(
    visit: Visit, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, answering.onnx_many_classes(tmp_path), name="Thousand")
    tab = submit(visit(alice, "playground.py", model=version.model))
    assert "All 1,000 classes" in [expander.label for expander in tab.expander]
    assert [metric.label for metric in tab.metric] == ["Answer"]


def test_a_regression_stands_in_the_range_of_its_sample(
    visit: Visit, reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, makers.sklearn_regressor(tmp_path), name="Diabetes")
    assert version.schema is not None
    seen = replace(version.schema, target="progression", target_range=(25.0, 50.0))
    versions.edit(reg, alice, version.ref, schema=seen)
    tab = submit(visit(alice, "playground.py", model=version.model))
    assert [metric.label for metric in tab.metric] == ["progression"]
    assert "above every answer in the sample" in words(tab)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (answering.onnx_embedding, "embedding of 48 numbers"),
        (answering.onnx_boxes, "float32, 2 × 4"),
        (answering.onnx_negative, "float32, 3 × 32 × 32"),
        (answering.sklearn_several_labels, "2 targets"),
    ],
)
def test_arrays_are_told_by_their_kind(
    make: Callable[[Path], Path], said: str, visit: Visit, alice: Actor, publish_file: Publish,
    tmp_path: Path,
) -> None:  # fmt: skip
    version = publish_file(alice, make(tmp_path), name="Arrays")
    assert said in words(submit(visit(alice, "playground.py", model=version.model)))


def test_an_embedding_names_what_was_asked_before_and_is_near(
    visit: Visit, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, answering.onnx_embedding(tmp_path), name="Embedding")
    tab = visit(alice, "playground.py", model=version.model, mode="JSON")
    box = tab.text_area(key=f"playground.{version.id}.json")
    box.set_value(json.dumps({"numbers": [[0.5, -1.2, 0.3, 2.2, -0.7, 1.1, 0.0, 0.4]]}))
    tab = submit(tab)
    assert "Nearest" not in words(tab)
    tab = submit(tab)
    assert "Nearest" in words(tab)
    near = next(frame.value for frame in tab.dataframe if "Cosine" in frame.value)
    assert list(near["Asked"]) == ["1 before, in this tab"]
    assert near["Cosine"].iloc[0] == pytest.approx(1)


def test_clear_and_the_example_chip(visit: Visit, alice: Actor, iris: Version) -> None:
    tab = visit(alice, "playground.py", model=iris.model)
    before = tab.number_input(key=field_key(iris)).value
    tab.button(key="playground.clear").click().run()
    assert tab.number_input(key=field_key(iris)).value is None
    assert "must have a value" in submit(tab).error[0].value
    tab.button(key="playground.example.0").click().run()
    assert tab.number_input(key=field_key(iris)).value == before


def test_json_takes_several_rows(visit: Visit, alice: Actor, iris: Version) -> None:
    assert iris.schema is not None
    tab = visit(alice, "playground.py", model=iris.model, mode="JSON")
    rows = json.dumps([iris.schema.example] * 3)
    tab.text_area(key=f"playground.{iris.id}.json").set_value(rows)
    submit(tab)
    assert len(tab.dataframe[0].value) == 3


@pytest.mark.parametrize("said", ["{", "[]", "17", '[{"nonsense": 1}]'])
def test_json_that_does_not_fit_is_explained(
    said: str, visit: Visit, alice: Actor, iris: Version
) -> None:
    tab = visit(alice, "playground.py", model=iris.model, mode="JSON")
    tab.text_area(key=f"playground.{iris.id}.json").set_value(said)
    assert "Check what you entered" in submit(tab).error[0].value
    assert tab.text_area(key=f"playground.{iris.id}.json").value == said


def test_a_failure_of_the_model_leaves_the_page_standing(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    assert iris.schema is not None
    fewer = replace(iris.schema, fields=iris.schema.fields[:2])
    versions.edit(reg, alice, iris.ref, schema=fewer)
    tab = submit(visit(alice, "playground.py", model=iris.model))
    assert "No prediction" in tab.error[0].value
    assert [e.label for e in tab.expander if e.label == "What the model said"]
    assert tab.number_input(key=field_key(iris)).value is not None


def test_it_warms_up(visit: Visit, alice: Actor, iris: Version, reg: Registry) -> None:
    reg.pool.drop(iris.id)
    tab = visit(alice, "playground.py", model=iris.model)
    tab.button(key="playground.warm").click().run()
    assert reg.pool.state(iris.id) == "warm"


def test_a_version_that_cannot_run_says_why(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    versions.edit(reg, alice, iris.ref, lifecycle="archived")
    tab = visit(alice, "playground.py", model=iris.model)
    assert "does not predict" in words(tab)
    assert "archived" in words(tab).lower()


def test_a_public_model_is_tried_by_everyone_and_a_private_one_by_nobody_else(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    assert "Not found" in words(visit(bob, "playground.py", model=iris.model))
    models.publish_to_all(reg, alice, iris.model)
    assert submit(visit(bob, "playground.py", model=iris.model)).metric


def test_a_picture_is_shown_as_the_model_sees_it(
    visit: Visit, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    from PIL import Image

    version = publish_file(alice, makers.onnx_picture(tmp_path), name="Pictures")
    assert version.schema is not None
    tensor = version.schema.tensors[0]
    assert tensor.image is not None
    picture = tmp_path / "grey.png"
    Image.new("RGB", (40, 30), "grey").save(picture)
    tab = visit(alice, "playground.py", model=version.model)
    key = f"playground.{version.id}.{tensor.name}.file"
    tab.file_uploader(key=key).upload("grey.png", picture.read_bytes(), "image/png").run()
    assert not tab.error
    assert tab.get("image")
    assert "Answered in" in words(submit(tab))


def row_of(schema: Schema) -> dict[str, Any]:
    return {field.name: None for field in schema.fields}


@pytest.fixture
def every_type() -> Schema:
    """A field of each type, nullable and not."""
    kinds = ("boolean", "integer", "long", "float", "double", "string", "datetime")
    fields = [Field(kind, kind) for kind in kinds]  # type: ignore[arg-type]
    fields += [replace(field, name=f"{field.name}?", nullable=True) for field in fields]
    fields.append(Field("code", "string", categories=("001", "002")))
    return Schema("table", fields=tuple(fields))


_SCRIPT = """
import streamlit as st
from pages.parts import forms
st.session_state["row"] = forms.table(st.session_state["schema"], "t")
"""


def test_the_form_has_a_widget_of_its_kind_for_every_type(every_type: Schema) -> None:
    tab = AppTest.from_string(_SCRIPT, default_timeout=20)
    tab.session_state["schema"] = every_type
    tab.run()
    assert not tab.exception
    row = tab.session_state["row"]
    assert row["integer"] == 0
    assert row["double"] == 0.0
    assert row["boolean"] is False
    assert row["code"] == "001"
    assert [row[name] for name in row if name.endswith("?")] == [None] * 7, "missing is explicit"
    tab.text_input(key="t.field.5").set_value("001").run()
    assert tab.session_state["row"]["string"] == "001"


def test_tensors_that_are_missing_or_no_json_are_named() -> None:
    assert forms.numbers({"x": "[[1, 2]]", "y": [[3]]}) == {"x": [[1, 2]], "y": [[3]]}
    with pytest.raises(InvalidInput) as wrong:
        forms.numbers({"x": "[1,", "y": None})
    assert set(wrong.value.problems) == {"x", "y"}

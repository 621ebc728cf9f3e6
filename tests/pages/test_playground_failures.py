"""Whatever goes wrong with a prediction is explained, logged, and leaves the page standing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from registry import access, predictions, versions
from registry.core import Registry
from registry.records import Actor, Field, Schema, Version
from tests.makers import failing
from tests.makers import models as makers

Visit = Callable[..., AppTest]
Publish = Callable[..., Version]


def submit(tab: AppTest) -> str:
    """Press Submit; what the first error says. The form is still there."""
    next(button for button in tab.button if button.label == "Submit").click().run()
    assert not tab.exception
    assert [button for button in tab.button if button.label == "Submit"]
    return str(tab.error[0].value)


def say(tab: AppTest, version: Version, rows: Any) -> str:
    """Put the rows as JSON; what the first error says."""
    tab.text_area(key=f"playground.{version.id}.json").set_value(json.dumps(rows))
    return submit(tab)


def outcome(reg: Registry, actor: Actor) -> str:
    predictions.flush(reg)
    return predictions.find(reg, actor).items[0].outcome


@pytest.fixture
def typed(visit: Visit, reg: Registry, alice: Actor, iris: Version) -> tuple[AppTest, Version]:
    """Alice's model with one column of categories, in the mode JSON."""
    assert iris.schema is not None
    first, *others = iris.schema.fields
    coded = Field(first.name, "double", categories=("1.0", "2.0"))
    schema = replace(iris.schema, fields=(coded, *others))
    version = versions.edit(reg, alice, iris.ref, schema=schema)
    return visit(alice, "playground.py", model=iris.model, mode="JSON"), version


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda row, name: row | {name: "wide"}, "must be a number, got 'wide'"),
        (lambda row, name: {k: v for k, v in row.items() if k != name}, "is missing"),
        (lambda row, name: row | {"sepal length (cm)": 7.5}, "7.5 is not one of 1.0, 2.0"),
    ],
    ids=["a wrong type", "a missing column", "an unknown category"],
)
def test_an_input_that_does_not_fit_is_explained_by_its_column(
    change: Callable[[dict[str, Any], str], dict[str, Any]],
    why: str,
    typed: tuple[AppTest, Version],
    reg: Registry,
    alice: Actor,
) -> None:
    tab, version = typed
    row = {field.name: 1.0 for field in (version.schema or Schema("table")).fields}
    said = say(tab, version, change(row, "petal width (cm)"))
    assert "Check what you entered" in said
    assert why.replace("'", "\\'") in said or why in said.replace("\\", "")
    assert outcome(reg, alice) == "InvalidInput"


def test_a_crash_is_explained_and_the_next_question_is_answered(
    visit: Visit, reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, failing.crashing_tree(tmp_path), name="Crashing")
    tab = visit(alice, "playground.py", model=version.model, mode="JSON")
    assert version.schema is not None
    row = {field.name: 1.0 for field in version.schema.fields}
    said = say(tab, version, row | {"petal width (cm)": 2.5, "petal length (cm)": 6.0})
    assert "The model crashed" in said
    assert "segmentation fault" in said
    assert outcome(reg, alice) == "WorkerCrashed"
    assert "You have not asked this model anything yet" not in said
    tab.text_area(key=f"playground.{version.id}.json").set_value(json.dumps(row | {
        "petal width (cm)": 0.1, "petal length (cm)": 1.0}))  # fmt: skip
    next(button for button in tab.button if button.label == "Submit").click().run()
    assert not tab.error
    assert tab.metric


def test_a_model_that_is_no_longer_shared_is_not_found(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    access.share(reg, alice, iris.model, bob.username, "view")
    tab = visit(bob, "playground.py", model=iris.model)
    assert tab.button
    access.unshare(reg, alice, iris.model, bob.username)
    next(button for button in tab.button if button.label == "Submit").click().run()
    assert not tab.exception
    assert "Not found" in tab.error[0].value


def test_a_version_that_fails_does_not_keep_the_others_from_answering(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, publish_file: Publish,
    iris_file: Path, tmp_path: Path,
) -> None:  # fmt: skip
    publish_file(alice, failing.crashing_tree(tmp_path), model=iris.model)
    archived = publish_file(alice, iris_file, model=iris.model)
    versions.edit(reg, alice, archived.ref, lifecycle="archived")
    tab = visit(alice, "playground.py", model=iris.model, version=["1", "2", "3"], mode="JSON")
    assert iris.schema is not None
    row = {field.name: 1.0 for field in iris.schema.fields}
    say(tab, iris, row | {"petal width (cm)": 2.5, "petal length (cm)": 6.0})
    said = "\n".join(error.value for error in tab.error)
    assert len(tab.error) == 2
    assert "The model crashed" in said
    assert "is archived" in said
    assert [metric.label for metric in tab.metric] == ["Answer"]


def test_a_version_without_a_column_in_common_says_so(
    visit: Visit, alice: Actor, iris: Version, publish_file: Publish, tmp_path: Path
) -> None:
    other = publish_file(alice, makers.sklearn_pipeline(tmp_path), name="Customers")
    tab = visit(alice, "playground.py", model=iris.model, version=["1", other.ref])
    assert "takes none of these columns" in submit(tab)
    assert [metric.label for metric in tab.metric] == ["Answer"]

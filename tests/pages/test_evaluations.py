"""Evaluating on rows: the dialog on the compare page, and the page of data sets and evaluations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from registry import datasets, evaluations, results, staging
from registry.core import Registry
from registry.records import Actor, Dataset, Version

Visit = Callable[..., AppTest]


def words(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in (*tab.markdown, *tab.caption, *tab.error))


@pytest.fixture
def rows(reg: Registry, alice: Actor, iris: Version) -> Dataset:
    names = [field.name for field in iris.schema.fields] if iris.schema else []
    text = ",".join([*names, "species"]) + "\n" + "5,3,1,0.2,setosa\n6,3,4,1.5,versicolor\n" * 3
    with staging.receive(reg, alice, "rows.csv") as incoming:
        incoming.write(text.encode())
        staged = incoming.finish()
    return datasets.add(reg, alice, staged.id)


def test_the_page_teaches_when_there_is_nothing(visit: Visit, alice: Actor) -> None:
    said = words(visit(alice, "evaluations.py"))
    assert "No evaluations yet" in said
    assert "No data sets yet" in said


def test_the_dialog_guesses_target_and_task_of_stored_rows(
    visit: Visit, alice: Actor, iris: Version, rows: Dataset
) -> None:
    tab = visit(alice, "compare.py", v=iris.ref)
    tab.button(key="compare.evaluate").click().run()
    assert tab.selectbox(key=f"evaluating.{rows.id}.target").value == "species"
    assert str(tab.selectbox(key=f"evaluating.{rows.id}.task.species").value) == "classification"
    assert not tab.button(key="evaluating.go").disabled
    assert "never the answers" in words(tab)


def test_one_under_way_can_be_cancelled_after_a_reload(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, rows: Dataset
) -> None:
    given = (rows.id, [iris.ref], "species", "classification")
    evaluation_id = evaluations.start(reg, alice, *given)  # type: ignore[arg-type]
    tab = visit(alice, "compare.py", v=iris.ref)
    tab.button(key=f"evaluating.cancel.{evaluation_id}").click().run()
    assert results.get(reg, alice, evaluation_id).state == "failed"


def test_deleting_says_what_stays(visit: Visit, alice: Actor, rows: Dataset) -> None:
    tab = visit(alice, "evaluations.py")
    tab.button(key=f"evaluations.{rows.id}.remove").click().run()
    assert "keep their figures" in words(tab)
    assert not tab.button(key="evaluations.confirm").disabled

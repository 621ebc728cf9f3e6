"""The page Train: what it teaches, whose trainings it lists, the dialog that saves one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from registry import staging, trainings
from registry.core import Registry
from registry.records import Actor, Candidate, Field, Finding, Plan, Schema

Visit = Callable[..., AppTest]
TABLE = "id,size,city,price\n" + "".join(
    f"{n},{n * 7 % 11}.5,{'Ulm' if n % 3 else 'Bonn'},{n % 13}.25\n" for n in range(1, 41)
)


def words(tab: AppTest) -> str:
    said = "\n".join(str(part.value) for part in (*tab.markdown, *tab.caption, *tab.error))
    return said.replace("\\", "")


@pytest.fixture
def staged_id(reg: Registry, alice: Actor) -> str:
    with staging.receive(reg, alice, "<b>rows</b>.csv") as incoming:
        incoming.write(TABLE.encode())
        return incoming.finish().id


@pytest.fixture
def over(reg: Registry, alice: Actor, staged_id: str) -> str:
    """A training that has found two candidates, one of which failed."""
    training_id = trainings.start(reg, alice, staged_id, "price", "regression", {"size": "number"})
    tried = (Candidate("floor", "Floor: always the mean"), Candidate("ridge", "Ridge regression"))
    leak = Finding("warn", "leak", "size may give the answer away")
    schema = Schema("table", (Field("size", "double"),), target="price")
    metrics = ("r2_score", "mean_absolute_error")
    plan = Plan(40, 5, "r2_score", metrics, tried, (leak,), ("1 × numbers (size): scaled",), schema)
    scores = {"r2_score": (0.5, 0.7, 0.6), "mean_absolute_error": (1.0, 2.0, 3.0)}
    best = Candidate("ridge", "Ridge regression", scores, 0.25, draft_id="gone")
    failed = Candidate("floor", "Floor: always the mean", failure="it <i>crashed</i>")
    trainings.conclude(reg, training_id, plan, (best, failed), 3.0)
    return training_id


def test_the_page_teaches_when_there_is_nothing(visit: Visit, alice: Actor) -> None:
    assert "only what you save becomes a model" in words(visit(alice, "train.py"))


def test_columns_are_shown_with_what_they_are_taken_for(
    visit: Visit, alice: Actor, staged_id: str
) -> None:
    tab = visit(alice, "train.py", rows=staged_id)
    said = words(tab)
    assert "40 rows, 4 columns" in said
    assert "Learns from 2 columns" in said
    assert tab.selectbox(key=f"train.{staged_id}.target").value == "price"
    assert str(tab.selectbox(key=f"train.{staged_id}.task.price").value) == "regression"
    assert "<b>" not in "".join(str(part.value) for part in tab.subheader)


def test_training_starts_and_can_be_cancelled_after_a_reload(
    visit: Visit, reg: Registry, alice: Actor, staged_id: str
) -> None:
    tab = visit(alice, "train.py", rows=staged_id)
    tab.button(key="train.go").click().run()
    (started,) = trainings.find(reg, alice)
    assert (started.target, started.task, started.state) == ("price", "regression", "queued")
    tab = visit(alice, "train.py", id=started.id)
    tab.button(key=f"train.cancel.{started.id}").click().run()
    assert trainings.get(reg, alice, started.id).state == "failed"
    assert "cancelled" in words(visit(alice, "train.py", id=started.id)).lower()


def test_the_leaderboard_says_what_is_best_and_what_to_beware_of(
    visit: Visit, alice: Actor, over: str
) -> None:
    tab = visit(alice, "train.py", id=over)
    said = words(tab)
    assert "R² 0.6 ± 0.082" in said
    assert "Mean absolute error 2 ± 0.82" in said
    assert "Size may give the answer away" in said
    assert "**Ridge regression** is best" in said
    assert "it <i>crashed</i>" in said
    assert tab.button(key="train.save.ridge").disabled


def test_somebody_elses_training_is_not_found(visit: Visit, bob: Actor, over: str) -> None:
    said = words(visit(bob, "train.py", id=over))
    assert "Not found" in said
    assert "Ridge" not in said


def test_deleting_says_what_stays(visit: Visit, alice: Actor, over: str) -> None:
    tab = visit(alice, "train.py")
    tab.button(key=f"train.remove.{over}").click().run()
    assert "Models saved from it stay" in words(tab)
    assert not tab.button(key="train.confirm").disabled

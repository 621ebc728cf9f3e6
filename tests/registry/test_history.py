"""Predictions from before: found by filters, flagged, shared, exported, rerun."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import insert, update

from registry import access, accounts, activity, keeping, models, predict, predictions, reruns
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry.records import GUEST, OutputValue, PredictionFilter
from registry.tables import PredictionRow, new_id, now
from tests.conftest import PASSWORD


@pytest.fixture
def asked(reg, alice, iris):
    """Alice asks her model with everything kept; gives the id."""
    keeping.choose(reg, alice, iris.model, "full", 30)

    def ask(actor=alice, rows=None):
        answer = predict.predict(reg, actor, iris.ref, rows or [iris.schema.example])
        predictions.flush(reg)
        return answer.id

    return ask


def add(reg, version, actor, n=1, **changed):
    """Lines straight into the table, a minute apart, the newest first."""
    rows = [
        {
            "id": new_id(), "at": now() - timedelta(minutes=k), "model_id": version.model_id,
            "version_id": version.id, "user_id": actor.id, "n_rows": 1, "latency_ms": 2.0,
            "outcome": "ok", **changed,
        }
        for k in range(n)
    ]  # fmt: skip
    with reg.writing() as s:
        s.execute(insert(PredictionRow), rows)
    return [row["id"] for row in rows]


def found(reg, actor, **only):
    return {line.id for line in predictions.find(reg, actor, only=PredictionFilter(**only)).items}


def test_each_filter_leaves_what_fits(reg, alice, iris, publish_file, iris_file):
    second = publish_file(alice, iris_file, model=iris.model, check=False)
    [plain] = add(reg, iris, alice)
    [failed] = add(reg, iris, alice, outcome="PredictionTimeout")
    [large] = add(reg, iris, alice, n_rows=500)
    [wrong] = add(reg, iris, alice, flag="wrong")
    [newer] = add(reg, second, alice)
    [old] = add(reg, iris, alice, at=now() - timedelta(days=9))
    today, everything = now().date(), {plain, failed, large, wrong, newer, old}
    assert found(reg, alice) == everything
    assert found(reg, alice, version=2) == {newer}
    assert found(reg, alice, outcome="failed") == {failed}
    assert found(reg, alice, outcome="PredictionTimeout") == {failed}
    assert found(reg, alice, outcome="ok") == everything - {failed}
    assert found(reg, alice, flag="any") == found(reg, alice, flag="wrong") == {wrong}
    assert found(reg, alice, flag="unsure") == set()
    assert found(reg, alice, until=today - timedelta(days=9)) == {old}
    assert old not in found(reg, alice, since=today - timedelta(days=8))
    assert old in found(reg, alice, since=today - timedelta(days=9))
    assert found(reg, alice, least_rows=2, most_rows=500) == {large}


def test_whoever_manages_a_model_sees_all_of_it_or_only_their_own(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "view")
    [mine], [his] = add(reg, iris, alice), add(reg, iris, bob)
    everybody = predictions.find(reg, alice, iris.model).items
    assert {line.id for line in everybody} == {mine, his}
    only = PredictionFilter(mine=True)
    assert [line.id for line in predictions.find(reg, alice, iris.model, only=only).items] == [mine]
    assert [line.id for line in predictions.find(reg, bob, iris.model).items] == [his]


def test_the_models_that_one_asked_are_named_while_one_may_see_them(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "view")
    assert predictions.models_of(reg, bob) == ()
    add(reg, iris, bob, n=3)
    assert predictions.models_of(reg, bob) == (iris.model,)
    access.unshare(reg, alice, iris.model, "bob")
    assert predictions.models_of(reg, bob) == ()


def test_a_kept_prediction_has_its_input_and_its_answer(reg, alice, iris, asked):
    past = predictions.get(reg, alice, asked())
    assert past.inputs == [iris.schema.example]
    assert past.mine
    assert past.line.kept
    assert past.n_answered == 1
    assert {output.role for output in past.outputs} >= {"label", "probabilities"}
    assert len(past.digest) == 64


def test_a_stranger_does_not_find_it_and_a_grantee_only_by_its_link(
    reg, alice, bob, new_user, iris, asked
):
    carol, prediction_id = new_user("carol"), asked()
    access.share(reg, alice, iris.model, "bob", "view")
    for other in (bob, carol, GUEST):
        with pytest.raises(NotFound):
            predictions.get(reg, other, prediction_id)
    predictions.share(reg, alice, prediction_id)
    assert predictions.get(reg, bob, prediction_id).inputs == [iris.schema.example]
    assert not predictions.get(reg, bob, prediction_id).mine
    for other in (carol, GUEST):
        with pytest.raises(NotFound):
            predictions.get(reg, other, prediction_id)
    access.unshare(reg, alice, iris.model, "bob")
    with pytest.raises(NotFound):
        predictions.get(reg, bob, prediction_id)
    models.publish_to_all(reg, alice, iris.model)
    assert predictions.get(reg, carol, prediction_id).outputs
    predictions.unshare(reg, alice, prediction_id)
    with pytest.raises(NotFound):
        predictions.get(reg, carol, prediction_id)


def test_managers_see_what_others_asked_but_only_its_author_flags_and_shares(
    reg, alice, bob, iris, asked
):
    access.share(reg, alice, iris.model, "bob", "view")
    his = asked(bob)
    assert predictions.get(reg, alice, his).inputs == [iris.schema.example]
    for change in (
        lambda: predictions.flag(reg, alice, his, "wrong"),
        lambda: predictions.share(reg, alice, his),
        lambda: predictions.unshare(reg, alice, his),
    ):
        with pytest.raises(Forbidden):
            change()


def test_what_was_asked_is_out_of_sight_while_the_model_is(reg, alice, bob, iris, asked):
    access.share(reg, alice, iris.model, "bob", "view")
    his = asked(bob)
    access.unshare(reg, alice, iris.model, "bob")
    assert predictions.find(reg, bob).total == 0
    for ask in (predictions.get, predictions.share, partial(predictions.flag, flag="wrong")):
        with pytest.raises(NotFound):
            ask(reg, bob, his)
    access.share(reg, alice, iris.model, "bob", "view")
    assert predictions.get(reg, bob, his).mine


def test_what_was_asked_of_an_own_model_stays_while_it_is_in_the_trash(reg, alice, iris):
    [prediction_id] = add(reg, iris, alice)
    models.trash(reg, alice, iris.model)
    assert predictions.get(reg, alice, prediction_id).mine
    assert predictions.find(reg, alice).total == 1


def test_what_is_not_kept_cannot_be_shared(reg, alice, iris):
    [prediction_id] = add(reg, iris, alice)
    with pytest.raises(Conflict, match="nothing is kept"):
        predictions.share(reg, alice, prediction_id)


def test_a_flag_has_a_reason_and_can_be_taken_back(reg, alice, iris):
    [prediction_id] = add(reg, iris, alice)
    predictions.flag(reg, alice, prediction_id, "wrong", "  it is a\n virginica ")
    line = predictions.get(reg, alice, prediction_id).line
    assert (line.flag, line.flag_reason) == ("wrong", "it is a virginica")
    predictions.flag(reg, alice, prediction_id, None, "ignored")
    line = predictions.get(reg, alice, prediction_id).line
    assert (line.flag, line.flag_reason) == ("", "")


@pytest.mark.parametrize(
    ("flag", "reason", "field"),
    [("nonsense", "", "flag"), ("other", " ", "reason"), ("wrong", "x" * 501, "reason")],
)
def test_a_flag_that_does_not_fit_is_refused(reg, alice, iris, flag, reason, field):
    [prediction_id] = add(reg, iris, alice)
    with pytest.raises(InvalidInput) as refused:
        predictions.flag(reg, alice, prediction_id, flag, reason)
    assert set(refused.value.problems) == {field}


def test_others_who_see_the_model_do_not_read_who_flagged_what(reg, alice, bob, iris):
    models.publish_to_all(reg, alice, iris.model)
    [prediction_id] = add(reg, iris, alice)
    predictions.flag(reg, alice, prediction_id, "offensive")
    assert "prediction.flag" in {line.action for line in activity.find(reg, alice).items}
    assert "prediction.flag" not in {line.action for line in activity.find(reg, bob).items}


def test_an_export_holds_all_pages_and_no_cell_is_a_formula(reg, alice, bob, iris):
    add(reg, iris, alice, n=1203)
    bad = ("=1+1", "+1+cmd", "-A1", "@A1", "\tx", "\rx", "＝1")
    for reason in bad:
        add(reg, iris, alice, flag="other", flag_reason=reason)
    add(reg, iris, alice, inputs={"rows": [{"=cmd": "=1"}]})
    access.share(reg, alice, iris.model, "bob", "view")
    add(reg, iris, bob)
    text = "".join(predictions.export(reg, alice))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len({row["id"] for row in rows}) == 1203 + len(bad) + 1
    assert {row["by"] for row in rows} == {"alice"}
    reasons = [row["flag_reason"] for row in rows if row["flag"] == "other"]
    assert sorted(reasons) == sorted(f"'{reason}" for reason in bad)
    assert [row["inputs"] for row in rows if row["inputs"]] == ['{"rows": [{"=cmd": "=1"}]}']
    only = PredictionFilter(flag="any")
    assert len(
        list(csv.reader("".join(predictions.export(reg, alice, only=only)).splitlines(True)))
    )
    everybody = list(
        csv.DictReader(io.StringIO("".join(predictions.export(reg, alice, iris.model))))
    )
    assert {row["by"] for row in everybody} == {"alice", "bob"}


def test_an_export_of_a_hidden_model_is_not_found_before_a_line_is_written(reg, bob, iris):
    with pytest.raises(NotFound):
        predictions.export(reg, bob, iris.model)


def test_kept_answers_of_a_version_are_ones_own_and_the_newest(reg, alice, bob, iris, asked):
    access.share(reg, alice, iris.model, "bob", "view")
    asked(bob)
    ids = [asked() for _ in range(3)]
    given = predictions.answers(reg, alice, iris.ref, 2)
    assert [past.line.id for past in given] == ids[:0:-1]
    assert all(past.outputs for past in given)
    access.unshare(reg, alice, iris.model, "bob")
    with pytest.raises(NotFound):
        predictions.answers(reg, bob, iris.ref)


def test_a_rerun_says_whether_the_answer_changed(reg, alice, iris, asked, publish_file, tmp_path):
    from tests.makers import models as makers

    past = predictions.get(reg, alice, asked())
    again = reruns.rerun(reg, alice, iris.ref, past.inputs, past.outputs, past.n_answered)
    assert again.differences == ()
    assert again.answer.id != past.line.id
    other = publish_file(alice, makers.sklearn_forest(tmp_path), model=iris.model)
    changed = reruns.rerun(reg, alice, other.ref, past.inputs, past.outputs, past.n_answered)
    assert any(said.startswith("probabilities moved by up to 0.") for said in changed.differences)


def test_a_rerun_compares_only_the_rows_that_were_kept(reg, alice, iris, asked):
    past = predictions.get(reg, alice, asked(rows=[iris.schema.example] * 3))
    again = reruns.rerun(reg, alice, iris.ref, past.inputs[:3], past.outputs, past.n_answered)
    assert (again.differences, again.answer.n_rows) == ((), 3)
    fewer = tuple(type(o)(o.name, o.role, o.values[:1]) for o in past.outputs)
    assert reruns.rerun(reg, alice, iris.ref, past.inputs, fewer, 1).differences == ()


def test_a_person_who_leaves_takes_along_what_they_entered(reg, alice, bob, iris, asked):
    access.share(reg, alice, iris.model, "bob", "view")
    his = asked(bob)
    predictions.flag(reg, bob, his, "wrong", "my own words")
    predictions.share(reg, bob, his)
    accounts.delete_account(reg, bob, PASSWORD)
    past = predictions.get(reg, alice, his)
    assert (past.line.actor, past.line.flag, past.line.flag_reason) == ("former user", "wrong", "")
    assert (past.inputs, past.outputs, past.digest) == (None, (), "")
    assert not past.line.shared


def test_a_page_of_ten_thousand_asks_for_one_page(reg, alice, iris):
    add(reg, iris, alice, n=2500)
    page = predictions.find(reg, alice, page=50, size=50)
    assert (len(page.items), page.total, page.n_pages) == (50, 2500, 50)
    assert page.items[0].at > page.items[-1].at
    with reg.reading() as s:
        plan = s.connection().exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM predictions WHERE user_id = 'x' "
            "ORDER BY at DESC LIMIT 50"
        )
        assert "ix_predictions_user_at" in str(plan.all())


def test_old_rows_without_a_user_are_nobodys(reg, alice, bob, iris):
    [prediction_id] = add(reg, iris, alice)
    with reg.writing() as s:
        s.execute(update(PredictionRow).values(user_id=None))
    assert predictions.get(reg, alice, prediction_id).line.actor == "former user"
    assert not predictions.get(reg, alice, prediction_id).mine
    with pytest.raises(NotFound):
        predictions.get(reg, bob, prediction_id)


def test_a_rerun_names_what_changed(reg, alice, iris):
    example = iris.schema.example
    true = predict.predict(reg, alice, iris.ref, [example, example]).outputs
    label = next(output for output in true if output.role == "label")
    other = replace(label, values=["no such flower", label.values[1]])
    gone = OutputValue("embedding", "tensor", [[1.0], [2.0]])
    shape = replace(next(o for o in true if o.role == "probabilities"), values=[[1.0], [1.0]])
    again = reruns.rerun(reg, alice, iris.ref, [example, example], [other, gone, shape], 2)
    assert again.differences == (
        f"{label.name} was no such flower, is {label.values[0]} (row 1), in 1 of 2 rows",
        "there is no output 'embedding' any more",
        f"{shape.name} has another shape or other entries in 2 of 2 rows",
    )

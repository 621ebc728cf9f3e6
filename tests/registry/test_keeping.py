"""What is kept of inputs: the owner's choice, its effect at once, and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import select, update

from registry import access, activity, inputs, keeping, kept, predict, predictions, retention
from registry.errors import Forbidden, InvalidInput, NotFound
from registry.records import Field, Kept, OutputValue, Schema, Tensor
from registry.tables import PredictionRow, now


def ask(reg, actor, version):
    prediction_id = predict.predict(reg, actor, version.ref, [version.schema.example]).id
    predictions.flush(reg)
    return prediction_id


def row(reg, prediction_id):
    with reg.reading() as s:
        return s.execute(
            select(PredictionRow).where(PredictionRow.id == prediction_id)
        ).scalar_one()


def age(reg, prediction_id, days):
    with reg.writing() as s:
        old = now() - timedelta(days=days)
        s.execute(update(PredictionRow).where(PredictionRow.id == prediction_id).values(at=old))


def test_a_new_model_keeps_the_digest_only(reg, alice, iris):
    assert keeping.get(reg, alice, iris.model) == Kept("digest", 30)
    line = row(reg, ask(reg, alice, iris))
    assert len(line.input_digest) == 64
    assert line.inputs is None
    assert line.answer is None


def test_nothing_means_not_even_a_digest_but_the_line_counts(reg, alice, iris):
    keeping.choose(reg, alice, iris.model, "nothing")
    line = row(reg, ask(reg, alice, iris))
    assert (line.input_digest, line.inputs, line.answer) == ("", None, None)
    with reg.reading() as s:
        assert predictions.counts(s, alice, 1) == (1,)


def test_full_keeps_both_until_their_days_are_over(reg, alice, iris):
    keeping.choose(reg, alice, iris.model, "full", 7)
    old, new = ask(reg, alice, iris), ask(reg, alice, iris)
    predictions.share(reg, alice, old)
    predictions.flag(reg, alice, old, "unsure")
    age(reg, old, 8)
    assert keeping.sweep(reg) == 1
    assert keeping.sweep(reg) == 0
    gone, there = row(reg, old), row(reg, new)
    assert (gone.inputs, gone.answer, gone.shared_at, gone.flag) == (None, None, None, "unsure")
    assert len(gone.input_digest) == 64
    assert there.inputs == {"rows": [iris.schema.example]}
    assert there.answer["rows"] == 1


def test_the_sweep_of_the_trash_clears_inputs_too(reg, alice, iris):
    keeping.choose(reg, alice, iris.model, "full", 1)
    prediction_id = ask(reg, alice, iris)
    age(reg, prediction_id, 2)
    retention.sweep(reg)
    assert row(reg, prediction_id).inputs is None


@pytest.mark.parametrize(("what", "digests"), [("digest", 64), ("nothing", 0)])
def test_keeping_less_clears_what_was_kept_and_says_so_in_the_audit(
    reg, alice, iris, what, digests
):
    keeping.choose(reg, alice, iris.model, "full", 30)
    prediction_id = ask(reg, alice, iris)
    assert keeping.choose(reg, alice, iris.model, what) == 1
    line = row(reg, prediction_id)
    assert (line.inputs, line.answer, len(line.input_digest)) == (None, None, digests)
    said = activity.find(reg, alice, model=iris.model).items[0]
    assert said.action == "prediction.keep"
    assert (said.detail["what"], said.detail["cleared"]) == (what, 1)


def test_fewer_days_clear_what_is_older_at_once(reg, alice, iris):
    keeping.choose(reg, alice, iris.model, "full", 30)
    prediction_id = ask(reg, alice, iris)
    age(reg, prediction_id, 5)
    assert keeping.choose(reg, alice, iris.model, "full", 4) == 1
    assert row(reg, prediction_id).inputs is None


def test_what_is_on_the_queue_obeys_the_newest_choice(reg, alice, iris):
    keeping.choose(reg, alice, iris.model, "full", 30)
    answer = predict.predict(reg, alice, iris.ref, [iris.schema.example])
    keeping.choose(reg, alice, iris.model, "nothing")
    predictions.flush(reg)
    line = row(reg, answer.id)
    assert (line.inputs, line.answer, line.input_digest) == (None, None, "")


def test_only_those_who_manage_the_model_choose(reg, alice, bob, iris):
    with pytest.raises(NotFound):
        keeping.choose(reg, bob, iris.model, "full")
    access.share(reg, alice, iris.model, "bob", "edit")
    with pytest.raises(Forbidden):
        keeping.choose(reg, bob, iris.model, "full")
    assert keeping.get(reg, bob, iris.model).what == "digest"


@pytest.mark.parametrize(("what", "days"), [("all", 30), ("full", 0), ("full", 3651)])
def test_a_choice_that_does_not_fit_is_refused(reg, alice, iris, what, days):
    with pytest.raises(InvalidInput):
        keeping.choose(reg, alice, iris.model, what, days)


def test_rows_of_every_type_come_back_as_they_are_taken():
    kinds = ("boolean", "integer", "long", "float", "double", "string", "datetime", "binary")
    schema = Schema("table", fields=tuple(Field(kind, kind, nullable=True) for kind in kinds))
    row = {
        "boolean": True, "integer": 3, "long": 1 << 60, "float": 5.1, "double": 0.1,
        "string": "001", "binary": b"\x00\xff",
        "datetime": datetime(2026, 3, 1, 12),  # noqa: DTZ001 - columns are naive
    }  # fmt: skip
    prepared = inputs.prepare(schema, [row, dict.fromkeys(kinds)])
    assert isinstance(prepared.inputs, pa.Table)
    back = kept.given(kept.inputs_of(schema, prepared))
    assert back[0]["float"] == 5.1
    assert back[1] == dict.fromkeys(kinds)
    again = inputs.prepare(schema, back)
    assert again.inputs.equals(prepared.inputs)


def test_whole_numbers_of_a_matrix_stay_whole():
    schema = Schema("table", fields=(Field("n", "long"), Field("x", "double")))
    prepared = inputs.prepare(schema, {"n": 3, "x": 1})
    assert isinstance(prepared.inputs, dict)
    assert repr(kept.given(kept.inputs_of(schema, prepared))) == "[{'n': 3, 'x': 1.0}]"


@pytest.mark.parametrize("kind", ["float", "double"])
def test_no_digit_of_a_number_is_lost(kind):
    schema = Schema("table", fields=(Field("x", kind),))
    for value in (12_345_678.0, 0.1, 16_777_217.0, 1 / 3):
        prepared = inputs.prepare(schema, {"x": value})
        back = inputs.prepare(schema, kept.given(kept.inputs_of(schema, prepared)))
        assert inputs.digest(back) == inputs.digest(prepared)


def test_tensors_come_back_and_those_above_64_kb_or_not_finite_are_not_kept():
    schema = Schema("tensors", tensors=(Tensor("x", "float32", (-1, -1)),))
    small = inputs.prepare(schema, {"x": [[1.5, 2.5]]})
    assert kept.given(kept.inputs_of(schema, small)) == {"x": [[1.5, 2.5]]}
    limit = kept.MOST_INPUT_BYTES // 4
    for n, fits in ((limit, True), (limit + 1, False)):
        prepared = inputs.prepare(schema, {"x": np.ones((1, n), np.float32)})
        assert (kept.inputs_of(schema, prepared) is not None) == fits
    hole = inputs.prepare(schema, {"x": np.array([[np.nan]], np.float32)})
    assert kept.inputs_of(schema, hole) is None


def test_long_answers_lose_rows_and_then_their_largest_outputs():
    small = OutputValue("label", "label", ["a"] * 20_000)
    wide = OutputValue("embedding", "tensor", [[0.123456] * 50] * 20_000)
    outputs, n_rows = kept.answered(kept.answer_of([small, wide], 20_000))
    assert 0 < n_rows < 20_000
    assert [len(output.values) for output in outputs] == [n_rows, n_rows]
    huge = replace(wide, values=[[0.5] * 100_000])
    outputs, n_rows = kept.answered(kept.answer_of([replace(small, values=["a"]), huge], 1))
    assert n_rows == 1
    assert [output.values for output in outputs] == [["a"], []]
    assert kept.answered(None) == ((), 0)

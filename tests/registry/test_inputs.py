"""What people send is checked whole, exactly and in their words."""

from __future__ import annotations

import math
import tracemalloc
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from registry import inputs, tensors
from registry.errors import InvalidInput
from registry.records import AudioHints, Field, ImageHints, Schema, Tensor

ALL = Schema(
    "table",
    fields=(
        Field("flag", "boolean"),
        Field("count", "integer"),
        Field("big", "long", nullable=True),
        Field("ratio", "float"),
        Field("size", "double", minimum=0, maximum=10),
        Field("code", "string", categories=("001", "002")),
        Field("blob", "binary"),
        Field("when", "datetime"),
    ),
)
ROW = {
    "flag": True,
    "count": 3,
    "big": None,
    "ratio": 0.5,
    "size": 2,
    "code": "001",
    "blob": b"\x00",
    "when": "2026-03-01T12:00",
}
NUMBERS = Schema("table", fields=(Field("a", "double"), Field("b", "long")))


def problems(schema, rows):
    with pytest.raises(InvalidInput) as refused:
        inputs.prepare(schema, rows)
    return refused.value.problems


def test_every_type_arrives_as_itself():
    table = inputs.prepare(ALL, [ROW]).inputs
    assert isinstance(table, pa.Table)
    assert [str(kind) for kind in table.schema.types] == [
        "bool", "int32", "int64", "float", "double", "string", "binary", "timestamp[us]",
    ]  # fmt: skip
    assert table.to_pylist() == [ROW | {"when": datetime(2026, 3, 1, 12)}]  # noqa: DTZ001


def test_all_problems_are_told_at_once():
    bad = {
        "flag": "maybe", "count": 1.5, "ratio": "much", "size": None, "code": "1",
        "blob": "!", "when": "soon", "colour": 1,
    }  # fmt: skip
    found = problems(ALL, bad)
    assert set(found) == {"flag", "count", "ratio", "size", "code", "blob", "when", "colour"}
    assert "true or false" in found["flag"]
    assert "whole number" in found["count"]
    assert "must have a value" in found["size"]
    assert found["code"] == "'1' is not one of 001, 002"
    assert "no column of this model" in found["colour"]


def test_a_missing_column_is_named():
    assert problems(NUMBERS, {"a": 1}) == {"b": "is missing"}


def test_a_missing_column_takes_its_default():
    schema = Schema("table", fields=(Field("a", "double", default=7.0),))
    assert inputs.prepare(schema, {}).inputs[""].tolist() == [[7.0]]


def test_what_is_used_for_a_column_left_out_is_said():
    schema = Schema("table", fields=(Field("a", "double", default=7.0), Field("b", "long")))
    [said] = inputs.prepare(schema, [{"b": 1}, {"a": 2, "b": 1}, {"b": 2}]).findings
    assert (said.rule, said.what) == ("filled", "a was left out in 2 rows")
    assert said.why == "7.0 was used, the default of its schema"
    assert inputs.prepare(schema, {"a": 7, "b": 1}).findings == ()


def test_as_many_remarks_as_fit_are_made_of_columns_left_out():
    many = tuple(Field(f"c{n}", "double", default=0.0) for n in range(100))
    assert len(inputs.prepare(Schema("table", fields=many), {}).findings) == 20


def test_a_mistyped_column_is_guessed_among_those_left_out():
    schema = Schema("table", fields=(Field("age", "double", default=7.0), Field("wage", "double")))
    told = problems(schema, {"agee": 1, "wage": 2, "x" * 1000: 0})
    assert told["agee"] == "is no column of this model; did you mean age?"
    assert told["x" * 1000] == "is no column of this model; leave it out"
    assert "leave it out" in problems(schema, {"agee": 1, "age": 1, "wage": 2})["agee"]


def test_rows_are_counted_from_one():
    rows = [{"a": 1, "b": 1}, {"a": "x", "b": 1}, {"a": "y", "b": 1}]
    assert problems(NUMBERS, rows) == {"a": "row 2: must be a number, got 'x' (and 1 more rows)"}


@pytest.mark.parametrize("rows", [[], [1], ["a"], [{}] * (inputs.MAX_ROWS + 1)])
def test_what_is_no_table_is_refused(rows):
    assert "rows" in problems(NUMBERS, rows)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 2**31),
        ("integer", -(2**31) - 1),
        ("long", 2**63),
        ("long", "9" * 25),
        ("integer", True),
        ("integer", 1.5),
        ("integer", math.inf),
        ("integer", "0x10"),
        ("long", 1e300),
        ("double", True),
        ("double", math.inf),
        ("double", 10**400),
        ("double", [1]),
        ("float", 1e39),
        ("string", 5),
        ("string", True),
        ("boolean", 2),
        ("datetime", 20260301),
        ("binary", 5),
    ],
)
def test_what_does_not_fit_is_refused(kind, value):
    assert "a" in problems(Schema("table", fields=(Field("a", kind),)), {"a": value})


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("integer", 2.0, 2),
        ("integer", " 12 ", 12),
        ("integer", np.int64(4), 4),
        ("long", 2**63 - 1, 2**63 - 1),
        ("long", str(2**53 + 1), 2**53 + 1),
        ("double", "1e3", 1000.0),
        ("double", np.float32(0.5), 0.5),
        ("boolean", "No", False),
        ("boolean", 1, True),
        ("string", "001", "001"),
        ("string", "", ""),
        ("string", "=cmd()", "=cmd()"),
        ("binary", "AAE=", b"\x00\x01"),
        ("datetime", date(2026, 3, 1), datetime(2026, 3, 1)),  # noqa: DTZ001
        ("datetime", datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 12)),  # noqa: DTZ001
        ("datetime", "2026-03-01T12:00+02:00", datetime(2026, 3, 1, 10)),  # noqa: DTZ001
    ],
)
def test_what_can_be_meant_only_one_way_is_taken(kind, value, kept):
    schema = Schema("table", fields=(Field("a", kind), Field("text", "string")))
    table = inputs.prepare(schema, {"a": value, "text": "x"}).inputs
    assert table.column("a").to_pylist() == [kept]


@pytest.mark.parametrize("value", [None, math.nan, np.float64("nan")])
def test_nulls_only_where_nullable(value):
    assert "a" in problems(Schema("table", fields=(Field("a", "double"),)), {"a": value})
    table = inputs.prepare(
        Schema("table", fields=(Field("a", "double", nullable=True),)), {"a": value}
    ).inputs
    assert table.column("a").to_pylist() == [None]


def test_numbers_go_the_fast_way_in_the_order_of_the_schema():
    prepared = inputs.prepare(NUMBERS, [{"b": 2, "a": 1.5}, {"a": 3.5, "b": 4}])
    assert prepared.n_rows == 2
    matrix = prepared.inputs[""]
    assert matrix.dtype == np.float64
    assert matrix.tolist() == [[1.5, 2.0], [3.5, 4.0]]


def test_integers_that_a_float_would_blur_go_as_a_table():
    table = inputs.prepare(NUMBERS, {"a": 1.0, "b": 2**53 + 1}).inputs
    assert table.column("b").to_pylist() == [2**53 + 1]


def test_a_value_outside_the_range_is_a_remark():
    [finding] = inputs.prepare(ALL, [ROW | {"size": 11.0}]).findings
    assert finding.rule == "range"
    assert "size: 11 is outside 0 to 10" in finding.what


def test_number_categories_are_checked():
    schema = Schema("table", fields=(Field("a", "long", categories=("1", "2")),))
    assert inputs.prepare(schema, {"a": 2}).inputs[""].tolist() == [[2.0]]
    assert "not one of 1, 2" in problems(schema, {"a": 3})["a"]


def test_equal_inputs_have_equal_digests():
    one = inputs.digest(inputs.prepare(NUMBERS, {"a": 1, "b": 2}))
    assert one == inputs.digest(inputs.prepare(NUMBERS, [{"b": 2, "a": 1.0}]))
    assert one != inputs.digest(inputs.prepare(NUMBERS, {"a": 1, "b": 3}))
    assert inputs.digest(inputs.prepare(ALL, ROW)) == inputs.digest(inputs.prepare(ALL, [ROW]))


X = Tensor("x", "float32", (-1, 2, 2))
GRID = Schema("tensors", tensors=(X,))


def test_nested_lists_become_tensors():
    prepared = inputs.prepare(GRID, {"x": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]})
    assert prepared.n_rows == 2
    assert prepared.inputs["x"].dtype == np.float32


def test_a_single_row_may_leave_the_first_axis_out():
    prepared = inputs.prepare(GRID, [{"x": [[1, 2], [3, 4]]}])
    assert (prepared.n_rows, prepared.inputs["x"].shape) == (1, (1, 2, 2))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([[1, 2, 3]], "expects float32 (N, 2, 2), got int64 (1, 3)"),
        ([[[1, 2], [3]]], "ragged"),
        ([[["a", "b"], ["c", "d"]]], "must be numbers, got text"),
        ({"no": 1}, "must hold numbers"),
        ([[[1e39, 0], [0, 0]]], "do not fit into float32"),
        (None, "must hold numbers"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(value, why):
    assert why in problems(GRID, {"x": value})["x"]


def test_rows_of_tensors_are_counted_too():
    schema = Schema("tensors", tensors=(Tensor("x", "float32", (-1, 2)),))
    most = [[0, 0]] * inputs.MAX_ROWS
    assert inputs.prepare(schema, {"x": most}).n_rows == 10_000
    why = "has 10,001 rows, at most 10,000 are taken at once"
    assert problems(schema, {"x": [*most, [0, 0]]}) == {"x": why}


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("x", "float32", (-1,), audio=AudioHints(layout="T")),
        Tensor("x", "float32", (-1,)),
        Tensor("x", "float32", (-1, 1), image=ImageHints("HW", 1, 1, 1)),
        Tensor("x", "float32", (1, -1)),
    ],
)
def test_samples_of_a_sound_and_lines_of_a_picture_are_no_rows(tensor):
    shape = [1 if size == 1 else 10_001 for size in tensor.shape]
    assert inputs.prepare(Schema("tensors", tensors=(tensor,)), {"x": np.zeros(shape)}).inputs


def test_missing_and_unknown_tensors_are_named():
    assert problems(GRID, {"y": 1}) == {
        "x": "is missing",
        "y": "is no input of this model; leave it out",
    }


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        ("int64", [1, 2], True), ("int64", [1.0, 2.0], True), ("int64", [1.5, 2], False),
        ("uint8", [0, 255], True), ("uint8", [0, 256], False), ("int8", [-129, 0], False),
        ("bool", [0, 1], True), ("bool", [0, 2], False), ("string", ["a", "b"], True),
        ("string", [1, 2], False), ("float64", [1, 2], True), ("bfloat16", [1, 2], False),
    ],
)  # fmt: skip
def test_conversions_lose_nothing(dtype, value, fits):
    schema = Schema("tensors", tensors=(Tensor("x", dtype, (-1,)),))
    if fits:
        assert inputs.prepare(schema, {"x": value}).n_rows == 2
    else:
        assert "x" in problems(schema, {"x": value})


def test_inputs_with_different_numbers_of_rows_are_refused():
    schema = Schema("tensors", tensors=(Tensor("a", "int64", (-1,)), Tensor("b", "int64", (-1,))))
    assert set(problems(schema, {"a": [1], "b": [1, 2]})) == {"a", "b"}


@pytest.mark.parametrize(
    ("layout", "shape"),
    [("NCHW", (1, 3, 2, 4)), ("NHWC", (1, 2, 4, 3)), ("CHW", (3, 2, 4)), ("HWC", (2, 4, 3)),
     ("NHW", (1, 2, 4)), ("HW", (2, 4))],
)  # fmt: skip
def test_a_picture_is_laid_out_as_the_hints_say(layout, shape):
    hints = ImageHints(layout, width=4, height=2, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    pixels = np.full((2, 4, 3), 255, np.uint8)
    made = tensors.from_picture(Tensor("x", "float32", (), image=hints), pixels)
    assert made.shape == shape
    assert made.dtype == np.float32
    assert np.allclose(made, 1.0)


def test_pixels_can_stay_as_they_are():
    hints = ImageHints("NHWC", width=2, height=2, channels=1, scale=1.0)
    pixels = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    made = tensors.from_picture(Tensor("x", "uint8", (), image=hints), pixels)
    assert made.tolist() == pixels[None].tolist()


@pytest.mark.parametrize(
    ("dtype", "value", "why"),
    [
        ("float32", ["x" * 20_000] + ["a"] * 10_000, "must be numbers, got text"),
        ("float32", [[["x" * 20_000]], *[[["a"]]] * 10_000], "must be numbers, got text"),
        ("string", ["x" * 20_000] + ["a"] * 10_000, "10,001 texts of up to 20,000 characters"),
        ("string", [["x" * 20_000], *[["a"]] * 10_000], "10,001 texts of up to 20,000 characters"),
    ],
)
def test_one_long_text_among_many_short_ones_takes_no_memory(dtype, value, why):
    tensor = Tensor("x", dtype, (-1,) if isinstance(value[0], str) else (-1, 1))
    tracemalloc.start()
    try:
        assert why in problems(Schema("tensors", tensors=(tensor,)), {"x": value})["x"]
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_texts_of_a_usual_length_are_taken():
    schema = Schema("tensors", tensors=(Tensor("x", "string", (-1,)),))
    texts = ["x" * 2_000] + ["short"] * 9_999
    assert inputs.prepare(schema, {"x": texts}).inputs["x"].tolist() == texts


def test_lists_nested_beyond_reason_are_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    assert "nested too deeply" in problems(GRID, {"x": value})["x"]
    while value:  # taken apart by hand: freeing it is recursive
        [value] = value


def test_what_takes_more_memory_than_there_is_is_a_problem_of_the_input():
    class Endless:
        def __array__(self, dtype=None, copy=None):
            raise MemoryError

    assert "more memory than there is" in problems(GRID, {"x": Endless()})["x"]


@pytest.mark.parametrize("shape", [(10**9, 0), (0, 10**9), (1000, 0, 1000)])
def test_an_axis_of_none_does_not_hide_a_huge_shape(shape):
    tensor = Tensor("x", "float32", (-1,) * len(shape))
    schema = Schema("tensors", tensors=(tensor,))
    assert "places for no value" in problems(schema, {"x": np.zeros(shape, np.float32)})["x"]
    with pytest.raises(InvalidInput, match="places for no value"):
        tensors.checked(tensor, np.zeros(shape, np.float32))


def test_a_few_empty_axes_are_taken():
    schema = Schema("tensors", tensors=(Tensor("past", "float32", (-1, 32, -1, 128)),))
    given = np.zeros((1, 32, 0, 128), np.float32)
    assert inputs.prepare(schema, {"past": given}).inputs["past"].shape == given.shape


def test_filling_counts_an_axis_of_none_as_one():
    with pytest.raises(InvalidInput, match="1,000,000,000 values; at most"):
        tensors.filled(Tensor("x", "float32", (-1, -1)), (10**9, 0))
    assert tensors.filled(Tensor("x", "float32", (-1, -1)), (3, 0)).shape == (3, 0)


@pytest.mark.parametrize("said", ["0001-01-01T00:00+05:00", "9999-12-31T23:59-05:00"])
def test_a_time_that_no_calendar_holds_in_utc_is_refused(said):
    schema = Schema("table", fields=(Field("when", "datetime"),))
    assert (
        "must be a time between the years 1 and 9999 in UTC"
        in problems(schema, {"when": said})["when"]
    )

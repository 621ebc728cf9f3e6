"""Features of an input: where they move, over which values, and how they are packed again."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from registry import features, inputs
from registry.errors import InvalidInput
from registry.records import Field, Schema, Tensor

DAY = datetime.fromisoformat("2026-01-01")
DAYS = timedelta(days=1)
FIRST, LAST = datetime.fromisoformat("0001-01-01"), datetime.fromisoformat("9999-12-31")


@pytest.mark.parametrize(
    ("field", "now", "within", "n", "expected"),
    [
        (Field("n", "long"), 3, (0, 4), 3, (0, 1, 2, 3, 4)),
        (Field("n", "long"), 7, (0, 100), 3, (0, 7, 50, 100)),
        (Field("x", "double"), 0.3, (0, 1), 3, (0, 0.3, 0.5, 1)),
        (Field("b", "boolean"), True, (0, 0), 3, (False, True)),
        (Field("b", "boolean", nullable=True), None, (0, 0), 3, (False, True, None)),
        (Field("c", "long", categories=("1", "20")), 20, (0, 0), 3, (1, 20)),
        (Field("c", "double", categories=("2.0", "1.5")), 1.5, (0, 0), 3, (1.5, 2.0)),
        (Field("c", "float", categories=("1.5",), nullable=True), 1.5, (0, 0), 3, (1.5, None)),
        (Field("c", "boolean", categories=("True", "False")), True, (0, 0), 3, (False, True)),
        (Field("x", "double", nullable=True), None, (0, 1), 3, (0, 0.5, 1, None)),
        (
            Field("t", "datetime"), DAY + timedelta(1), ("2026-01-01", "2026-01-03"), 2,
            (DAY, DAY + timedelta(1), DAY + timedelta(2)),
        ),
    ],
)  # fmt: skip
def test_steps_keep_their_type_and_hold_the_present_value(field, now, within, n, expected):
    found = features.steps(field, now, within, n)
    assert found == expected
    assert [type(v) for v in found if v is not None and field.type != "double"] == [
        type(v) for v in expected if v is not None and field.type != "double"
    ]


@pytest.mark.parametrize(
    ("field", "now", "expected"),
    [
        (Field("x", "double", minimum=1, maximum=5), 3.0, (1, 5)),
        (Field("x", "double", minimum=1, maximum=5), 9.0, (1, 9)),
        (Field("x", "double"), 4.0, (0, 8)),
        (Field("x", "double"), -4.0, (-8, 0)),
        (Field("x", "double"), 0.0, (-1, 1)),
        (Field("x", "double"), None, (-1, 1)),
        (Field("n", "long", minimum=0.5, maximum=2.5), 1, (0, 3)),
        (Field("n", "integer"), 2**31 - 5, (0, 2**31 - 1)),
        (Field("n", "long"), 2**63 - 1, (0, 2**63 - 1)),
        (Field("x", "float"), 3e38, (0, np.finfo(np.float32).max)),
        (Field("x", "double"), -1.7e308, (-1.7e308, 0)),
        (Field("t", "datetime"), FIRST + DAYS, (FIRST, FIRST + 181 * DAYS)),
        (Field("t", "datetime"), LAST - DAYS, (LAST - 181 * DAYS, LAST)),
    ],
)
def test_a_feature_moves_over_what_was_seen_or_around_its_value(field, now, expected):
    assert features.span(field, now) == expected
    assert now in features.steps(field, now, expected, 5)


@pytest.mark.parametrize(
    ("field", "within", "why"),
    [
        (Field("x", "double"), (-1.7e308, 1.7e308), "too wide"),
        (Field("x", "double", categories=("1.0", "high")), (0, 0), "must be a number"),
    ],
)
def test_a_range_or_category_that_is_none_is_refused(field, within, why):
    with pytest.raises(InvalidInput, match=why):
        features.steps(field, 1.0, within, 5)


@pytest.mark.parametrize(
    ("dtype", "now", "expected"),
    [
        ("uint8", 200, (0, 255)),
        ("uint8", 0, (0, 1)),
        ("int8", -100, (-128, 0)),
        ("int32", 7, (0, 14)),
        ("uint64", 3, (0, 6)),
        ("float16", 40_000.0, (0, 65_504)),
        ("float32", 4.0, (0, 8)),
    ],
)
@pytest.mark.parametrize("given", [list, np.array])
def test_an_element_of_a_tensor_moves_within_its_type(dtype, now, expected, given):
    schema = Schema("tensors", tensors=(Tensor("input", dtype, (-1, 2)),))
    row = {"input": [[now, 1]] if given is list else np.array([[now, 1]], dtype)}
    field = features.named(features.movable(schema, row), "input[0]")
    assert features.span(field, features.value(schema, row, field)) == expected
    values = features.steps(field, now, expected, 9)
    packed = features.packed(schema, row, [{"input[0]": value} for value in values])
    asked = inputs.prepare(schema, packed).inputs["input"]
    assert asked[:, 0] == pytest.approx(values, rel=1e-3)
    assert set(asked[:, 1].tolist()) == {1}


def test_elements_of_a_boolean_tensor_are_true_or_false():
    schema = Schema("tensors", tensors=(Tensor("input", "bool", (-1, 2)),))
    row = {"input": [[1, 0]]}
    field = features.named(features.movable(schema, row), "input[0]")
    now = features.value(schema, row, field)
    assert features.steps(field, now, features.span(field, now), 9) == (False, True)
    assert now is True


def test_what_does_not_fit_its_feature_is_refused():
    schema = Schema("table", fields=(Field("x", "double", categories=("1.0",)),))
    with pytest.raises(InvalidInput, match="not one of"):
        features.value(schema, {"x": 3.0}, schema.fields[0])


def test_a_tensor_out_of_its_type_has_nothing_to_move():
    schema = Schema("tensors", tensors=(Tensor("input", "uint8", (-1, 2)),))
    assert features.movable(schema, {"input": [[300, 1]]}) == ()

"""Several versions are asked at once, each for what it takes of the input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from registry import asking, predictions, versions
from registry.errors import Conflict, InvalidInput, NotFound
from registry.records import Field, Schema, Tensor

FLOWERS = Schema("table", fields=(Field("length", "double"), Field("width", "double")))
KNOWN = frozenset(("length", "width", "colour"))


def row(version: Any) -> dict[str, float]:
    return {field.name: 1.0 for field in version.schema.fields}


def test_versions_answer_in_their_order_and_each_attempt_is_logged(
    reg, alice, iris, publish_file, iris_file
):
    second = publish_file(alice, iris_file, model=iris.model)
    found = asking.several(reg, alice, [second.ref, iris.ref], [row(iris)])
    assert [attempt.ref for attempt in found] == [second.ref, iris.ref]
    assert all(attempt.answer and not attempt.failure for attempt in found)
    predictions.flush(reg)
    assert {line.ref for line in predictions.find(reg, alice).items} == {second.ref, iris.ref}


def test_one_that_fails_does_not_keep_the_other_from_answering(
    reg, alice, iris, publish_file, iris_file
):
    second = publish_file(alice, iris_file, model=iris.model)
    versions.edit(reg, alice, second.ref, lifecycle="archived")
    first, failed = asking.several(reg, alice, [iris.ref, second.ref], [row(iris)])
    assert first.answer is not None
    assert isinstance(failed.failure, Conflict)


def test_a_strangers_version_is_not_found_and_five_are_too_many(reg, alice, bob, iris):
    with pytest.raises(NotFound):
        asking.several(reg, bob, [iris.ref], [row(iris)])
    with pytest.raises(InvalidInput):
        asking.several(reg, alice, [iris.ref] * 5, [row(iris)])
    with pytest.raises(InvalidInput):
        asking.several(reg, alice, [], [row(iris)])


def test_columns_of_another_version_are_left_out_and_slips_stay():
    given, findings = asking.fitted(
        FLOWERS, [{"length": 1, "width": 2, "colour": "red", "widht": 3}], KNOWN
    )
    assert given == [{"length": 1, "width": 2, "widht": 3}]
    assert [finding.what for finding in findings] == ["it does not take colour"]


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        (Field("height", "double", default=2.5), "columns-filled"),
        (Field("height", "double", nullable=True), "columns-missing"),
        (Field("height", "double"), "columns-needed"),
    ],
)
def test_what_a_version_takes_besides_is_said(field: Field, rule: str):
    schema = replace(FLOWERS, fields=(*FLOWERS.fields, field))
    _, findings = asking.fitted(schema, [{"length": 1, "width": 2}], KNOWN)
    assert [finding.rule for finding in findings] == [rule]
    assert "height" in findings[0].what


def test_the_only_tensor_goes_under_each_versions_own_name():
    schema = Schema("tensors", tensors=(Tensor("x", "float32", (-1, 2)),))
    given, findings = asking.fitted(schema, {"input": [[1, 2]]}, frozenset(("x", "input")))
    assert given == {"x": [[1, 2]]}
    assert findings == ()

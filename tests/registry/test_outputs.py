"""Answers become plain lists with names, classes and no number that JSON cannot hold."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from registry import outputs
from registry.errors import PredictionFailed
from registry.records import Output, Schema

LABELS = Schema(
    "table",
    outputs=(Output("label", "label"), Output("probabilities", "probabilities")),
    classes=("no", "yes"),
)


def test_label_and_probabilities_keep_their_roles_and_classes():
    arrays = {"probabilities": np.array([[0.25, 0.75]]), "label": np.array(["yes"])}
    (label, shares), findings = outputs.read(LABELS, arrays)
    assert (label.role, label.values, label.dtype) == ("label", ["yes"], "string")
    assert (shares.role, shares.values, shares.classes) == (
        "probabilities", [[0.25, 0.75]], ("no", "yes"),
    )  # fmt: skip
    assert findings == ()


def test_scores_become_probabilities_and_a_label_that_come_first():
    schema = Schema("tensors", outputs=(Output("logits", "scores"),), classes=("a", "b", "c"))
    found, _ = outputs.read(schema, {"logits": np.array([[1.0, 2.0, 0.5], [9.0, 0.0, 0.0]])})
    assert [value.role for value in found] == ["label", "probabilities", "scores"]
    assert found[0].values == ["b", "a"]
    assert all(math.isclose(sum(row), 1) for row in found[1].values)
    assert found[1].classes == ("a", "b", "c")


def test_scores_that_are_shares_already_stay():
    schema = Schema("tensors", outputs=(Output("out", "scores"),), classes=("a", "b"))
    found, _ = outputs.read(schema, {"out": np.array([[0.9, 0.1]])})
    assert found[1].values == [[0.9, 0.1]]


def test_probabilities_without_a_label_get_the_likeliest_class_as_one():
    schema = Schema("tensors", outputs=(Output("out", "probabilities"),), classes=("a", "b"))
    (label, shares), _ = outputs.read(schema, {"out": np.array([[0.25, 0.75], [1.0, 0.0]])})
    assert (label.role, label.values) == ("label", ["b", "a"])
    assert shares.role == "probabilities"


def test_scores_without_classes_stay_scores_unless_the_task_says_so():
    schema = Schema("tensors", outputs=(Output("out", "scores"),))
    arrays = {"out": np.array([[5.0, 1.0]])}
    assert [v.role for v in outputs.read(schema, arrays)[0]] == ["scores"]
    found, _ = outputs.read(schema, arrays, task="image-classification")
    assert found[0].values == ["0"]


def test_what_is_no_number_is_left_empty_and_said():
    schema = Schema("table", outputs=(Output("value", "value"),))
    (value,), findings = outputs.read(schema, {"value": np.array([1.0, np.nan, np.inf])})
    assert value.values == [1.0, None, None]
    json.dumps(value.values, allow_nan=False)
    assert [finding.rule for finding in findings] == ["not-finite"]


def test_outputs_nobody_named_come_last_as_tensors():
    arrays = {"extra": np.zeros((2, 2), np.int8), "label": np.array([1, 0])}
    found, _ = outputs.read(LABELS, arrays)
    assert [(value.name, value.role) for value in found] == [
        ("label", "label"),
        ("extra", "tensor"),
    ]


def test_hostile_text_is_cut():
    (label,), _ = outputs.read(Schema("table"), {"label": np.array(["x" * 5000])})
    assert len(label.values[0]) == 1000


def test_single_values_bytes_and_complex_numbers_are_lists_too():
    arrays = {"one": np.float32(2.5), "raw": np.array([b"ab"]), "wave": np.array([1 + 2j])}
    found, _ = outputs.read(Schema("tensors"), {k: np.asarray(v) for k, v in arrays.items()})
    assert [value.values for value in found] == [[2.5], ["ab"], [[1.0, 2.0]]]


@pytest.mark.parametrize("role", ["tensor", "scores", "probabilities"])
@pytest.mark.parametrize(
    "shape", [(10**9, 0), (0, 10**9), (9_000_000, 1, 0), (3_000_000,) + (1,) * 9]
)
def test_an_answer_with_more_lists_than_memory_holds_is_refused(shape, role):
    schema = Schema("tensors", outputs=(Output("out", role),))
    array = np.broadcast_to(np.zeros((), np.uint8), shape)
    with pytest.raises(PredictionFailed, match="values and lists"):
        outputs.read(schema, {"out": array})


def test_many_empty_answers_count_together():
    arrays = {f"out{n}": np.zeros((1_000_000, 0), np.float32) for n in range(20)}
    with pytest.raises(PredictionFailed, match="values and lists"):
        outputs.read(Schema("tensors"), arrays)


def test_an_empty_answer_is_an_empty_list():
    schema = Schema("tensors", outputs=(Output("out", "tensor"),))
    found, _ = outputs.read(schema, {"out": np.zeros((2, 0), np.float32)})
    assert (found[0].values, found[0].shape) == ([[], []], (2, 0))

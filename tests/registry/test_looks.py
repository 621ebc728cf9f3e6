"""An output is known by its role, type and shape: a label, numbers, an embedding, a picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from registry import looks, outputs
from registry.records import Output, OutputRole, OutputValue, Schema


def value(array: np.ndarray, role: OutputRole = "tensor") -> OutputValue:
    (found,), _ = outputs.read(Schema("tensors", outputs=(Output("out", role),)), {"out": array})
    return found


@pytest.mark.parametrize(
    ("array", "role", "kind"),
    [
        (np.array(["a"]), "label", "label"),
        (np.array([["a"]]), "label", "label"),
        (np.array([[0, 1, 1]]), "label", "labels"),
        (np.array(["a"]), "tensor", "label"),
        (np.array([[0.25, 0.75]]), "probabilities", "shares"),
        (np.array([[4.0, 0.75]]), "scores", "shares"),
        (np.array([3.5]), "value", "value"),
        (np.array([[3.5, 7.0]]), "value", "values"),
        (np.array(3.5), "tensor", "value"),
        (np.zeros((1, 3), np.float32), "tensor", "values"),
        (np.zeros((1, 384), np.float32), "tensor", "embedding"),
        (np.zeros((1, 384), np.int64), "tensor", "values"),
        (np.zeros((1, 3, 16, 16), np.float32), "tensor", "picture"),
        (np.zeros((1, 16, 16, 3), np.uint8), "tensor", "picture"),
        (np.zeros((1, 16, 20), np.float32), "tensor", "picture"),
        (np.zeros((1, 256, 8, 8), np.float32), "tensor", "tensor"),
        (np.zeros((1, 12, 4), np.float32), "tensor", "tensor"),
    ],
)
def test_every_kind_is_told_by_role_type_and_shape(
    array: np.ndarray, role: OutputRole, kind: str
) -> None:
    assert looks.kind(value(array, role), 1) == kind


def test_a_row_is_its_part_of_the_output_and_all_where_there_are_no_rows() -> None:
    two = value(np.array([[1.0, 2.0], [3.0, 4.0]]), "value")
    assert looks.of_row(two, 2, 1) == [3.0, 4.0]
    picture = value(np.zeros((3, 8, 8), np.uint8))
    assert np.shape(looks.of_row(picture, 1, 0)) == (3, 8, 8)


def test_shades_are_shown_as_they_are_and_other_numbers_spread() -> None:
    white = looks.picture(np.ones((3, 8, 10)).tolist(), "float32")
    assert white is not None
    assert white.pixels.shape == (8, 10, 3)
    assert (white.pixels.min(), white.spread) == (255, None)
    bytes_ = looks.picture(np.full((8, 8, 1), 7).tolist(), "uint8")
    assert bytes_ is not None
    assert bytes_.pixels.shape == (8, 8)
    assert bytes_.pixels.max() == 7
    ramp = looks.picture(np.linspace(-2, 6, 64).reshape(8, 8).tolist(), "float32")
    assert ramp is not None
    assert (ramp.pixels.min(), ramp.pixels.max(), ramp.spread) == (0, 255, (-2.0, 6.0))
    assert looks.picture([[1.0, 2.0]], "float32") is None


def test_statistics_leave_gaps_out_and_count_them() -> None:
    found = looks.statistics([[1.0, None], [3.0, 2.0]])
    assert found is not None
    assert (found.least, found.mean, found.most, found.n_gaps) == (1.0, 2.0, 3.0, 1)
    assert math.isclose(found.deviation, np.std([1, 3, 2]))
    assert looks.statistics(["a"]) is None
    assert looks.statistics([None]) is None


def test_the_nearest_vectors_come_first_and_unfit_ones_not_at_all() -> None:
    others = [[0.0, 1.0], [2.0, 0.1], [-1.0, 0.0], [0.0, 0.0], [1.0, 2.0, 3.0]]
    found = looks.nearest([1.0, 0.0], others)
    assert [position for position, _ in found] == [1, 0, 2]
    assert math.isclose(found[2][1], -1)

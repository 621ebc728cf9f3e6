"""Which tensors are proposed to be filled with pictures and sound, and with what at first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from registry.formats import arrays, onnx
from registry.records import AudioHints, ImageHints, Tensor
from tests.makers import feeds


@pytest.mark.parametrize(
    ("tensor", "hints"),
    [
        (Tensor("x", "float32", (-1, 3, 32, 48)), ImageHints("NCHW", 48, 32, 3)),
        (Tensor("x", "uint8", (1, 32, 48, 3)), ImageHints("NHWC", 48, 32, 3, scale=1.0)),
        (Tensor("pixel_values", "float32", (-1, 3, -1, -1)), ImageHints("NCHW", 224, 224, 3)),
        (Tensor("x", "float32", (-1, 3, -1, -1)), None),
        (Tensor("image", "int64", (1, 3, 32, 32)), None),
        (Tensor("waveform", "float32", (-1, -1)), AudioHints(16_000, 1, "NT")),
        (Tensor("audio", "float32", (16_000,)), AudioHints(16_000, 1, "T")),
        (Tensor("samples", "float32", (2, -1)), AudioHints(16_000, 2, "CT")),
        (Tensor("speech", "int16", (-1, 1, -1)), AudioHints(16_000, 1, "NCT")),
        (Tensor("waveform", "float32", (-1, 12)), None),
        (Tensor("features", "float32", (-1, -1)), None),
    ],
)
def test_pictures_and_sound_are_known_by_shape_and_name(
    tensor: Tensor, hints: ImageHints | AudioHints | None
) -> None:
    [found] = arrays.hinted([tensor])
    assert (found.image or found.audio) == hints


def test_the_first_input_of_open_sizes_is_one_that_the_graph_runs(tmp_path: Path) -> None:
    path = feeds.onnx_sound(tmp_path)
    with path.open("rb") as file:
        inspection = onnx.inspect(file)
        schema = onnx.complete(onnx.load_model(file, 1), inspection, inspection.schema)
    assert schema is not None
    assert np.shape(schema.example["waveform"]) == (1, 4000)

"""Builders of tiny ONNX files: `name(folder) -> path`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.makers.fitted import (
    diabetes,
    forest,
    iris,
    onnx_columns_pipeline,
    regressor,
    unnamed_classifier,
)


def onnx_classifier(folder: Path) -> Path:
    """Label as text and a ZipMap of probabilities."""
    return _converted(folder, "classifier.onnx", forest(), iris()[0].to_numpy(np.float32)[:1])


def onnx_classifier_tensors(folder: Path) -> Path:
    """Label and probabilities as plain tensors."""
    return _converted(
        folder, "plain.onnx", unnamed_classifier(), iris()[0].to_numpy(np.float32)[:1], zipmap=False
    )


def onnx_regressor(folder: Path) -> Path:
    return _converted(folder, "regressor.onnx", regressor(), diabetes()[0][:1])


def onnx_columns(folder: Path) -> Path:
    """One input per column of a frame."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    types = {"age": FloatTensorType, "tenure": Int64TensorType}
    inputs = [(n, types.get(n, StringTensorType)([None, 1])) for n in ("age", "tenure", "city")]
    return _converted(folder, "columns.onnx", onnx_columns_pipeline(), None, inputs=inputs)


def _converted(
    folder: Path, name: str, model: Any, row: Any, *, inputs: Any = None, zipmap: bool = True
) -> Path:
    path = folder / name
    path.write_bytes(_onnx_bytes(name, lambda: _convert(model, row, inputs, zipmap)))
    return path


_ONNX: dict[str, bytes] = {}


def _onnx_bytes(name: str, build: Callable[[], bytes]) -> bytes:
    if name not in _ONNX:
        _ONNX[name] = build()
    return _ONNX[name]


def _convert(model: Any, row: Any, inputs: Any, zipmap: bool) -> bytes:
    from skl2onnx import to_onnx

    options = None if zipmap else {"zipmap": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = to_onnx(model, row, initial_types=inputs, options=options)
    content: bytes = made.SerializeToString()
    return content


def onnx_picture(folder: Path) -> Path:
    """A convolution over 8 × 8 gray pictures, batch of any size, ten scores."""
    path = folder / "picture.onnx"
    path.write_bytes(_onnx_bytes("picture.onnx", _onnx_picture))
    return path


def _onnx_picture() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(4, 1, 3, 3)).astype(np.float32), "kernel"),
        numpy_helper.from_array(rng.normal(size=(144, 10)).astype(np.float32), "dense"),
    ]
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["logits"]),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 1, 8, 8])
    answer = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "digits", [given], [answer], weights)
    return _onnx_model(graph)


def onnx_dynamic(folder: Path) -> Path:
    """Two inputs of any size, added."""
    path = folder / "dynamic.onnx"
    path.write_bytes(_onnx_bytes("dynamic.onnx", _onnx_dynamic))
    return path


def _onnx_dynamic() -> bytes:
    from onnx import TensorProto, helper

    node = helper.make_node("Add", ["a", "b"], ["total"])
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", "m"]) for n in "ab"]
    answer = helper.make_tensor_value_info("total", TensorProto.FLOAT, ["n", "m"])
    return _onnx_model(helper.make_graph([node], "sum", infos, [answer]))


def _onnx_model(graph: Any) -> bytes:
    from onnx import checker, helper

    model = helper.make_model(
        graph, producer_name="vitrine-tests", opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content

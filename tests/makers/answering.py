"""Builders of tiny models with every kind of answer: `name(folder) -> path`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.makers.fitted import iris
from tests.makers.graphs import _onnx_model


@cache
def several_labels() -> Any:
    """A forest that says two things of a flower at once."""
    from sklearn.ensemble import RandomForestClassifier

    features, species = iris()
    wide = np.where(features.iloc[:, 3] > 1, "wide", "narrow")
    both = np.stack([species, wide], axis=1)
    return RandomForestClassifier(5, max_depth=3, random_state=0).fit(features, both)


def sklearn_several_labels(folder: Path) -> Path:
    import joblib

    path = folder / "several_labels.joblib"
    joblib.dump(several_labels(), path)
    return path


def onnx_embedding(folder: Path) -> Path:
    """Eight numbers become an embedding of 48."""
    weights = np.random.default_rng(3).normal(size=(8, 48)).astype(np.float32)
    return _dense(folder, "embedding.onnx", "embedding", weights, ["MatMul"])


def onnx_many_classes(folder: Path) -> Path:
    """Eight numbers to the probabilities of a thousand classes."""
    weights = np.random.default_rng(4).normal(size=(8, 1000)).astype(np.float32) * 2
    return _dense(folder, "thousand.onnx", "probabilities", weights, ["MatMul", "Softmax"])


def _dense(
    folder: Path, name: str, output: str, weights: np.ndarray, operations: list[str]
) -> Path:
    from onnx import TensorProto, helper, numpy_helper

    given = helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["batch", 8])
    answer = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", weights.shape[1]])
    last = operations[-1]
    nodes = [helper.make_node("MatMul", ["numbers", "weights"], ["dense"])]
    nodes.append(helper.make_node(last if last != "MatMul" else "Identity", ["dense"], [output]))
    kept = [numpy_helper.from_array(weights, "weights")]
    path = folder / name
    path.write_bytes(_onnx_model(helper.make_graph(nodes, "dense", [given], [answer], kept)))
    return path


def onnx_negative(folder: Path) -> Path:
    """A colour picture of 32 × 32 in, its negative out."""
    from onnx import TensorProto, helper, numpy_helper

    shape = ["batch", 3, 32, 32]
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)
    answer = helper.make_tensor_value_info("negative", TensorProto.FLOAT, shape)
    node = helper.make_node("Sub", ["white", "picture"], ["negative"])
    white = numpy_helper.from_array(np.float32(1), "white")
    path = folder / "negative.onnx"
    path.write_bytes(_onnx_model(helper.make_graph([node], "negative", [given], [answer], [white])))
    return path


def onnx_boxes(folder: Path) -> Path:
    """Eight numbers to a tensor of two boxes with four sides each."""
    from onnx import TensorProto, helper, numpy_helper

    given = helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["batch", 8])
    answer = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", 2, 4])
    node = helper.make_node("Reshape", ["numbers", "sides"], ["boxes"])
    sides = numpy_helper.from_array(np.array([-1, 2, 4], np.int64), "sides")
    path = folder / "boxes.onnx"
    path.write_bytes(_onnx_model(helper.make_graph([node], "boxes", [given], [answer], [sides])))
    return path

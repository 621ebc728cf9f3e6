"""Builders of tiny models with demanding inputs: many types, open sizes, pictures, sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.makers.graphs import _onnx_bytes, _onnx_model
from tests.makers.networks import _exported, _scripted


def onnx_several(folder: Path) -> Path:
    """Floats, whole numbers of open length, truth values, halves, texts and a scalar."""
    path = folder / "several.onnx"
    path.write_bytes(_onnx_bytes(path.name, _several))
    return path


def _several() -> bytes:
    from onnx import TensorProto, helper

    kinds = {
        "features": (TensorProto.FLOAT, ["batch", 3]),
        "ids": (TensorProto.INT64, ["batch", "length"]),
        "flags": (TensorProto.BOOL, ["batch", 2]),
        "half": (TensorProto.FLOAT16, ["batch", 2]),
        "scale": (TensorProto.FLOAT, []),
        "note": (TensorProto.STRING, ["batch"]),
    }
    cast = {"to": TensorProto.FLOAT}
    nodes = [
        helper.make_node("Mul", ["features", "scale"], ["scaled"]),
        helper.make_node("Cast", ["ids"], ["numbers"], **cast),
        helper.make_node("Cast", ["flags"], ["ones"], **cast),
        helper.make_node("Cast", ["half"], ["wide"], **cast),
        helper.make_node("Concat", ["scaled", "numbers", "ones", "wide"], ["all"], axis=1),
        helper.make_node("ReduceSum", ["all", "axis"], ["total"], keepdims=1),
        helper.make_node("Identity", ["note"], ["said"]),
    ]
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    given = [helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items()]
    answers = [
        helper.make_tensor_value_info("total", TensorProto.FLOAT, ["batch", 1]),
        helper.make_tensor_value_info("said", TensorProto.STRING, ["batch"]),
    ]
    return _onnx_model(helper.make_graph(nodes, "several", given, answers, [axis]))


def onnx_sound(folder: Path) -> Path:
    """Three shares from a waveform of any length, through windows of 400 samples."""
    path = folder / "sound.onnx"
    path.write_bytes(_onnx_bytes(path.name, _sound))
    return path


def _sound() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(8, 1, 400)).astype(np.float32), "kernel"),
        numpy_helper.from_array(rng.normal(size=(8, 3)).astype(np.float32), "dense"),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    nodes = [
        helper.make_node("Unsqueeze", ["waveform", "axis"], ["lane"]),
        helper.make_node("Conv", ["lane", "kernel"], ["c"], strides=[160]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["m"]),
        helper.make_node("Softmax", ["m"], ["probabilities"], axis=1),
    ]
    given = helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    return _onnx_model(helper.make_graph(nodes, "sound", [given], [answer], weights))


def onnx_photo(folder: Path) -> Path:
    """A classifier of colour pictures, channels last, 32 × 32 pixels."""
    path = folder / "photo.onnx"
    path.write_bytes(_onnx_bytes(path.name, _photo))
    return path


def _photo() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(4, 3, 3, 3)).astype(np.float32), "kernel"),
        numpy_helper.from_array(rng.normal(size=(4, 3)).astype(np.float32), "dense"),
    ]
    nodes = [
        helper.make_node("Transpose", ["image"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "kernel"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["m"]),
        helper.make_node("Softmax", ["m"], ["probabilities"], axis=1),
    ]
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 32, 32, 3])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    return _onnx_model(helper.make_graph(nodes, "photos", [given], [answer], weights))


def _photo_network() -> Any:
    import torch

    torch.manual_seed(0)
    layers = (
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 3),
    )
    return torch.nn.Sequential(*layers).eval()


def torch_export_photo(folder: Path) -> Path:
    """A classifier of colour pictures, channels first, 32 × 32 pixels."""
    return _exported(folder, "photo.pt2", _photo_network(), (2, 3, 32, 32))


def torchscript_photo(folder: Path) -> Path:
    """The same, scripted."""
    return _scripted(folder, "photo.pt", _photo_network())

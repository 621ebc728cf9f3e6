"""Builders of files that are described and stored, written by hand: `name(folder) -> path`."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def safetensors_file(folder: Path) -> Path:
    from safetensors.numpy import save_file

    path = folder / "weights.safetensors"
    tensors = {"w": np.ones((3, 4), np.float32), "b": np.zeros(3, np.float32)}
    save_file(tensors, path, metadata={"format": "pt"})
    return path


def keras_zip(folder: Path) -> Path:
    path = folder / "model.keras"
    about = {"keras_version": "3.15.1", "date_saved": "2026-01-01@12:00:00"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(about))
        archive.writestr("config.json", json.dumps(keras_config()))
        archive.writestr("model.weights.h5", hdf5_bytes())
    return path


def hdf5_bytes(fill: Callable[[Any], None] = lambda _: None) -> bytes:
    """Weights of a small network in HDF5; `fill` adds to the open file."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.zeros((4, 3), np.float32))
        fill(file)
    return content.getvalue()


def keras_h5(folder: Path) -> Path:
    import h5py

    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(keras_config())
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.create_dataset("model_weights/dense/kernel", data=np.zeros((4, 3), np.float32))
    return path


def keras_config() -> dict[str, Any]:
    """A dense layer over four numbers."""
    shape = [None, 4]
    layers = [
        {"class_name": "InputLayer", "config": {"name": "flower", "batch_shape": shape}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 3}},
    ]
    return {"class_name": "Functional", "config": {"name": "net", "layers": layers}}


def tflite_file(folder: Path) -> Path:
    """A flatbuffer by hand: one graph, an input [1, 4] and an output [1, 3], both float32."""
    path = folder / "model.tflite"
    path.write_bytes(tflite_bytes())
    return path


def tflite_bytes(inputs: tuple[int, ...] = (0,), custom: bytes = b"") -> bytes:
    """One operator that takes the tensors of these indices, built in or custom."""
    return _Flat().model(inputs, custom)


class _Flat:
    """Writes just enough of a flatbuffer, front to back, with offsets patched in."""

    def __init__(self) -> None:
        self.data = bytearray(b"\x00\x00\x00\x00TFL3")

    def table(self, *layouts: str) -> tuple[int, list[int]]:
        """A table whose fields are all present; where it starts, and where each field lies."""
        sizes = [struct.calcsize("<" + layout) for layout in layouts]
        places = [4 + sum(sizes[:n]) for n in range(len(sizes))]
        vtable = struct.pack(f"<HH{len(sizes)}H", 4 + 2 * len(sizes), 4 + sum(sizes), *places)
        start = len(self.data) + len(vtable)
        self.data += vtable + struct.pack("<i", len(vtable)) + bytes(sum(sizes))
        return start, [start + place for place in places]

    def point(self, place: int, target: int) -> None:
        struct.pack_into("<I", self.data, place, target - place)

    def string(self, text: bytes) -> int:
        return self._append(struct.pack("<I", len(text)) + text + b"\x00")

    def numbers(self, *values: int) -> int:
        return self._append(struct.pack(f"<I{len(values)}i", len(values), *values))

    def tables(self, *targets: int) -> int:
        start = self._append(struct.pack("<I", len(targets)) + bytes(4 * len(targets)))
        for n, target in enumerate(targets):
            place = start + 4 + 4 * n
            struct.pack_into("<I", self.data, place, (target - place) & 0xFFFFFFFF)
        return start

    def _append(self, content: bytes) -> int:
        start = len(self.data)
        self.data += content
        return start

    def model(self, inputs: tuple[int, ...], custom: bytes) -> bytes:
        model, at = self.table("I", "I", "I", "I", "I")
        self.point(0, model)
        struct.pack_into("<I", self.data, at[0], 3)
        self.point(at[1], self._codes(custom))
        listed = self._append(struct.pack("<I", 1) + bytes(4))
        graph, parts = self.table("I", "I", "I", "I")
        self.point(listed + 4, graph)
        self.point(at[2], listed)
        self.point(at[3], self.string(b"tiny"))
        self.point(at[4], self.tables())
        slots = self._append(struct.pack("<I", 2) + bytes(8))
        self.point(parts[0], slots)
        self.point(parts[1], self.numbers(0))
        self.point(parts[2], self.numbers(1))
        self.point(parts[3], self._operators(inputs))
        for n, (name, shape) in enumerate(((b"flower", (1, 4)), (b"answer", (1, 3)))):
            tensor, fields = self.table("I", "I", "I", "I")
            self.point(slots + 4 + 4 * n, tensor)
            self.point(fields[0], self.numbers(*shape))
            self.point(fields[3], self.string(name))
        return bytes(self.data)

    def _codes(self, custom: bytes) -> int:
        """One operator code: fully connected, or a custom one of that name."""
        listed = self._append(struct.pack("<I", 1) + bytes(4))
        code, fields = self.table(*(("i", "I") if custom else ("i",)))
        self.point(listed + 4, code)
        struct.pack_into("<i", self.data, fields[0], 32 if custom else 9)
        if custom:
            self.point(fields[1], self.string(custom))
        return listed

    def _operators(self, inputs: tuple[int, ...]) -> int:
        listed = self._append(struct.pack("<I", 1) + bytes(4))
        operator, fields = self.table("I", "I", "I")
        self.point(listed + 4, operator)
        self.point(fields[1], self.numbers(*inputs))
        self.point(fields[2], self.numbers(1))
        return listed


def tensorflow_pb(folder: Path) -> Path:
    """A frozen graph: a placeholder and an identity."""
    path = folder / "graph.pb"
    path.write_bytes(graph_def(("x", "Placeholder"), ("y", "Identity")))
    return path


def tensorflow_saved_model(folder: Path) -> Path:
    path = folder / "saved.zip"
    with zipfile.ZipFile(path, "w") as archive:
        graph = graph_def(("x", "Placeholder"), ("y", "MatMul"))
        archive.writestr("export/saved_model.pb", saved_model(graph))
        archive.writestr("export/variables/variables.index", b"")
    return path


def saved_model(graph: bytes) -> bytes:
    """A SavedModel message round a graph."""
    about = message(5, b"2.19.0")
    return b"\x08\x01" + message(2, message(1, about) + message(2, graph))


def graph_def(*nodes: tuple[str, str], number: int = 1) -> bytes:
    """Nodes (name, operation) as fields of that number."""
    return b"".join(
        message(number, message(1, name.encode()) + message(2, operation.encode()))
        for name, operation in nodes
    )


def message(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size, length = len(content), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([number << 3 | 2]) + length + content


def tensorrt_engine(folder: Path) -> Path:
    path = folder / "model.engine"
    path.write_bytes(b"ftrt" + bytes(252))
    return path


def mlflow_zip(folder: Path) -> Path:
    path = folder / "mlflow.zip"
    text = """\
artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
  sklearn:
    sklearn_version: 1.9.1
mlflow_version: 3.17.0
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
"""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/MLmodel", text)
        archive.writestr("model/model.pkl", b"\x80\x04N.")
    return path

"""TensorFlow Lite: a flatbuffer, read field by field with every offset checked."""

from __future__ import annotations

import struct
from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import arrays
from registry.formats.stored import complete, load_model, predict
from registry.formats.text import clean, refusal
from registry.records import Inspection, Output, Schema, Tensor

__all__ = ["complete", "load_model", "predict"]

NAME = "tflite"
FRAMEWORK = "TensorFlow Lite"
GROUP = ""
EXTENSIONS = (".tflite", ".lite")

_MAX_BYTES = 1 << 30
_MAX_LISTED = 10_000
# Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3: TensorType and the tables
# Model, SubGraph, Tensor by field number
_TYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 5: "string", 6: "bool",
    7: "int16", 8: "complex64", 9: "int8", 10: "float64", 12: "uint64", 15: "uint32",
}  # fmt: skip
_MODEL_VERSION, _MODEL_SUBGRAPHS, _MODEL_DESCRIPTION = 0, 2, 3
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS = 0, 1, 2
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_NAME = 0, 1, 3
WHY = "TensorFlow Lite files are stored and described, but cannot run here yet: export to ONNX"


def detect(head: bytes, file: BinaryIO) -> bool:
    """The flatbuffer's own mark."""
    return head[4:8] == b"TFL3"


def inspect(file: BinaryIO) -> Inspection:
    """Read version, description, inputs and outputs."""
    file.seek(0)
    buffer = _Buffer(file.read(_MAX_BYTES))
    try:
        model = buffer.follow(0)
        version = buffer.number(model, _MODEL_VERSION, "<I")
        about = buffer.string(model, _MODEL_DESCRIPTION)
        graphs = buffer.tables(model, _MODEL_SUBGRAPHS)
        if not graphs:
            raise ValueError("it has no graph")
        schema, n_tensors = _schema(buffer, graphs[0])
    except (struct.error, ValueError, IndexError) as damage:
        raise BrokenArtifact(
            refusal(
                "the TensorFlow Lite file is damaged or ends early",
                clean(damage, 100),
                "Convert the model again and upload the whole file",
            )
        ) from None
    return Inspection(
        NAME,
        FRAMEWORK,
        summary=f"TensorFlow Lite graph, {n_tensors} tensors",
        details={"schema version": version, "description": about, "n_graphs": len(graphs)},
        schema=schema,
        runnable=False,
        why_not_runnable=WHY,
    )


def _schema(buffer: _Buffer, graph: int) -> tuple[Schema, int]:
    tensors = [_tensor(buffer, at) for at in buffer.tables(graph, _GRAPH_TENSORS)]
    inputs = [tensors[i] for i in buffer.numbers(graph, _GRAPH_INPUTS)]
    outputs = [tensors[i] for i in buffer.numbers(graph, _GRAPH_OUTPUTS)]
    made = tuple(Output(t.name, "tensor", t.dtype, t.shape) for t in outputs)
    return Schema("tensors", tensors=arrays.images(inputs), outputs=made), len(tensors)


def _tensor(buffer: _Buffer, at: int) -> Tensor:
    kind = buffer.number(at, _TENSOR_TYPE, "<b")
    shape = tuple(size if size >= 0 else -1 for size in buffer.numbers(at, _TENSOR_SHAPE)[:20])
    return Tensor(buffer.string(at, _TENSOR_NAME), _TYPES.get(kind, ""), shape)


class _Buffer:
    """A flatbuffer; struct.error says that an offset leaves it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _at(self, position: int, layout: str) -> int:
        if position < 0:
            raise ValueError("an offset points before the file")
        value: int = struct.unpack_from(layout, self._data, position)[0]
        return value

    def follow(self, position: int) -> int:
        """Where the offset at `position` points."""
        return position + self._at(position, "<I")

    def _field(self, table: int, number: int) -> int:
        """Where a field's value lies; 0 when the table leaves it out."""
        vtable = table - self._at(table, "<i")
        slot = 4 + 2 * number
        offset = self._at(vtable + slot, "<H") if slot < self._at(vtable, "<H") else 0
        return table + offset if offset else 0

    def number(self, table: int, number: int, layout: str) -> int:
        at = self._field(table, number)
        return self._at(at, layout) if at else 0

    def string(self, table: int, number: int) -> str:
        at = self._field(table, number)
        if not at:
            return ""
        start = self.follow(at)
        size = self._at(start, "<I")
        return clean(self._data[start + 4 : start + 4 + min(size, 1000)].decode("utf-8", "replace"))

    def _vector(self, table: int, number: int) -> tuple[int, int]:
        at = self._field(table, number)
        if not at:
            return 0, 0
        start = self.follow(at)
        size = self._at(start, "<I")
        if size > _MAX_LISTED:
            raise ValueError(f"a list of {size:,} entries")
        return start + 4, size

    def numbers(self, table: int, number: int) -> list[int]:
        start, size = self._vector(table, number)
        return [self._at(start + 4 * i, "<i") for i in range(size)]

    def tables(self, table: int, number: int) -> list[int]:
        start, size = self._vector(table, number)
        return [self.follow(start + 4 * i) for i in range(size)]

"""TensorFlow Lite: a flatbuffer, read field by field with every offset checked."""

from __future__ import annotations

import struct
from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import arrays
from registry.formats.flatbuffer import Buffer
from registry.formats.stored import complete, load_model, predict
from registry.formats.text import clean, refusal
from registry.records import Inspection, Output, Schema, Tensor

__all__ = ["complete", "load_model", "predict"]

NAME = "tflite"
FRAMEWORK = "TensorFlow Lite"
GROUP = ""
EXTENSIONS = (".tflite", ".lite")

_MAX_BYTES = 1 << 30
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
    buffer = read(file)
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


def read(file: BinaryIO) -> Buffer:
    """The whole flatbuffer."""
    file.seek(0)
    return Buffer(file.read(_MAX_BYTES))


def _schema(buffer: Buffer, graph: int) -> tuple[Schema, int]:
    tensors = [_tensor(buffer, at) for at in buffer.tables(graph, _GRAPH_TENSORS)]
    inputs = [tensors[i] for i in buffer.numbers(graph, _GRAPH_INPUTS)]
    outputs = [tensors[i] for i in buffer.numbers(graph, _GRAPH_OUTPUTS)]
    made = tuple(Output(t.name, "tensor", t.dtype, t.shape) for t in outputs)
    return Schema("tensors", tensors=arrays.hinted(inputs), outputs=made), len(tensors)


def _tensor(buffer: Buffer, at: int) -> Tensor:
    kind = buffer.number(at, _TENSOR_TYPE, "<b")
    shape = tuple(size if size >= 0 else -1 for size in buffer.numbers(at, _TENSOR_SHAPE)[:20])
    return Tensor(buffer.string(at, _TENSOR_NAME), _TYPES.get(kind, ""), shape)

"""TensorFlow Lite: every offset inside the file, and only operators of TensorFlow Lite itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import tflite
from registry.formats.flatbuffer import Buffer
from registry.formats.text import clean, finding
from registry.records import Finding
from registry.scanners.contract import Look

NAME = "tflite"
FORMATS = ("tflite",)

# Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3: the tables Model, SubGraph,
# Tensor, Operator, OperatorCode and Buffer by field number
_MODEL_CODES, _MODEL_GRAPHS, _MODEL_BUFFERS = 1, 2, 4
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS = 0, 1, 2, 3
_TENSOR_BUFFER = 2
_OPERATOR_CODE, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 0, 1, 2
_CODE_BYTE, _CODE_CUSTOM, _CODE_BUILTIN = 0, 1, 3
_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE = 0, 1, 2
_CUSTOM = 32
_KNOWN_CUSTOM = ("TFLite_Detection_PostProcess",)


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Follow every list of the model.

    Raises:
        BrokenArtifact: An offset or an index leads nowhere.
    """
    buffer = tflite.read(file)
    try:
        model = buffer.follow(0)
        codes = buffer.tables(model, _MODEL_CODES)
        _buffers_lie_inside(buffer, model)
        for graph in buffer.tables(model, _MODEL_GRAPHS):
            _indices_exist(buffer, model, graph, len(codes))
        for code in codes:
            look.findings.extend(_operator(buffer, code))
    except (struct.error, ValueError, IndexError) as odd:
        raise BrokenArtifact(f"the flatbuffer leads out of itself ({clean(odd, 100)})") from None


def _buffers_lie_inside(buffer: Buffer, model: int) -> None:
    for at in buffer.tables(model, _MODEL_BUFFERS):
        start, size = buffer.vector(at, _BUFFER_DATA)
        later = buffer.number(at, _BUFFER_OFFSET, "<Q"), buffer.number(at, _BUFFER_SIZE, "<Q")
        if start + size > len(buffer) or sum(later) > len(buffer):
            raise ValueError("weights lie beyond the end of the file")


def _indices_exist(buffer: Buffer, model: int, graph: int, n_codes: int) -> None:
    _, n_buffers = buffer.vector(model, _MODEL_BUFFERS)
    tensors = buffer.tables(graph, _GRAPH_TENSORS)
    for at in tensors:
        if buffer.number(at, _TENSOR_BUFFER, "<I") >= max(1, n_buffers):
            raise ValueError("a tensor has no buffer")
    used = buffer.numbers(graph, _GRAPH_INPUTS) + buffer.numbers(graph, _GRAPH_OUTPUTS)
    for at in buffer.tables(graph, _GRAPH_OPERATORS):
        if buffer.number(at, _OPERATOR_CODE, "<I") >= n_codes:
            raise ValueError("an operator has no code")
        used += buffer.numbers(at, _OPERATOR_INPUTS) + buffer.numbers(at, _OPERATOR_OUTPUTS)
    if any(not -1 <= index < len(tensors) for index in used):
        raise ValueError("an operator uses a tensor that is not there")


def _operator(buffer: Buffer, code: int) -> Iterator[Finding]:
    number = max(buffer.number(code, _CODE_BYTE, "<b"), buffer.number(code, _CODE_BUILTIN, "<i"))
    name = buffer.string(code, _CODE_CUSTOM)
    if number != _CUSTOM and not name:
        return
    if name.startswith("Flex"):
        yield finding(
            "block",
            "tflite-flex",
            f"the model uses the TensorFlow operator {name.removeprefix('Flex')}",
            "Such operators run with all of TensorFlow, which can read and write files",
            "Convert the model with built-in operators only",
        )
    elif name not in _KNOWN_CUSTOM:
        yield finding(
            "warn",
            "tflite-custom",
            f"the model uses the operator {name or 'without a name'}",
            "It is native code that must be installed beside TensorFlow Lite",
            "Convert the model with built-in operators only",
        )

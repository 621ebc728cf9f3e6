"""ONNX graphs: read with the onnx package, run by onnxruntime."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from registry.errors import BrokenArtifact, PredictionFailed
from registry.formats import arrays, columns, onnx_columns, wire
from registry.formats.onnx_columns import Input
from registry.formats.stubs import product
from registry.formats.text import MAX_FEATURES, clean, finding, refusal
from registry.records import Finding, Inspection, Output, OutputRole, Schema, Tensor

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

NAME = "onnx"
FRAMEWORK = "ONNX"
GROUP = "onnx"
EXTENSIONS = (".onnx", ".ort")

# Source: onnx.proto, message ModelProto, IR version 11
_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
_GRAPH = 7
_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training",
                  "com.microsoft", "pkg.onnxscript.torch_lib")  # fmt: skip
_PRODUCERS = {"skl2onnx": "scikit-learn", "pytorch": "PyTorch", "tf2onnx": "TensorFlow",
              "keras2onnx": "Keras", "OnnxMLTools": "LightGBM or XGBoost"}  # fmt: skip


def detect(head: bytes, file: BinaryIO) -> bool:
    """Protobuf whose top fields are those of a model, a graph among them."""
    seen = wire.top_fields(file, limit=10_000)
    if not {1, 8} & set(seen) or not set(seen) <= _FIELDS:
        return False
    return seen.get(_GRAPH) == wire.BYTES


def inspect(file: BinaryIO) -> Inspection:
    """Parse the protobuf; the weights stay bytes and external ones are not opened."""
    model = read(file)
    try:
        return _described(model)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as damage:
        raise BrokenArtifact(_DAMAGED.format(clean(damage, 100))) from None


def read(file: BinaryIO) -> Any:
    """The `onnx.ModelProto`.

    Raises:
        BrokenArtifact: It is damaged or ends early.
    """
    import onnx

    file.seek(0)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(file.read())
    except (ValueError, OSError, MemoryError, onnx_decode_error()) as damage:
        raise BrokenArtifact(_DAMAGED.format(clean(damage, 100))) from None
    return model


def _described(model: Any) -> Inspection:
    graph = model.graph
    if not graph.node or not graph.output:
        raise BrokenArtifact(
            refusal("the ONNX graph is empty", "It has no nodes or outputs", "Export it again")
        )
    inputs = _inputs(graph)
    classes = onnx_columns.classes(graph)
    schema = _schema(model, graph, inputs, classes)
    task = "classification" if classes else arrays.task_of(schema.tensors, schema.outputs)
    if not task and any(output.role == "value" for output in schema.outputs):
        task = "regression"
    n = _n_parameters(graph)
    return Inspection(
        NAME,
        FRAMEWORK,
        summary=f"ONNX graph, {len(graph.node)} nodes" + (f", {n:,} parameters" if n else ""),
        class_name=clean(graph.name),
        task=task,
        details=_details(model, graph, inputs),
        n_parameters=n,
        schema=schema,
        findings=tuple(_remarks(model, graph)),
    )


_DAMAGED = refusal(
    "the ONNX file is damaged or ends early", "Its protobuf cannot be parsed ({})",
    "Export the model again and upload the whole file",
)  # fmt: skip


def onnx_decode_error() -> type[Exception]:
    """Protobuf's own error, which is no ValueError."""
    import google.protobuf.message

    error: type[Exception] = google.protobuf.message.DecodeError
    return error


def _inputs(graph: Any) -> list[Input]:
    """Inputs that are not weights."""
    weights = {tensor.name for tensor in graph.initializer}
    return [
        (value.name, *_meta(value))
        for value in list(graph.input)[:MAX_FEATURES]
        if value.name not in weights
    ]


def _meta(value: Any) -> tuple[str, tuple[int, ...]]:
    """(type, shape); a size with a name or none becomes -1."""
    tensor = value.type.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    return _DTYPES.get(tensor.elem_type, ""), tuple(s if s >= 0 else -1 for s in sizes[:20])


def _schema(model: Any, graph: Any, inputs: list[Input], classes: tuple[str, ...]) -> Schema:
    by_sklearn = model.producer_name in ("skl2onnx", "OnnxMLTools")
    as_columns = len(inputs) > 1 and onnx_columns.is_table(inputs)
    if (by_sklearn or classes or as_columns) and onnx_columns.is_table(inputs):
        found = onnx_columns.fields(graph, inputs)
        outputs = _outputs(graph, classes, picture=False, table=True)
        return Schema("table", fields=found, outputs=outputs, classes=classes)
    tensors = arrays.hinted(
        [Tensor(clean(name), dtype or "float32", shape) for name, dtype, shape in inputs]
    )
    picture = any(t.image for t in tensors)
    outputs = _outputs(graph, classes, picture=picture, table=False)
    settled = all(size > 0 for t in tensors for size in t.shape[1:])
    example = arrays.example(tensors) if settled else {}
    return Schema("tensors", tensors=tensors, outputs=outputs, classes=classes, example=example)


def _outputs(
    graph: Any, classes: tuple[str, ...], *, picture: bool, table: bool
) -> tuple[Output, ...]:
    made = {node.output[0]: node.op_type for node in graph.node if node.output}
    found = []
    for value in list(graph.output)[:100]:
        dtype, shape = _meta(value)
        if value.type.WhichOneof("value") == "sequence_type":
            dtype, shape = "float32", (-1, len(classes) or -1)
        role = _role(value, made.get(value.name, ""), dtype, shape, classes, picture, table)
        found.append(Output(clean(value.name), role, dtype, shape))
    return tuple(found)


def _role(
    value: Any, operation: str, dtype: str, shape: tuple[int, ...], classes: tuple[str, ...],
    picture: bool, table: bool,
) -> OutputRole:  # fmt: skip
    if value.type.WhichOneof("value") == "sequence_type":
        return "probabilities"
    whole = dtype in ("string", "int64", "int32") and len(shape) <= 1
    if whole and (classes or "label" in value.name.lower()):
        return "label"
    wide = len(shape) == 2 and shape[1] != 1
    if wide and (operation == "Softmax" or (classes and shape[1] in (-1, len(classes)))):
        return "probabilities"
    if table and not classes and "float" in dtype:
        return "value"
    return arrays.role_of(value.name, dtype, shape, picture=picture)


def _n_parameters(graph: Any) -> int | None:
    """Values in weights, counted by shape; for trees and linear models, by attribute."""
    total = sum(product(tuple(t.dims)) for t in graph.initializer if t.data_type in (1, 10, 11, 16))
    for node in list(graph.node)[:10_000]:
        if node.domain == "ai.onnx.ml":
            for attribute in node.attribute:
                if attribute.name in ("coefficients", "intercepts"):
                    total += len(attribute.floats)
    return total or None


def _details(model: Any, graph: Any, inputs: list[Input]) -> dict[str, Any]:
    operations: dict[str, int] = {}
    for node in graph.node:
        operations[clean(node.op_type, 60)] = operations.get(clean(node.op_type, 60), 0) + 1
    common = sorted(operations.items(), key=lambda item: -item[1])[:30]
    return {
        "producer": clean(f"{model.producer_name} {model.producer_version}".strip()),
        "made from": _PRODUCERS.get(model.producer_name, ""),
        "ir version": model.ir_version,
        "opset": {clean(o.domain or "ai.onnx"): o.version for o in list(model.opset_import)[:20]},
        "metadata": {clean(p.key): clean(p.value, 500) for p in list(model.metadata_props)[:50]},
        "inputs": [[clean(name), dtype] for name, dtype, _ in inputs],
        "n_nodes": len(graph.node),
        "operations": dict(common),
    }


def _remarks(model: Any, graph: Any) -> list[Finding]:
    findings = []
    if any(t.data_location == 1 for t in graph.initializer):
        findings.append(
            finding(
                "warn",
                "external-data",
                "the weights are in another file, which was not uploaded",
                "Without it the model cannot be loaded",
                "Save it in one file: onnx.save(model, path, save_as_external_data=False)",
            )
        )
    foreign = {n.domain for n in graph.node if n.domain not in KNOWN_DOMAINS}
    own = {f.domain for f in model.functions}
    return findings + [
        finding(
            "warn",
            "unknown-domain",
            f"the graph uses operations of {clean(domain)}",
            "onnxruntime has none of that name",
            "Export with standard operations",
        )
        for domain in sorted(foreign - own)[:5]
    ]


@dataclass
class Session:
    """An onnxruntime session and what its graph really takes and gives; `shown` are clean names."""

    session: Any
    inputs: list[tuple[str, str]]
    outputs: list[str]
    shown: list[str]


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Open a session on the processor, without spinning threads.

    Raises:
        PredictionFailed: onnxruntime refuses the graph.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Else four bytes of a name are enough for it to read the file in a format of its own, in which
    # another graph lies than the one that was scanned.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    file.seek(0)
    refusals: Any = (RuntimeError, ValueError, *_runtime_errors())
    try:
        session = onnxruntime.InferenceSession(
            file.read(), options, providers=["CPUExecutionProvider"]
        )
    except refusals as wrong:
        raise PredictionFailed("onnxruntime cannot load this graph", clean(wrong, 2000)) from None
    outputs = [o.name for o in session.get_outputs()]
    inputs = [(i.name, i.type) for i in session.get_inputs()]
    return Session(session, inputs, outputs, [clean(name) for name in outputs])


def _runtime_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented",
             "NoSuchFile", "RuntimeException", "EPFail", "NoModel")  # fmt: skip
    return tuple(getattr(state, name) for name in names if hasattr(state, name))


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Fill in the example and, where the graph left sizes open, what an answer looks like."""
    if schema is None:
        return None
    if schema.kind == "table":
        return (
            schema
            if schema.example
            else replace(schema, example=columns.example_row(schema.fields))
        )
    return replace(schema, example=schema.example or _example(model, schema))


def _example(model: Any, schema: Schema) -> dict[str, Any]:
    """A calm input; where sizes are open the first that the graph runs, {} when none does."""
    if not any(size < 0 for t in schema.tensors for size in t.shape[1:]):
        return arrays.example(schema.tensors)
    refusals: Any = (RuntimeError, ValueError, *_runtime_errors())
    for size in _OPEN_SIZES:
        tensors = [t if t.image or t.audio else _filled(t, size) for t in schema.tensors]
        example = arrays.example(tensors)
        given = {tensor.name: arrays.sample(tensor) for tensor in tensors}
        with contextlib.suppress(refusals):
            predict(model, given, schema)
            return example
    return {}


_OPEN_SIZES = (1, 8, 32, 128)


def _filled(tensor: Tensor, size: int) -> Tensor:
    shape = tensor.shape[:1] + tuple(size if n < 0 else n for n in tensor.shape[1:])
    return replace(tensor, shape=shape)


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """The graph's outputs by name; maps of probabilities become one array."""
    feed = _feed(model, inputs, schema)
    answers = model.session.run(model.outputs, feed)
    roles = {output.name: output.role for output in schema.outputs}
    return {
        name: _array(answer, schema, roles.get(name, "tensor"))
        for name, answer in zip(model.shown, answers, strict=True)
    }


def _feed(model: Session, inputs: Inputs, schema: Schema) -> dict[str, np.ndarray]:
    if schema.kind == "tensors":
        assert isinstance(inputs, dict)
        given = list(arrays.given(inputs, schema).values())
        return {
            name: _text(array) if kind == "tensor(string)" else array
            for (name, kind), array in zip(model.inputs, given, strict=True)
        }
    if isinstance(inputs, dict):
        matrix = inputs[""]
        if len(model.inputs) == 1:
            return {model.inputs[0][0]: matrix.astype(_dtype(model.inputs[0][1]), order="C")}
        each: list[Any] = [matrix[:, i] for i in range(matrix.shape[1])]
    else:
        each = [_column(inputs.column(i), f.type) for i, f in enumerate(schema.fields)]
    if len(model.inputs) == 1:
        name, kind = model.inputs[0]
        return {name: np.stack([_cast(column, kind) for column in each], axis=1)}
    return {
        name: _cast(column, kind).reshape(-1, 1)
        for (name, kind), column in zip(model.inputs, each, strict=True)
    }


def _column(column: Any, kind: str) -> np.ndarray:
    """An Arrow column; gaps become NaN, or empty text."""
    if kind == "string":
        return np.array(["" if v is None else v for v in column.to_pylist()], dtype=object)
    array: np.ndarray = column.to_pandas().to_numpy()
    return array


def _cast(column: np.ndarray, kind: str) -> np.ndarray:
    return _text(column) if kind == "tensor(string)" else column.astype(_dtype(kind))


def _text(array: np.ndarray) -> np.ndarray:
    return array.astype(str).astype(object)


@lru_cache(maxsize=32)
def _dtype(kind: str) -> np.dtype[Any]:
    """NumPy's type for onnxruntime's spelling, such as tensor(float)."""
    inner = kind.removeprefix("tensor(").removesuffix(")")
    named = {"float": "float32", "double": "float64", "string": "object"}.get(inner, inner)
    return np.dtype(named)


def _array(answer: Any, schema: Schema, role: str) -> np.ndarray:
    if isinstance(answer, list):
        if answer and isinstance(answer[0], dict):
            keys = list(answer[0])
            return np.array([[row[key] for key in keys] for row in answer], dtype=np.float32)
        return arrays.plain(np.array(answer))
    array = arrays.plain(answer)
    if role == "value" and array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    return array

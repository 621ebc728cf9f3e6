"""ONNX graphs: weights inside the file and of the size they claim, operators of ONNX itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import onnx as graphs
from registry.formats.stubs import product
from registry.formats.text import clean, finding
from registry.records import Finding
from registry.scanners.contract import Look

NAME = "onnx"
FORMATS = ("onnx",)

_SIBLING = re.compile(r"(?!\.)[\w][\w. @+-]{0,199}")
_WHOLE = re.compile(r"\d{1,18}")
_MAX_NODES = 2_000_000
_MAX_CHECKED = 256 << 20  # the checker takes a copy
_MAX_ELEMENTS = 2**40
_EXTERNAL = 1
# Source: onnx.proto, TensorProto.DataType: bits of one element; 8 is text, 0 undefined
_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64,
    15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
_TYPED = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Walk every graph, sub-graph and function of the model.

    Raises:
        BrokenArtifact: It cannot be parsed, or has too many nodes.
    """
    model = graphs.read(file)
    used: set[str] = set()
    for found in _model(model, used):
        if found not in look.findings:
            look.findings.append(found)
    own = {function.domain for function in model.functions}
    for domain in sorted(used - own - set(graphs.KNOWN_DOMAINS))[:20]:
        look.findings.append(_unknown(domain))
    if not any(found.level == "block" for found in look.findings):
        look.findings.extend(_checked(model))


def _model(model: Any, used: set[str]) -> Iterator[Finding]:
    yield from _graphs([model.graph], used)
    for step in model.training_info:
        yield from _graphs([step.initialization, step.algorithm], used)
    for function in model.functions:
        yield from _graphs([function], used)
    yield from _circles(model.functions)
    for value in (*model.graph.input, *model.graph.output):
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        if any(size < 0 for size in sizes) or product(tuple(s or 1 for s in sizes)) > _MAX_ELEMENTS:
            yield _block("onnx-dimensions", f"{clean(value.name)} has impossible sizes")


def _graphs(stack: list[Any], used: set[str]) -> Iterator[Finding]:
    """Tensors and nodes of graphs and functions, and of the graphs in their attributes."""
    left = _MAX_NODES
    while stack:
        graph = stack.pop()
        for tensor in getattr(graph, "initializer", ()):
            yield from _tensor(tensor)
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from _sparse(sparse)
        for node in graph.node:
            left -= 1
            if left < 0:
                raise BrokenArtifact(f"the graph has more than {_MAX_NODES:,} nodes")
            used.add(node.domain)
            yield from _attributes(node.attribute, stack)
        yield from _attributes(getattr(graph, "attribute_proto", ()), stack)


def _attributes(attributes: Any, stack: list[Any]) -> Iterator[Finding]:
    for attribute in attributes:
        stack += [attribute.g] if attribute.HasField("g") else []
        stack += attribute.graphs
        for tensor in (attribute.t, *attribute.tensors):
            yield from _tensor(tensor)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from _sparse(sparse)


def _sparse(sparse: Any) -> Iterator[Finding]:
    if any(size < 0 for size in sparse.dims) or product(tuple(sparse.dims)) > _MAX_ELEMENTS:
        yield _block("onnx-dimensions", f"{clean(sparse.values.name)} has impossible sizes")
    yield from _tensor(sparse.values)
    yield from _tensor(sparse.indices)


def _tensor(tensor: Any) -> Iterator[Finding]:
    shown = clean(tensor.name) or "a constant"
    if tensor.data_location == _EXTERNAL or tensor.external_data:
        yield from _external(tensor, shown)
        return
    count = product(tuple(tensor.dims))
    if any(size < 0 for size in tensor.dims):
        yield _block("onnx-dimensions", f"{shown} has a size below zero")
    elif tensor.raw_data:
        bits = _BITS.get(tensor.data_type)
        if bits is None or len(tensor.raw_data) != (count * bits + 7) // 8:
            yield _block("onnx-tensor", f"the bytes of {shown} do not fit its sizes")
    elif tensor.data_type:
        held = sum(len(getattr(tensor, name)) for name in _TYPED)
        if count > 4 * held:  # two bits each in a field of bytes
            yield _block("onnx-tensor", f"{shown} claims {count:,} numbers and holds {held:,}")


def _external(tensor: Any, shown: str) -> Iterator[Finding]:
    told = [(entry.key, entry.value) for entry in tensor.external_data]
    place = dict(told)
    if len(place) != len(told) or not set(place) <= {"location", "offset", "length", "checksum"}:
        yield _block("onnx-external", f"{shown} says in an odd way where its numbers lie")
    location = place.get("location", "")
    if not _SIBLING.fullmatch(location):
        yield _block(
            "onnx-external", f"the numbers of {shown} lie at {clean(location) or 'nowhere'}"
        )
    for key in ("offset", "length"):
        if key in place and not _WHOLE.fullmatch(place[key]):
            yield _block("onnx-external", f"{shown} has the {key} {clean(place[key], 50)}")


def _circles(functions: Any) -> Iterator[Finding]:
    """Functions that call each other without end."""
    calls = {
        (f.domain, f.name, f.overload): [(n.domain, n.op_type, n.overload) for n in f.node]
        for f in functions
    }
    if len(calls) != len(functions):
        yield _block("onnx-function", "two functions of the file have the same name")
    done: set[tuple[str, str, str]] = set()
    while True:
        ready = [k for k in calls if k not in done and all(c in done or c not in calls
                                                           for c in calls[k])]  # fmt: skip
        if not ready:
            break
        done.update(ready)
    if len(done) < len(calls):
        name = next(k for k in calls if k not in done)[1]
        yield _block("onnx-function", f"the function {clean(name)} calls itself")


def _checked(model: Any) -> Iterator[Finding]:
    """What ONNX's own checker says."""
    import onnx.checker

    if model.ByteSize() > _MAX_CHECKED:
        return
    try:
        onnx.checker.check_model(model.SerializeToString())
    except onnx.checker.ValidationError as wrong:
        yield _block("onnx-checker", f"ONNX's checker refuses it: {clean(wrong, 300)}")


def _block(rule: str, what: str) -> Finding:
    return finding(
        "block",
        rule,
        what,
        "Loading it would read other files, or ask for memory and time without end",
        "Export the model again, in one file: onnx.save(model, path)",
    )


def _unknown(domain: str) -> Finding:
    return finding(
        "warn",
        "onnx-domain",
        f"the graph uses operators of {clean(domain)}",
        "They are native code that must be installed beside onnxruntime and is not known here",
        "Export the model with standard operators",
    )

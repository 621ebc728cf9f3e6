"""TensorFlow graphs (.pb) and SavedModel zips, read by a wire reader: TensorFlow is not needed."""

from __future__ import annotations

from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives, wire
from registry.formats.stored import complete, load_model, predict
from registry.formats.text import clean, finding, refusal
from registry.records import Finding, Inspection

__all__ = ["complete", "load_model", "predict"]

NAME = "tensorflow"
FRAMEWORK = "TensorFlow"
GROUP = ""
EXTENSIONS = (".pb", ".zip")

_MAX_GRAPH = 512 << 20
_MAX_NODES = 200_000
# Source: tensorflow/core/framework/graph.proto (GraphDef), protobuf/saved_model.proto (SavedModel)
_GRAPH_FIELDS, _SAVED_FIELDS = {1, 2, 3, 4, 5}, {1, 2}
_TOUCHES_FILES = ("ReadFile", "WriteFile", "PyFunc", "EagerPyFunc", "PyFuncStateless",
                  "MatchingFiles", "SaveV2", "PrintV2")  # fmt: skip
WHY = "TensorFlow graphs are stored and described, but cannot run here yet: export to ONNX"


def detect(head: bytes, file: BinaryIO) -> bool:
    """A zip with `saved_model.pb`, a SavedModel message, or a graph of named nodes."""
    if archives.is_zip(head):
        return archives.folder(archives.names(head, file), "saved_model.pb") is not None
    if head[:1] not in (b"\x08", b"\x0a"):
        return False
    seen = set(wire.top_fields(file, limit=_MAX_NODES))
    if head[:1] == b"\x08":
        return seen == _SAVED_FIELDS and head[1:3] == b"\x01\x12"
    return 1 in seen and seen <= _GRAPH_FIELDS and _first_node(head) is not None


def _first_node(head: bytes) -> str | None:
    """Operation of the first node, when the bytes start like one: name, then operation."""
    try:
        for number, value in wire.fields(head):
            if number == 1 and isinstance(value, bytes):
                return _node(value)[1] or None
    except (ValueError, UnicodeDecodeError):
        pass
    return None


def _node(data: bytes) -> tuple[str, str]:
    """(name, operation) of a NodeDef.

    Raises:
        ValueError: It is none.
    """
    parts = {n: v for n, v in wire.fields(data) if n in (1, 2) and isinstance(v, bytes)}
    name, operation = parts.get(1, b"").decode(), parts.get(2, b"").decode()
    if operation and not operation.replace(">", "").replace(":", "").replace("_", "").isalnum():
        raise ValueError("no operation has such a name")
    return name, operation


def inspect(file: BinaryIO) -> Inspection:
    """List the operations and inputs of the graphs."""
    file.seek(0)
    zipped = archives.is_zip(file.read(4))
    if zipped:
        with archives.opened(file) as archive:
            folder = archives.folder(archive.namelist(), "saved_model.pb") or ""
            data = archives.read(archive, folder + "saved_model.pb", _MAX_GRAPH)
    else:
        file.seek(0)
        data = file.read(_MAX_GRAPH)
    try:
        saved = data[:1] == b"\x08"
        operations, version = _saved_model(data) if saved else (_graph(data), "")
    except (ValueError, UnicodeDecodeError) as damage:
        raise BrokenArtifact(
            refusal(
                "the TensorFlow graph is damaged or ends early",
                clean(damage, 100),
                "Save the model again and upload the whole file",
            )
        ) from None
    version = clean(version, 50)
    return Inspection(
        NAME,
        FRAMEWORK,
        framework_version=version,
        summary=f"TensorFlow {'SavedModel' if saved else 'graph'}, "
        f"{sum(map(len, operations.values()))} nodes",
        details={
            "inputs": [clean(n) for n in operations.get("Placeholder", [])[:50]],
            "operations": {clean(k, 60): len(v) for k, v in list(operations.items())[:50]},
            "layout": "SavedModel" if saved else "GraphDef",
        },
        libraries={"tensorflow": version} if version else {},
        runnable=False,
        why_not_runnable=WHY,
        findings=tuple(_remarks(operations)),
    )


def _saved_model(data: bytes) -> tuple[dict[str, list[str]], str]:
    """Operations of all graphs, and the TensorFlow that saved them."""
    operations: dict[str, list[str]] = {}
    version = ""
    for number, meta in wire.fields(data):
        if number != 2 or not isinstance(meta, bytes):
            continue
        for part, value in wire.fields(meta):
            if part == 2 and isinstance(value, bytes):
                for operation, names in _graph(value).items():
                    operations.setdefault(operation, []).extend(names)
            elif part == 1 and isinstance(value, bytes):
                texts = [v for n, v in wire.fields(value) if n == 5 and isinstance(v, bytes)]
                version = texts[0].decode("utf-8", "replace") if texts else version
    return operations, version


def _graph(data: bytes) -> dict[str, list[str]]:
    """Names of the nodes by operation, those of functions in the library included."""
    found: dict[str, list[str]] = {}
    left = _MAX_NODES
    for number, value in wire.fields(data):
        nodes = [value] if number == 1 else _library(value) if number == 2 else []
        for node in nodes:
            left -= 1
            if isinstance(node, bytes) and left > 0:
                name, operation = _node(node)
                found.setdefault(operation, []).append(name)
    return found


def _library(value: int | bytes) -> list[bytes]:
    """Nodes of every function: FunctionDefLibrary.function (1), FunctionDef.node_def (3)."""
    if not isinstance(value, bytes):
        return []
    functions = [f for number, f in wire.fields(value) if number == 1 and isinstance(f, bytes)]
    return [
        node
        for function in functions
        for number, node in wire.fields(function)
        if number == 3 and isinstance(node, bytes)
    ]


def _remarks(operations: dict[str, list[str]]) -> list[Finding]:
    return [
        finding(
            "warn",
            "tensorflow-operation",
            f"the graph has the operation {operation}",
            "It reaches files or runs Python when the graph is run elsewhere",
            "Export the model without it",
        )
        for operation in _TOUCHES_FILES
        if operation in operations
    ]

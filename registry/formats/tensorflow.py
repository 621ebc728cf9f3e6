"""TensorFlow graphs (.pb) and SavedModel zips, read by a wire reader: TensorFlow is not needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives, wire
from registry.formats.stored import complete, load_model, predict
from registry.formats.text import clean, refusal
from registry.records import Inspection

__all__ = ["complete", "load_model", "predict"]

NAME = "tensorflow"
FRAMEWORK = "TensorFlow"
GROUP = ""
EXTENSIONS = (".pb", ".zip")

_MAX_GRAPH = 512 << 20
_MAX_NODES = 200_000
# Source: tensorflow/core/framework/graph.proto (GraphDef), protobuf/saved_model.proto (SavedModel)
_GRAPH_FIELDS, _SAVED_FIELDS = {1, 2, 3, 4, 5}, {1, 2}
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


@dataclass
class Graph:
    """What all graphs and functions of a file consist of.

    Attributes:
        operations: Names of the nodes by operation.
        functions: Functions that the file itself defines, which nodes may call by name.
        version: TensorFlow that saved it, or "".
    """

    saved_model: bool
    operations: dict[str, list[str]] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    version: str = ""

    def nodes(self, nodes: Iterable[bytes]) -> None:
        """Note nodes.

        Raises:
            ValueError: They are none, or more than any known model has.
        """
        for node in nodes:
            name, operation = _node(node)
            self.operations.setdefault(operation, []).append(name)
        if self.n_nodes > _MAX_NODES:
            raise ValueError(f"more than {_MAX_NODES:,} nodes")

    @property
    def n_nodes(self) -> int:
        return sum(map(len, self.operations.values()))


def inspect(file: BinaryIO) -> Inspection:
    """List the operations and inputs of the graphs."""
    graph = read(file)
    version = clean(graph.version, 50)
    return Inspection(
        NAME,
        FRAMEWORK,
        framework_version=version,
        summary=f"TensorFlow {'SavedModel' if graph.saved_model else 'graph'}, "
        f"{graph.n_nodes} nodes",
        details={
            "inputs": [clean(n) for n in graph.operations.get("Placeholder", [])[:50]],
            "operations": {clean(k, 60): len(v) for k, v in list(graph.operations.items())[:50]},
            "layout": "SavedModel" if graph.saved_model else "GraphDef",
        },
        libraries={"tensorflow": version} if version else {},
        runnable=False,
        why_not_runnable=WHY,
    )


def read(file: BinaryIO) -> Graph:
    """All graphs of the file, or of every SavedModel in an archive.

    Raises:
        BrokenArtifact: A graph is damaged, or has more nodes than any known model.
    """
    file.seek(0)
    if archives.is_zip(file.read(4)):
        found = Graph(saved_model=True)
        with archives.opened(file) as archive:
            for name in archive.namelist():
                if name.rpartition("/")[2] == "saved_model.pb":
                    _read(archives.read(archive, name, _MAX_GRAPH), found)
        return found
    file.seek(0)
    data = file.read(_MAX_GRAPH)
    found = Graph(saved_model=data[:1] == b"\x08")
    _read(data, found)
    return found


def _read(data: bytes, found: Graph) -> None:
    try:
        if found.saved_model:
            _saved_model(data, found)
        else:
            _graph(data, found)
    except ValueError as damage:
        raise BrokenArtifact(
            refusal(
                "the TensorFlow graph is damaged or ends early",
                clean(damage, 100),
                "Save the model again and upload the whole file",
            )
        ) from None


def _saved_model(data: bytes, found: Graph) -> None:
    """SavedModel.meta_graphs (2), MetaGraphDef.meta_info_def (1) and graph_def (2)."""
    for meta in wire.parts(data, 2):
        for about in wire.parts(meta, 1):
            for version in wire.parts(about, 5):
                found.version = version.decode("utf-8", "replace")
        for graph in wire.parts(meta, 2):
            _graph(graph, found)


def _graph(data: bytes, found: Graph) -> None:
    """GraphDef.node (1) and library (2); FunctionDef.signature (1) and node_def (3)."""
    found.nodes(wire.parts(data, 1))
    for library in wire.parts(data, 2):
        for function in wire.parts(library, 1):
            for signature in wire.parts(function, 1):
                found.functions.update(n.decode() for n in wire.parts(signature, 1))
            found.nodes(wire.parts(function, 3))

"""skops files: a zip with the object as JSON and its arrays as .npy, loaded by exact type names."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import ZipFile

import numpy as np

from registry.errors import BrokenArtifact
from registry.formats import (
    answers,
    archives,
    guards,
    names,
    npy,
    proposals,
    restricted,
    skops_nodes,
)
from registry.formats.stubs import MAX_DECODED_BYTES, Array, Global, Instance
from registry.formats.text import clean
from registry.records import Inspection, Schema

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

NAME = "skops"
FRAMEWORK = "scikit-learn"
GROUP = "sklearn"
EXTENSIONS = (".skops",)

_MAX_SCHEMA_BYTES = 128 << 20
_MAX_NODES, _MAX_NESTING = skops_nodes.MAX_NODES, skops_nodes.MAX_NESTING


def detect(head: bytes, file: BinaryIO) -> bool:
    """A zip with skops' `schema.json`."""
    return "schema.json" in archives.names(head, file)


def inspect(file: BinaryIO) -> Inspection:
    """Turn the JSON into the same stubs a dry run makes."""
    with archives.opened(file) as archive:
        schema = archives.read_json(archive, "schema.json", _MAX_SCHEMA_BYTES)
        if not isinstance(schema, dict):
            raise BrokenArtifact("the skops file describes no object: save the model again")
        tree = _Tree(archive)
        root = tree.stub(schema, 0)
    details: dict[str, Any] = {
        "saved by": "skops",
        "skops": clean(schema.get("_skops_version", "")),
        "protocol": schema.get("protocol") if isinstance(schema.get("protocol"), int) else None,
    }
    return proposals.inspection(NAME, root, tree.globals.values(), details)


def asked(archive: ZipFile) -> tuple[list[Global], list[str]]:
    """Every name in the file, wherever it stands, and what its parts do that honest ones do not.

    Raises:
        BrokenArtifact: Its description is damaged or has too many parts.
    """
    schema = archives.read_json(archive, "schema.json", _MAX_SCHEMA_BYTES)
    found: dict[tuple[str, str], Global] = {}
    stack: list[Any] = [schema]
    left = _MAX_NODES
    while stack:
        node = stack.pop()
        left -= 1
        if left < 0:
            raise BrokenArtifact("the skops file has too many parts")
        if isinstance(node, dict):
            if "__class__" in node or "__module__" in node:
                name = Global(str(node.get("__module__", "")), str(node.get("__class__", "")))
                found.setdefault((name.module, name.name), name)
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return list(found.values()), skops_nodes.odd(schema)


class _Tree:
    """Nodes of a skops file as stubs."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._left = _MAX_NODES
        self._made: dict[int, Any] = {}
        self.globals: dict[str, Global] = {}

    def stub(self, node: Any, depth: int) -> Any:
        """One node, and what is below it."""
        self._left -= 1
        if depth > _MAX_NESTING or self._left < 0:
            raise BrokenArtifact("the skops file is nested too deeply or has too many parts")
        if not isinstance(node, dict):
            raise BrokenArtifact("the skops file has a part without a type: save the model again")
        mark = node.get("__id__")
        if node.get("__loader__") == "CachedNode":
            return self._made.get(mark) if isinstance(mark, int) else None
        made = self._make(node, node.get("__loader__"), depth)
        if isinstance(mark, int):
            self._made[mark] = made
        return made

    def _make(self, node: dict[str, Any], loader: object, depth: int) -> Any:
        content = node.get("content")
        named = self._named(node)
        if loader == "JsonNode" and isinstance(content, str):
            return archives.parsed(content, "a value")
        if loader in ("ListNode", "TupleNode", "SetNode") and isinstance(content, list):
            items = [self.stub(child, depth + 1) for child in content]
            return tuple(items) if loader == "TupleNode" else items
        if loader in ("DictNode", "DefaultDictNode", "OrderedDictNode"):
            return self._children(content, depth)
        if loader == "NdArrayNode":
            return self._array(node, depth)
        if loader in ("TypeNode", "FunctionNode"):
            return named
        made = Instance(named)
        if isinstance(content, dict) and "__loader__" in content:
            state = self.stub(content, depth + 1)
            if isinstance(state, dict):
                made.build(state)
        elif isinstance(content, dict):
            made.build(self._children(content, depth))
        return made

    def _children(self, content: Any, depth: int) -> dict[str, Any]:
        pairs = content.items() if isinstance(content, dict) else ()
        return {k: self.stub(v, depth + 1) for k, v in pairs if isinstance(v, dict)}

    def _named(self, node: dict[str, Any]) -> Global:
        named = Global(str(node.get("__module__", "")), str(node.get("__class__", "")))
        if named.module != "builtins" and len(self.globals) < 10_000:
            self.globals.setdefault(clean(named.path), named)
        return named

    def _array(self, node: dict[str, Any], depth: int) -> Any:
        content = node.get("content")
        if node.get("type") == "json" and isinstance(content, list):
            values = [self.stub(child, depth + 1) for child in content]
            return Array(np.dtype(object), (len(values),), values)
        array = self._npy(str(node.get("file", "")))
        scalar = node.get("__class__") != "ndarray" and isinstance(array.values, np.ndarray)
        return array.values.item() if scalar and array.size == 1 else array  # type: ignore[union-attr]

    def _npy(self, name: str) -> Array:
        """A member in NumPy's format: always its header, its values when small."""
        try:
            size = self._archive.getinfo(name).file_size
            with self._archive.open(name) as member:
                data = member.read(MAX_DECODED_BYTES + 4096)
            dtype, shape, fortran, start = npy.header(io.BytesIO(data))
        except archives.DAMAGE as damage:
            raise BrokenArtifact(
                f"an array of the skops file is damaged: {clean(damage)}"
            ) from None
        rest = data[start:]
        if size > MAX_DECODED_BYTES or dtype.hasobject or dtype.kind not in "biufcSU":
            return Array(dtype, shape)
        try:
            values = np.frombuffer(rest, dtype=dtype).reshape(shape, order="F" if fortran else "C")
        except ValueError as damage:
            raise BrokenArtifact(
                f"an array of the skops file is damaged: {clean(damage)}"
            ) from None
        return Array(dtype, shape, values)


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Load, with nothing but names on the allowlist; the file's own word counts for nothing.

    Raises:
        UnsafeArtifact: It asks for a name that is neither listed nor trusted, or has a part that
            skops never writes, or a state that replaces a method.
        NotInstalled: A library that the file needs is missing.
        PredictionFailed: The object cannot answer.
    """
    from skops import io as skops_io

    with archives.opened(file) as archive:
        wanted, odd = asked(archive)
    foreign = [n.path for n in wanted if not names.may_load(n.module, n.name, trusted)]
    if foreign:
        raise restricted.unsafe(foreign)
    if odd:
        raise restricted.unsafe([], f"the file has what skops never writes: {odd[0]}")
    file.seek(0)
    data = file.read()
    with answers.missing_libraries():
        untrusted = skops_io.get_untrusted_types(data=data)
        foreign = [n for n in untrusted if not names.may_load(*names.split(n), trusted)]
        if foreign:
            raise restricted.unsafe(foreign)
        with _guarded_states():
            return answers.loaded(skops_io.loads(data, trusted=untrusted), threads)


@contextmanager
def _guarded_states() -> Iterator[None]:
    """Hold skops' maker of objects to the rules that pickles are held to, on the real objects.

    Only here are the classes at hand: the scan cannot know what is a method.
    """
    from skops.io._audit import NODE_TYPE_MAPPING
    from skops.io._general import ObjectNode
    from skops.io._utils import gettype

    class Guarded(ObjectNode):  # type: ignore[misc]
        def _construct(self) -> Any:
            state = self.attrs.construct() if self.attrs is not None else None
            if state is not None:
                _check_state(gettype(self.module_name, self.class_name), state)
            return super()._construct()

    kept = {key: made for key, made in NODE_TYPE_MAPPING.items() if made is ObjectNode}
    NODE_TYPE_MAPPING.update(dict.fromkeys(kept, Guarded))
    try:
        yield
    finally:
        NODE_TYPE_MAPPING.update(kept)


def _check_state(cls: Any, state: Any) -> None:
    """Whether skops may fill an object of this class so: it updates attributes with any pairs.

    Raises:
        UnsafeArtifact: It may not.
    """
    made = cls.__new__(cls)
    filled = isinstance(state, dict) or hasattr(made, "__setstate__")
    if not filled or not guards.state(made, state):
        raise restricted.unsafe([], f"the file fills a {cls.__name__} with what it never holds")
    if shadowed := guards.shadows(made, state):
        said = f"the file puts something else in the place of {shadowed}"
        raise restricted.unsafe([], said)


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Fill in columns, classes, outputs, defaults and an example from the loaded model."""
    return answers.complete(model, schema)


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """Answers "label" and "probabilities", or "value"."""
    return answers.predict(model, inputs, schema)

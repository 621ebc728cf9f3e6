"""What the parts of a skops file do when they are loaded, by their raw description.

Names alone are not enough: skops fills objects by `__setstate__`, calls the types of dictionary
keys, and puts the first part of a number in the place of every later one with the same number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from registry.errors import BrokenArtifact
from registry.formats import guards, names
from registry.formats.text import clean

MAX_NODES = 2_000_000
MAX_NESTING = 150
_MAX_JSON_NESTING = 4 * MAX_NESTING

# Source: skops/io/_general.py, _numpy.py, _scipy.py and _sklearn.py, 0.14: the loaders that call
# the type they name, or make it empty, and the types that skops writes them for.
_LOADERS: dict[str, str] = {
    "BytearrayNode": r"builtins\.bytearray",
    "BytesNode": r"builtins\.bytes",
    "ConstructorFromReduceNode": (
        r"builtins\.(complex|frozenset|range)|uuid\.UUID|decimal\.Decimal|fractions\.Fraction"
        r"|datetime\.(date|datetime|time|timedelta|timezone)"
    ),
    "DTypeNode": r"numpy\.dtype",
    "DefaultDictNode": r"collections\.defaultdict",
    "DictNode": (
        r"builtins\.dict|collections\.(OrderedDict|Counter)|sklearn\.utils(\._bunch)?\.Bunch"
    ),
    "FunctionNode": r".*",
    "JsonNode": r"builtins\.\w+",
    "ListNode": r"builtins\.list",
    "LossNode": r"sklearn\._loss\._loss\.Cy\w+|sklearn\.linear_model\._sgd_fast\.[A-Z]\w+",
    "MaskedArrayNode": r"numpy\.ma(\.core)?\.MaskedArray",
    "NdArrayNode": (
        r"numpy\.(ndarray|bool_?|u?int(8|16|32|64|c|p)?|u?(byte|short|long|longlong)"
        r"|float(16|32|64|128)?|half|single|double|longdouble|complex(64|128|256)"
        r"|c(longdouble|double|single)|str_|bytes_|datetime64|timedelta64)"
    ),
    "ObjectNode": r".*",
    "PartialNode": r"functools\.partial",
    "RandomGeneratorNode": r"numpy\.random\._generator\.Generator",
    "RandomStateNode": r"numpy\.random\.mtrand\.RandomState",
    "SetNode": r"builtins\.set",
    "SliceNode": r"builtins\.slice",
    "SparseMatrixNode": r"scipy\.sparse\.\w+\.\w+",
    "TreeNode": r"sklearn\.tree\._tree\.Tree",
    "TupleNode": r"builtins\.tuple",
    "TypeNode": r".*",
}
_TYPES = {kind: re.compile(pattern) for kind, pattern in _LOADERS.items()}
_STATES = ("DictNode", "JsonNode", "TupleNode")
_REFERENCES = ("FunctionNode", "TypeNode")
_PLAIN = re.compile(r"builtins\.(bool|complex|dict|float|frozenset|int|list|object|set|str|tuple)")
_KEY = re.compile(r"builtins\.(bool|float|int|str|tuple|NoneType)|" + _LOADERS["NdArrayNode"])
_DEFAULT = re.compile(r"builtins\.(dict|float|int|list|set|str)")


def odd(schema: Any) -> list[str]:
    """What loading would do that no file of skops' own does, each thing once; [] is an honest file.

    Raises:
        BrokenArtifact: It has too many parts, or they are nested too deeply.
    """
    walk = _Walk()
    for node, key_types in _nodes(schema):
        walk.look(node, key_types)
    return list(walk.found)


def _nodes(schema: Any) -> Iterator[tuple[dict[str, Any], bool]]:
    """Whatever has a loader, wherever it stands, and whether it holds the types of keys."""
    stack: list[tuple[Any, int, bool]] = [(schema, 0, False)]
    left = MAX_NODES
    while stack:
        part, depth, key_types = stack.pop()
        left -= 1
        if left < 0 or depth > _MAX_JSON_NESTING:
            raise BrokenArtifact("the skops file is nested too deeply or has too many parts")
        if isinstance(part, list):
            stack.extend((child, depth + 1, False) for child in part)
        elif isinstance(part, dict):
            if "__loader__" in part:
                yield part, key_types
            is_part = "__loader__" in part
            stack.extend((v, depth + 1, is_part and k == "key_types") for k, v in part.items())


class _Walk:
    """Parts by their numbers, and what was odd."""

    def __init__(self) -> None:
        self._numbered: dict[Any, tuple[str, str, bool]] = {}
        self.found: dict[str, None] = {}

    def look(self, node: dict[str, Any], key_types: bool) -> None:
        """Judge one part by itself and by what must be below it."""
        loader, path = _loader(node), _path(node)
        said = clean(f"{loader or 'a part'} of {path or 'no name'}")
        fits = loader in _TYPES and bool(_TYPES[loader].fullmatch(path))
        fits = fits and self._is_first(node, (loader, path, key_types))
        fits = fits and _CHECKS.get(loader, _anything)(node, path)
        if not fits or (key_types and not _keys(node)):
            self.found[said] = None

    def _is_first(self, node: dict[str, Any], kind: tuple[str, str, bool]) -> bool:
        """Whether the first part of this number, which takes its place, is of the same kind."""
        mark = node.get("__id__")
        if not isinstance(mark, (int, str, type(None))):
            return False
        return not mark or self._numbered.setdefault(mark, kind) == kind


def _loader(node: Any) -> str:
    found = node.get("__loader__") if isinstance(node, dict) else None
    return found if isinstance(found, str) else ""


def _path(node: Any) -> str:
    if not isinstance(node, dict):
        return ""
    module, name = node.get("__module__"), node.get("__class__")
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""


def _anything(node: dict[str, Any], path: str) -> bool:
    return True


def _object(node: dict[str, Any], path: str) -> bool:
    """Made empty and filled: nothing whose state is looked at, and nothing that is called.

    A state is plain data: the loader asks any other object for its `keys`.
    """
    content = node.get("content")
    plain = content is None or _loader(content) in _STATES
    if isinstance(content, dict) and _loader(content) == "JsonNode":
        plain = content.get("content") == "null"  # pairs in it would become attributes
    return plain and not guards.has_state(path) and path not in names.CALLABLE


def _reference(node: dict[str, Any], path: str) -> bool:
    """A value: what a file may call is called by whoever gets it. Protocol 0 hid the real name."""
    plain = path not in names.CALLABLE or bool(_PLAIN.fullmatch(path))
    return plain and "content" not in node


def _partial(node: dict[str, Any], path: str) -> bool:
    content = node.get("content")
    function = content.get("func") if isinstance(content, dict) else None
    return _loader(function) in _REFERENCES and _path(function) not in names.CALLABLE


def _mapping(node: dict[str, Any], path: str) -> bool:
    """A dictionary: the types of its keys are called with the keys.

    It may be what an object is filled with, so that no key is a name of Python's own.
    """
    content = node.get("content")
    if not isinstance(content, dict) or not all(map(guards.is_attribute, content)):
        return False
    return _loader(node.get("key_types")) == "ListNode" and _keys(node["key_types"])


def _keys(node: dict[str, Any]) -> bool:
    listed = node.get("content")
    return isinstance(listed, list) and all(
        _loader(kind) == "TypeNode" and _KEY.fullmatch(_path(kind)) for kind in listed
    )


def _default(node: dict[str, Any], path: str) -> bool:
    content = node.get("content")
    maker = content.get("default_factory") if isinstance(content, dict) else None
    if _loader(maker) == "JsonNode":
        return True
    return _loader(maker) == "TypeNode" and bool(_DEFAULT.fullmatch(_path(maker)))


_CHECKS = {
    "DefaultDictNode": _default,
    "DictNode": _mapping,
    "FunctionNode": _reference,
    "ObjectNode": _object,
    "PartialNode": _partial,
    "TypeNode": _reference,
}

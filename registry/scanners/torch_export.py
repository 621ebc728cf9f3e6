"""torch.export programs: a graph of torch's own operations, and numbers; whatever else is code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives, zips
from registry.formats.text import clean, finding
from registry.formats.unzipped import Budget, opened
from registry.formats.zips import Odd
from registry.records import Finding
from registry.scanners import inside
from registry.scanners.contract import Look

NAME = "torch_export"
FORMATS = ("torch_export",)

_MAX_JSON = 128 << 20
_NATIVE = (".so", ".cpp", ".cu", ".cubin", ".o", ".pyd", ".dll", ".dylib", ".hsaco", ".spv")
_PICKLED = re.compile(
    r"([^/]+/)?(data/sample_inputs/[^/]+|serialized_(state_dict|constants|example_inputs))\.pt"
)
_OBJECTS = re.compile(r"([^/]+/)?data/(constants|weights)/(custom|opaque)_obj_\w+")
_ARITHMETIC = re.compile(r"[\w\s+\-*/%(),=<>'&|~]*(\.\d[\w\s+\-*/%(),=<>'&|~]*)*")
_CALLED = re.compile(r"([\w')]+)\s*\(")
_FUNCTIONS = frozenset(
    "Abs Add And CeilDiv CeilToInt CleanDiv Eq Equality Float FloatPow FloatTrueDiv FloorDiv "
    "FloorToInt Ge GreaterThan Gt Identity IntTrueDiv Integer LShift Le LessThan Lt Max Min Mod "
    "ModularIndexing Mul Ne Not Or Piecewise Pow PowByNatural PythonMod RShift Rational "
    "RoundDecimal RoundToInt StrictGreaterThan StrictLessThan Symbol ToFloat TruncToFloat "
    "TruncToInt Unequality Where ceiling exp floor log sqrt".split()
)
# Source: torch 2.13, torch/_export/serde/serialize.py, deserialize_operator: the target of a node
# is looked up attribute by attribute, so that torch.os.system would be found as well
_TARGETS = re.compile(
    r"torch\.ops\.(aten|prims?|quantized|quantized_decomposed|higher_order|torchvision)"
    r"\.\w+(\.\w+)?"
    r"|_operator\.(add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs|eq|ne|lt|le|gt|ge|and_|or_"
    r"|not_|xor|getitem|lshift|rshift|index)"
    r"|math\.(ceil|floor|trunc|sqrt|log2?|exp|pow|fabs|sin|cos|tan)|torch\.(_?sym_\w+)"
)
_FILES = re.compile(r"torch\.ops\.aten\.(from_file|save|load)\b.*")
_CUSTOM = re.compile(r"torch\.ops\.\w+\.\w+(\.\w+)?|[\w.]+::[\w.]+")


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Read every graph and every list of weights; sample inputs are scanned as torch files.

    Raises:
        BrokenArtifact: A part cannot be read.
    """
    try:
        members = zips.members(file)
        for member in members:
            if _PICKLED.fullmatch(member.name):
                inside.scan(opened(file, member, Budget()), "torch_pickle", look)
    except Odd as odd:
        raise BrokenArtifact(odd.what) from None
    listed = [member.name for member in members]
    look.findings.extend(_code(f"{clean(n)} in the file", "native") for n in listed if _native(n))
    look.findings.extend(
        _code(f"{clean(n)}, an object of a class of its own", "object")
        for n in listed
        if _OBJECTS.fullmatch(n)
    )
    with archives.opened(file) as archive:
        for name in listed:
            if name.endswith(".json"):
                program = archives.read_json(archive, name, _MAX_JSON)
                look.findings.extend(dict.fromkeys(_seen(program)))


def _native(name: str) -> bool:
    return name.endswith(_NATIVE) or "data/aotinductor/" in name


def _seen(program: Any) -> Iterator[Finding]:
    """What in a graph or a list of weights is more than data."""
    stack = [program]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
            if value.get("use_pickle"):
                yield _code("weights that are pickles", "pickle")
            expression = value.get("expr_str", "")
            if not isinstance(expression, str) or not is_arithmetic(expression):
                yield _code("a size expression that is no arithmetic", "expression")
            if not all(_is_tree(value[key]) for key in ("in_spec", "out_spec") if key in value):
                yield _code("a shape of inputs or outputs that imports", "tree")
            if "inputs" in value and "target" in value:
                yield from _target(value["target"])
            if "as_operator" in value:  # an operator as an argument of another
                yield from _target(value["as_operator"])


def _is_tree(text: Any) -> bool:
    """Whether a shape of inputs or outputs is made of plain containers.

    Source: torch 2.13, torch/utils/_pytree.py: a defaultdict names its function by module and
    name, and a dictionary in a context may be an enumeration, which is imported the same way.
    """
    try:
        _, tree = json.loads(text)
        stack = [tree]
        while stack:
            node = stack.pop()
            context = node["context"]
            if node["type"] == "collections.defaultdict" or _holds_names(context):
                return False
            stack.extend(node["children_spec"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return True


def _holds_names(context: Any) -> bool:
    if context is None:
        return False
    if not isinstance(context, str):
        return True
    try:
        stack = [json.loads(context)]
    except ValueError:  # the name of a named tuple
        return False
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            return True
        stack.extend(part if isinstance(part, list) else ())
    return False


def is_arithmetic(expression: str) -> bool:
    """Whether evaluating it could do no more than compute with symbols."""
    calls = _CALLED.findall(expression)
    return (
        "__" not in expression
        and _ARITHMETIC.fullmatch(expression) is not None
        and all(name in _FUNCTIONS or name.startswith("OpaqueUnaryFn_") for name in calls)
    )


def _target(target: object) -> Iterator[Finding]:
    shown = clean(target)
    if not isinstance(target, str) or "__" in target or _FILES.fullmatch(target):
        yield _code(f"a call of {shown}", "target")
    elif _TARGETS.fullmatch(target):
        return
    elif _CUSTOM.fullmatch(target):
        yield finding(
            "warn",
            "torch-export-operator",
            f"the graph uses the operator {shown}",
            "It is no operator of torch itself and must be installed beside it",
            "Trust it only if you know who made the file",
        )
    else:
        yield _code(f"a call of {shown}", "target")


def _code(what: str, kind: str) -> Finding:
    return finding(
        "block",
        f"torch-export-{kind}",
        f"the file carries {what}",
        "Loading it would run what the file says",
        "Export the model again with torch.export alone, or export it to ONNX",
    )

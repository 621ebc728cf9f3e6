"""Follows the columns of a table through an ONNX graph, to where it remembers something of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from registry.formats.text import MAX_FEATURES, clean, rounded, unique
from registry.records import Field, FieldType

MAX_CATEGORIES = 1000
_TYPES: dict[str, FieldType] = {
    "float16": "float", "float32": "float", "float64": "double", "int64": "long",
    "int32": "integer", "int16": "integer", "int8": "integer", "uint8": "integer",
    "bool": "boolean", "string": "string",
}  # fmt: skip
_SAME = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "StringNormalizer")

Input = tuple[str, str, tuple[int, ...]]
"""Name, type and shape of a graph input."""


def is_table(inputs: list[Input]) -> bool:
    """One matrix of named width, or several inputs of one column each."""
    if len(inputs) == 1:
        _, dtype, shape = inputs[0]
        return len(shape) == 2 and 0 < shape[1] <= MAX_FEATURES and dtype in _TYPES
    return len(inputs) > 1 and all(
        len(shape) == 2 and shape[1] == 1 and dtype in _TYPES for _, dtype, shape in inputs
    )


def fields(graph: Any, inputs: list[Input]) -> tuple[Field, ...]:
    """The columns of a table, with defaults and categories that the graph remembers."""
    if len(inputs) == 1:
        name, dtype, shape = inputs[0]
        names = [f"x{i}" for i in range(shape[1])] if shape[1] > 1 else [clean(name)]
        found = [Field(n, _TYPES[dtype]) for n in names]
        origin: dict[str, list[int]] = {name: list(range(shape[1]))}
    else:
        found = [
            Field(n, _TYPES[dtype])
            for n, (_, dtype, _) in zip(unique(clean(i[0]) for i in inputs), inputs, strict=True)
        ]
        origin = {name: [i] for i, (name, _, _) in enumerate(inputs)}
    constants = {t.name: t for t in graph.initializer if len(t.dims) <= 1}
    for node in list(graph.node)[:5000]:
        _follow(node, origin, constants, found)
    return tuple(found)


def _follow(
    node: Any, origin: dict[str, list[int]], constants: dict[str, Any], found: list[Field]
) -> None:
    given = list(node.input)
    columns = origin.get(given[0]) if given else None
    if node.op_type == "Concat":
        parts = [origin.get(name) for name in given]
        if all(part is not None for part in parts):
            origin[node.output[0]] = [i for part in parts for i in part or ()]
        return
    if columns is None:
        return
    if node.op_type in _SAME:
        origin[node.output[0]] = columns
    elif node.op_type in ("Gather", "ArrayFeatureExtractor") and len(given) > 1:
        picked = _integers(constants.get(given[1]))
        if picked and all(0 <= i < len(columns) for i in picked):
            origin[node.output[0]] = [columns[i] for i in picked]
    elif node.op_type == "Imputer":
        origin[node.output[0]] = columns
        _defaults(found, columns, _attribute(node, "imputed_value_floats"))
    elif node.op_type == "Scaler":
        _defaults(found, columns, _attribute(node, "offset"))
    elif node.op_type == "OneHotEncoder" and len(columns) == 1:
        _categories(found, columns[0], node)
    elif node.op_type.startswith("TreeEnsemble"):
        _thresholds(found, columns, node)


def _defaults(found: list[Field], columns: list[int], values: list[float]) -> None:
    if len(values) == 1:
        values = values * len(columns)
    for i, value in zip(columns, values, strict=False):
        if found[i].default is None and math.isfinite(value):
            number = rounded(value)
            whole = found[i].type in ("integer", "long")
            found[i] = replace(found[i], default=round(number) if whole else number)


def _categories(found: list[Field], column: int, node: Any) -> None:
    texts = [clean(t.decode("utf-8", "replace")) for t in _attribute(node, "cats_strings")]
    numbers = [str(n) for n in _attribute(node, "cats_int64s")]
    listed = texts or numbers
    if 0 < len(listed) <= MAX_CATEGORIES:
        first: Any = texts[0] if texts else int(numbers[0])
        found[column] = replace(found[column], categories=tuple(listed), default=first)


def _thresholds(found: list[Field], columns: list[int], node: Any) -> None:
    """The median split of each column becomes its default."""
    features = np.array(_attribute(node, "nodes_featureids"), dtype=np.int64)
    values = np.array(_attribute(node, "nodes_values"), dtype=np.float64)
    modes = np.array([mode != b"LEAF" for mode in _attribute(node, "nodes_modes")], dtype=bool)
    if not len(features) == len(values) == len(modes):
        return
    for i, column in enumerate(columns):
        splits = values[modes & (features == i)]
        if len(splits):
            _defaults(found, [column], [float(np.median(splits))])


def _attribute(node: Any, name: str) -> list[Any]:
    for attribute in node.attribute:
        if attribute.name == name:
            return list(attribute.floats) or list(attribute.ints) or list(attribute.strings)
    return []


def _integers(constant: Any) -> list[int]:
    if constant is None or constant.data_type != 7:
        return []
    if constant.int64_data:
        return list(constant.int64_data)[:MAX_FEATURES]
    data = constant.raw_data[: 8 * MAX_FEATURES]
    return np.frombuffer(data[: len(data) // 8 * 8], dtype="<i8").tolist()  # type: ignore[no-any-return]


def classes(graph: Any) -> tuple[str, ...]:
    """Class names that a classifier node or a ZipMap keeps."""
    for node in list(graph.node)[:5000]:
        for name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
            listed = _attribute(node, name)[:MAX_FEATURES]
            if listed and node.domain == "ai.onnx.ml":
                return tuple(
                    clean(c.decode("utf-8", "replace") if isinstance(c, bytes) else c)
                    for c in listed
                )
    return ()

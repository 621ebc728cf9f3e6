"""Proposes the columns of a table from what an estimator made of stubs remembers of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from registry.formats import estimators
from registry.formats.stubs import Array, Instance
from registry.formats.text import MAX_DEPTH, MAX_FEATURES, clean, rounded, unique
from registry.records import Field, FieldType

MAX_CATEGORIES = 1000
_VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
_ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")


@dataclass
class _Column:
    type: FieldType = "double"
    nullable: bool = False
    categories: tuple[str, ...] = ()
    default: Any = None
    used: bool = True


class _Columns(list[_Column]):
    """The columns, and how many more parts may be looked at: parts can hold each other."""

    left = 2000


def fields(root: Instance) -> tuple[Field, ...]:
    """The columns an estimator takes, in order; () when nothing tells how many."""
    if _reads_text(root):
        return (Field("text", "string", default=""),)
    names = estimators.names(root)
    named = bool(names)
    names = names or [f"x{i}" for i in range(estimators.n_features(root))]
    columns = _Columns(_Column() for _ in names)
    _walk(root, list(range(len(columns))), columns, 0)
    return tuple(
        Field(
            name,
            column.type,
            nullable=column.nullable,
            categories=column.categories,
            default=column.default,
        )
        for name, column in zip(unique(names), columns, strict=True)
        if column.used or not named
    )


def example(columns: tuple[Field, ...]) -> dict[str, Any]:
    """A row of the defaults; {} unless every column has one."""
    if not columns or any(f.default is None for f in columns):
        return {}
    return {f.name: f.default for f in columns}


def with_defaults(columns: tuple[Field, ...], values: list[float | None]) -> tuple[Field, ...]:
    """The columns, numbers without a default given one of `values`."""
    return tuple(
        replace(f, default=rounded(v))
        if f.default is None and f.type in ("double", "float") and v is not None
        else f
        for f, v in zip(columns, values, strict=True)
    )


def _reads_text(root: Instance) -> bool:
    return any(member.cls.name in _VECTORIZERS for member in estimators.family(root))


def _walk(est: object, where: list[int], columns: _Columns, depth: int) -> None:
    """Note what one transformer remembers of the columns `where`."""
    columns.left -= 1
    if not isinstance(est, Instance) or depth > MAX_DEPTH or columns.left < 0:
        return
    kind = est.cls.name
    if estimators.steps(est):
        for _, step in estimators.steps(est):
            _walk(step, where, columns, depth + 1)
            if isinstance(step, Instance) and step.cls.name != "SimpleImputer":
                break
    elif kind == "ColumnTransformer":
        _column_transformer(est, where, columns, depth)
    elif kind == "FeatureUnion":
        for part in (est.state.get("transformer_list") or [])[:100]:
            _walk(part[1] if isinstance(part, tuple) else None, where, columns, depth + 1)
    elif kind in _ENCODERS:
        _categories(est, where, columns)
    elif kind == "SimpleImputer":
        _imputer(est, where, columns)
    elif kind.startswith("HistGradientBoosting"):
        _histogram(est, where, columns, depth)
    else:
        _other(est, where, columns, depth)


def _other(est: Instance, where: list[int], columns: _Columns, depth: int) -> None:
    if est.cls.name in _VECTORIZERS:
        for i in where:
            columns[i].type, columns[i].default = "string", ""
        return
    _centers(est, where, columns)
    for inner in list(estimators.family(est))[1:2]:
        _walk(inner, where, columns, depth + 1)


def _column_transformer(est: Instance, where: list[int], columns: _Columns, depth: int) -> None:
    indices = est.state.get("_transformer_to_input_indices")
    parts = est.state.get("transformers_")
    if not isinstance(indices, dict) or not isinstance(parts, list):
        return
    for part in parts[:1000]:
        if not isinstance(part, tuple) or len(part) != 3:
            continue
        found = indices.get(part[0])
        found = found.flat() if isinstance(found, Array) else found
        if not isinstance(found, list):
            continue
        chosen = [where[i] for i in found if type(i) is int and 0 <= i < len(where)]
        if part[1] == "drop":
            for i in chosen:
                columns[i].used = False
        _walk(part[1], chosen, columns, depth + 1)


def _categories(est: Instance, where: list[int], columns: _Columns) -> None:
    listed = est.state.get("categories_")
    if not isinstance(listed, list) or len(listed) != len(where):
        return
    for i, array in zip(where, listed, strict=True):
        flat = array.flat() if isinstance(array, Array) else None
        if not flat:
            continue
        values = [v for v in flat if not _missing(v)]
        column = columns[i]
        column.nullable = column.nullable or len(values) < len(flat)
        column.type = _type_of(values)
        if column.type != "boolean" and len(values) <= MAX_CATEGORIES:
            column.categories = tuple(clean(v) for v in values)
        if values and column.default is None:
            column.default = clean(values[0]) if column.type == "string" else values[0]


def _type_of(values: list[Any]) -> FieldType:
    if values and all(isinstance(v, bool) for v in values):
        return "boolean"
    if values and all(isinstance(v, int) for v in values):
        return "long"
    return "double" if values and all(isinstance(v, (int, float)) for v in values) else "string"


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _imputer(est: Instance, where: list[int], columns: _Columns) -> None:
    statistics = est.state.get("statistics_")
    flat = statistics.flat() if isinstance(statistics, Array) else None
    for n, i in enumerate(where):
        columns[i].nullable = True
        value = flat[n] if flat and n < len(flat) else None
        if isinstance(value, str):
            columns[i].type, columns[i].default = "string", clean(value)
        elif isinstance(value, (int, float)) and math.isfinite(value):
            columns[i].default = rounded(value)


def _histogram(est: Instance, where: list[int], columns: _Columns, depth: int) -> None:
    for i in where:
        columns[i].nullable = True
    thresholds = attribute_list(est.state.get("_bin_mapper"), "bin_thresholds_")
    if est.state.get("_preprocessor") is not None:
        # it puts categorical columns first, so the thresholds are not in the order of the input
        _walk(est.state["_preprocessor"], where, columns, depth + 1)
        return
    for i, array in zip(where, thresholds, strict=False):
        _center(columns[i], array)


def _centers(est: Instance, where: list[int], columns: _Columns) -> None:
    """Means and medians that scalers keep become defaults."""
    state = est.state
    low, high = _numbers(state.get("data_min_")), _numbers(state.get("data_max_"))
    quantiles = state.get("quantiles_")
    middle: list[float] = _numbers(state.get("mean_")) or _numbers(state.get("center_"))
    if not middle and low and len(low) == len(high):
        middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    elif isinstance(quantiles, Array) and isinstance(quantiles.values, np.ndarray):
        rows = quantiles.values
        middle = rows[len(rows) // 2].ravel().tolist() if rows.ndim == 2 and len(rows) else []
    spread = _numbers(state.get("scale_"))
    spread = spread if len(spread) == len(middle) else [0.0] * len(middle)
    if len(middle) == len(where):
        for i, value, scale in zip(where, middle, spread, strict=True):
            if columns[i].default is None and math.isfinite(value):
                # centred data have means like 1e-11, which nobody wants to read
                columns[i].default = rounded(value) if abs(value) > 1e-6 * scale else 0.0
    for i, array in zip(where, attribute_list(est, "bin_edges_"), strict=False):
        _center(columns[i], array)


def _center(column: _Column, array: object) -> None:
    values = _numbers(array)
    if values and column.default is None and math.isfinite(values[len(values) // 2]):
        column.default = rounded(values[len(values) // 2])


def _numbers(value: object) -> list[float]:
    flat = value.flat() if isinstance(value, Array) else None
    if not flat or len(flat) > MAX_FEATURES:
        return []
    return [float(v) for v in flat] if all(isinstance(v, (int, float)) for v in flat) else []


def attribute_list(value: object, name: str) -> list[Any]:
    """A fitted attribute that is a list (or an array of arrays), or []."""
    found = estimators.attribute(value, name)
    found = found.values if isinstance(found, Array) else found
    return found if isinstance(found, list) else []


def example_row(fields: tuple[Field, ...]) -> dict[str, Any]:
    """A row that the model can be asked with as it stands."""
    return {field.name: _sensible(field) for field in fields}


def _sensible(field: Field) -> Any:
    """A value that fits a column: its default, first category, middle of the range, or zero."""
    if field.default is not None:
        return field.default
    whole = field.type in ("integer", "long")
    if field.categories:
        first = field.categories[0]
        return first if field.type == "string" else int(first) if whole else float(first)
    if field.type in ("string", "binary"):
        return ""
    if field.type == "boolean":
        return False
    if field.type == "datetime":
        return "2026-01-01T00:00:00"
    low, high = field.minimum, field.maximum
    if low is not None and high is not None:
        middle = (low + high) / 2
    else:
        middle = next((b for b in (low, high) if b is not None), 0.0)
    return int(middle) if whole else middle

"""The playground's form, made from a version's schema: one widget per column or tensor."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import text, uploads
from registry import predict
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, Field, Schema, Tensor, Version

Row = dict[str, Any]
_INTEGERS = ("integer", "long")
_NUMBERS = (*_INTEGERS, "float", "double")
_MOST_JSON = 20_000
_PREVIEW_PX = 160


def examples(schema: Schema) -> dict[str, Row]:
    """Inputs ready to click, by what the chip says."""
    found: dict[str, Row] = {}
    if schema.example:
        found["Example"] = schema.example
    ranged = [f for f in schema.fields if f.minimum is not None and f.maximum is not None]
    if schema.kind == "table" and ranged:
        found["Middle of the ranges"] = {f.name: _start(f, {}) for f in schema.fields}
    return found


def table(schema: Schema, key: str) -> Row:
    """One widget per column; gives the row as filled in, None for missing."""
    row: Row = {}
    grid = st.grid(min_column_width=170, gap="small")
    for position, field in enumerate(schema.fields):
        with grid.container():
            row[field.name] = _widget(field, _key(key, position), schema.example)
    return row


def use(schema: Schema, key: str, row: Mapping[str, Any]) -> None:
    """Fill the form (and the JSON box) with a row; runs as a callback."""
    for position, field in enumerate(schema.fields):
        st.session_state[_key(key, position)] = _typed(field, row.get(field.name))
    for tensor in schema.tensors:
        values = row.get(tensor.name)
        st.session_state[f"{key}.{tensor.name}"] = values if tensor.image else _dense(values)
    st.session_state[f"{key}.json"] = as_json(row)


def clear(schema: Schema, key: str) -> None:
    """Empty the form; runs as a callback."""
    use(schema, key, {field.name: None for field in schema.fields})
    st.session_state[f"{key}.json"] = ""


def as_json(row: Mapping[str, Any]) -> str:
    """A row as JSON text; big tensors stay out of the box."""
    said = json.dumps(dict(row), indent=2, default=str, ensure_ascii=False)
    flat = json.dumps(dict(row), default=str, ensure_ascii=False)
    return said if len(said) < 2_000 else flat if len(flat) < _MOST_JSON else ""


def raw(schema: Schema, key: str) -> str:
    """The JSON box; `parse` reads it."""
    st.session_state.setdefault(f"{key}.json", as_json(schema.example))
    about = (
        "a row, or a list of rows" if schema.kind == "table" else "tensor names with nested lists"
    )
    said = st.text_area("Input as JSON", key=f"{key}.json", height=260, help=f"An object: {about}.")
    return said or ""


def parse(said: str) -> Row | list[Row]:
    """JSON text as a row or rows.

    Raises:
        InvalidInput: The text is no JSON, or no object or list of objects.
    """
    try:
        data = json.loads(said)
    except ValueError as wrong:
        raise InvalidInput({"JSON": f"cannot be read: {wrong}"}) from None
    rows = data if isinstance(data, list) else [data]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput({"JSON": "must be an object, or a list of objects"})
    return data if isinstance(data, dict) else rows


def tensors(reg: Registry, actor: Actor, version: Version, schema: Schema, key: str) -> Row:
    """One box per tensor: a picture where the tensor is one, else JSON; see `numbers`."""
    found: Row = {}
    for tensor in schema.tensors:
        if tensor.image:
            found[tensor.name] = _picture(reg, actor, version, tensor, schema.example, key)
        else:
            found[tensor.name] = _box(tensor, schema.example, key)
    return found


def _picture(
    reg: Registry, actor: Actor, version: Version, tensor: Tensor, example: Row, key: str
) -> Any:
    """An uploaded picture as the tensor the model sees, shown beside the uploader."""
    hints = tensor.image
    assert hints is not None
    left, right = st.columns([3, 2], vertical_alignment="center")
    kinds = ["png", "jpg", "jpeg", "webp", "bmp", "gif"]
    file = left.file_uploader(
        f"Picture for {text.escape(tensor.name, 60)}", type=kinds, key=f"{key}.{tensor.name}.file"
    )
    stored = f"{key}.{tensor.name}"
    if file is not None and st.session_state.get(f"{stored}.from") != file.file_id:
        made = predict.picture(reg, actor, version.ref, tensor.name, uploads.staged(file).id)
        st.session_state[stored] = np.asarray(made).tolist()
        st.session_state[f"{stored}.from"] = file.file_id
    values = st.session_state.setdefault(stored, example.get(tensor.name))
    if values is None:
        right.caption(f"Any size: it is scaled to {hints.width} × {hints.height} pixels.")
        return None
    with right:
        show_picture(values, f"as the model sees it, {hints.width} × {hints.height}")
    return values


def show_picture(values: Any, caption: str) -> None:
    """A tensor with the shape of a picture, spread over the whole range of grey or colour."""
    pixels = np.squeeze(np.asarray(values, dtype=float))
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3):
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3):
        return
    low, high = float(pixels.min()), float(pixels.max())
    shades = ((pixels - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    times = max(1, round(_PREVIEW_PX / max(shades.shape[:2])))
    st.image(shades.repeat(times, axis=0).repeat(times, axis=1), caption=caption, width=_PREVIEW_PX)


def _box(tensor: Tensor, example: Mapping[str, Any], key: str) -> Any:
    shape = " x ".join("any" if n < 0 else str(n) for n in tensor.shape) or "one number"
    stored = f"{key}.{tensor.name}"
    st.session_state.setdefault(stored, _dense(example.get(tensor.name)))
    about = f"Nested lists as JSON: {tensor.dtype}, {shape}."
    return st.text_area(text.escape(tensor.name, 60), key=stored, height=140, help=about)


def numbers(row: Row) -> Row:
    """What `tensors` gave, with JSON text read.

    Raises:
        InvalidInput: A tensor is missing or its text is no JSON.
    """
    found, problems = {}, {}
    for name, values in row.items():
        try:
            found[name] = json.loads(values) if isinstance(values, str) else values
        except ValueError as wrong:
            problems[name] = f"cannot be read as JSON: {wrong}"
        if found.get(name) is None and name not in problems:
            problems[name] = "is missing: choose a picture, paste JSON or take the example"
    if problems:
        raise InvalidInput(problems)
    return found


def _dense(values: Any) -> str:
    said = "" if values is None else json.dumps(values)
    return said if len(said) < _MOST_JSON else ""


def _key(key: str, position: int) -> str:
    return f"{key}.field.{position}"


def _widget(field: Field, key: str, example: Mapping[str, Any]) -> Any:
    if key not in st.session_state:
        st.session_state[key] = _start(field, example)
    label = text.escape(field.name, 60) + (
        f" ({text.escape(field.unit, 20)})" if field.unit else ""
    )
    missing = "missing" if field.nullable else None
    options: dict[str, Any] = {"key": key, "help": _help(field)}
    if field.categories or field.type == "boolean":
        choices = list(field.categories) or ["true", "false"]
        chosen = st.selectbox(
            label, choices, index=None, placeholder=missing or "choose", **options
        )
        return chosen if field.categories or chosen is None else chosen == "true"
    if field.type in _NUMBERS:
        whole = field.type in _INTEGERS
        step, shape = (1, "%d") if whole else (_step(field), "%.6g")
        return st.number_input(
            label, value=None, step=step, format=shape, placeholder=missing, **options
        )
    if field.type == "datetime":
        at = st.datetime_input(label, value=None, **options)
        return at.isoformat() if at else None
    said = st.text_input(label, value=None, placeholder=missing, **options)
    return said if said is not None or field.nullable else ""


def _start(field: Field, example: Mapping[str, Any]) -> Any:
    """What the widget holds at first: the example, the default, else a harmless value."""
    if field.name in example:
        return _typed(field, example[field.name])
    if field.default is not None or field.nullable:
        return _typed(field, field.default)
    if field.categories:
        return field.categories[0]
    if field.type in _NUMBERS:
        low, high = field.minimum, field.maximum
        middle = (low + high) / 2 if low is not None and high is not None else low or high or 0.0
        return _typed(field, round(middle) if field.type in _INTEGERS else middle)
    return _typed(field, "false" if field.type == "boolean" else None)


def _typed(field: Field, value: Any) -> Any:
    """A value as the widget of this field wants it; None when it does not fit."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if field.categories:
        return str(value) if str(value) in field.categories else None
    if field.type == "boolean":
        return "true" if value in (True, 1, "true", "True", "1") else "false"
    try:
        if field.type in _NUMBERS:
            return int(value) if field.type in _INTEGERS else float(value)
        if field.type == "datetime":
            return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return str(value)


def _step(field: Field) -> float:
    """A hundredth of the range, to one digit; 0.01 when no range is known."""
    spread = (field.maximum or 0.0) - (field.minimum or 0.0)
    return float(f"{spread / 100:.0e}") if spread > 0 else 0.01


def _help(field: Field) -> str | None:
    parts = [text.escape(field.description, 200)] if field.description else []
    if field.minimum is not None or field.maximum is not None:
        low = "" if field.minimum is None else text.number(field.minimum)
        high = "" if field.maximum is None else text.number(field.maximum)
        parts.append(f"seen in training: {low} – {high}")
    if field.nullable:
        parts.append("may be left empty: missing")
    return " · ".join(parts) or None

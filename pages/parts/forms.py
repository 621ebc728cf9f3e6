"""The playground's form, made from a version's schema: one widget per column or tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import form_fields, form_tensors, text
from registry import tensors as shapes
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, Schema, Version

Row = dict[str, Any]
_MOST_JSON, _ONE_TAB = 20_000, 24
_MOST_LISTED = 200_000  # values that leave as lists; more stay an array


def examples(schema: Schema) -> dict[str, Row]:
    """Inputs ready to click, by what the chip says."""
    found: dict[str, Row] = {}
    if schema.example:
        found["Example"] = schema.example
    ranged = [f for f in schema.fields if f.minimum is not None and f.maximum is not None]
    if schema.kind == "table" and ranged:
        found["Middle of the ranges"] = {
            f.name: form_fields.typed(f, form_fields.start(f, {})) for f in schema.fields
        }
    return found


def find(schema: Schema, key: str) -> None:
    """Where a table is wide: a box to find a column, above the form, that opens its tab."""
    if len(schema.fields) <= _ONE_TAB:
        return
    st.selectbox(
        f"Find one of {len(schema.fields)} columns", range(len(schema.fields)), index=None,
        format_func=lambda n: text.clean(schema.fields[n].name, 60), key=f"{key}.find",
        placeholder="Find a column", label_visibility="collapsed", persist_state="page",
    )  # fmt: skip


def table(schema: Schema, key: str) -> Row:
    """One widget per column; gives the row as filled in, None for missing.

    A wide table is spread over tabs of 24; that of the column asked for in `find` is open.
    """
    row: Row = {}
    gaps = [field.nullable for field in schema.fields]
    mark = any(gaps) and not all(gaps)
    starts = list(range(0, len(schema.fields), _ONE_TAB))
    for first, tab in zip(starts, _tabs(schema, starts, key), strict=True):
        with tab, st.grid(min_column_width=170, gap="small") as grid:
            for position in range(first, min(first + _ONE_TAB, len(schema.fields))):
                field = schema.fields[position]
                with grid.container():
                    row[field.name] = form_fields.widget(
                        field, _key(key, position), schema.example, mark=mark
                    )
    if any(gaps):
        st.caption((":red[*] required · " if mark else "") + "What is left empty is missing")
    return row


def _tabs(schema: Schema, starts: list[int], key: str) -> Sequence[DeltaGenerator]:
    if len(starts) <= 1:
        return [st.container()]
    last = len(schema.fields)
    names = [f"{first + 1}–{min(first + _ONE_TAB, last)}" for first in starts]
    asked = (st.session_state.get(f"{key}.find") or 0) // _ONE_TAB
    return st.tabs(names, default=names[asked], key=f"{key}.tabs.{asked}")


def use(schema: Schema, key: str, row: Mapping[str, Any]) -> None:
    """Fill the form (and the JSON box) with a row; runs as a callback."""
    for position, field in enumerate(schema.fields):
        st.session_state[_key(key, position)] = form_fields.typed(field, row.get(field.name))
        if field.nullable and field.name in row:
            st.session_state[f"{_key(key, position)}.gap"] = row[field.name] is None
    for tensor in schema.tensors:
        form_tensors.use(tensor, form_tensors.place(key, tensor), row.get(tensor.name))
    st.session_state[f"{key}.json"] = as_json(row)


def clear(schema: Schema, key: str) -> None:
    """Empty the form; runs as a callback."""
    use(schema, key, {field.name: None for field in schema.fields})
    st.session_state[f"{key}.json"] = ""


def as_json(row: Mapping[str, Any]) -> str:
    """A row as JSON text; big tensors stay out of the box."""
    arrays = [value for value in row.values() if isinstance(value, np.ndarray)]
    if any(shapes.room(array.shape) > _MOST_JSON for array in arrays):
        return ""
    said = json.dumps(dict(row), indent=2, default=_plain, ensure_ascii=False)
    flat = json.dumps(dict(row), default=_plain, ensure_ascii=False)
    return said if len(said) < 2_000 else flat if len(flat) < _MOST_JSON else ""


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


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
        data = _read(said)
    except ValueError as wrong:
        raise InvalidInput({"JSON": f"cannot be read: {wrong}"}) from None
    rows = data if isinstance(data, list) else [data]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput({"JSON": "must be an object, or a list of objects"})
    return data if isinstance(data, dict) else rows


def tensors(reg: Registry, actor: Actor, version: Version, schema: Schema, key: str) -> Row:
    """One asking per tensor: a picture, a sound, text, a file, JSON …; see `numbers`."""
    found: Row = {}
    for tensor in schema.tensors:
        place = form_tensors.place(key, tensor)
        asked = form_tensors.Asked(reg, actor, version.ref, tensor, schema.example, place)
        found[tensor.name] = form_tensors.ask(asked)
    return found


show_picture = form_tensors.show_picture


def numbers(row: Row) -> Row:
    """What `tensors` gave, with JSON text read; lists, and arrays where they are large.

    Raises:
        InvalidInput: A tensor is missing or its text is no JSON.
    """
    found: Row = {}
    problems: dict[str, str] = {}
    for name, values in row.items():
        try:
            found[name] = _read(values) if isinstance(values, str) else values
        except ValueError as wrong:
            problems[name] = f"cannot be read as JSON: {wrong}"
        if isinstance(values, np.ndarray) and shapes.room(values.shape) <= _MOST_LISTED:
            found[name] = values.tolist()
        if found.get(name) is None and name not in problems:
            problems[name] = "is missing: choose what it is filled with"
    if problems:
        raise InvalidInput(problems)
    return found


def _read(said: str) -> Any:
    """JSON text as data.

    Raises:
        ValueError: It is no JSON, or lists and objects are nested too deeply in it.
    """
    try:
        return json.loads(said)
    except RecursionError:
        raise ValueError("its lists and objects are nested too deeply") from None


def _key(key: str, position: int) -> str:
    return f"{key}.field.{position}"

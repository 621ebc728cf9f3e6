"""Editors for a schema and for metrics: tables in which the person corrects what was read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts import schema_tensors, text
from registry.records import (
    FIELD_TYPES,
    Field,
    Metric,
    MetricSource,
    Output,
    Schema,
)

_ROLES = ("label", "probabilities", "scores", "value", "tensor")
_BETTER = ("by its name", "higher", "lower")
_KINDS = {"table": "Columns of a table", "tensors": "Tensors"}


def editor(schema: Schema | None, key: str) -> Schema | None:
    """The schema as corrected; None when nothing is known and nothing was written."""
    if schema is None:
        st.caption(
            "The file does not say what goes in. Describe it here, or bring a sample CSV above; "
            "what the check finds out is added later."
        )
    start = schema or Schema(kind="table")
    kind = st.segmented_control(
        "Input", list(_KINDS), default=start.kind, format_func=_KINDS.__getitem__,
        key=f"{key}.kind", required=True, label_visibility="collapsed",
    )  # fmt: skip
    if kind == "table":
        edited = replace(start, kind="table", fields=_fields(start.fields, key), tensors=())
    else:
        edited = replace(
            start, kind="tensors", tensors=schema_tensors.edit(start.tensors, key), fields=()
        )
    edited = replace(edited, outputs=_outputs(start.outputs, key), classes=_classes(start, key))
    return edited if edited.fields or edited.tensors or schema else None


def show(schema: Schema) -> None:
    """The schema to read: inputs, outputs, classes."""
    st.markdown(f"**Takes** :gray[{inputs(schema)}]")
    if schema.kind == "table":
        st.dataframe(
            _field_frame(schema.fields),
            hide_index=True,
            column_config=_field_columns(),
            placeholder="–",
        )
    else:
        st.dataframe(schema_tensors.frame(schema.tensors), hide_index=True, alt="Input tensors")
    if schema.outputs:
        st.markdown("**Gives**")
        st.dataframe(_output_frame(schema.outputs), hide_index=True, alt="Outputs")
    if schema.classes:
        st.markdown(f"**Classes** :gray[{len(schema.classes)}]")
        st.markdown(" ".join(f":gray-badge[{text.escape(c, 60)}]" for c in schema.classes[:60]))


def inputs(schema: Schema | None) -> str:
    """30 columns; 2 tensors."""
    if schema is None:
        return "not described yet"
    if schema.kind == "table":
        return text.count(len(schema.fields), "column")
    return text.count(len(schema.tensors), "tensor")


def _fields(fields: tuple[Field, ...], key: str) -> tuple[Field, ...]:
    edited = st.data_editor(
        _field_frame(fields),
        column_config=_field_columns(),
        num_rows="dynamic",
        placeholder="",
        hide_index=True,
        key=f"{key}.fields",
        height=min(420, 35 * (2 + len(fields)) + 3),
        alt="Columns that a prediction takes",
    )
    known = {field.name: field for field in fields}
    rows = [row for row in edited.to_dict("records") if _word(row["Column"])]
    return tuple(_field(row, known.get(_word(row["Column"]))) for row in rows)


def _field(row: Mapping[Any, Any], known: Field | None) -> Field:
    start = known or Field(_word(row["Column"]), "double")
    categories = row["Categories"]
    listed = tuple(str(c) for c in categories) if _is_list(categories) else ()
    kind = row["Type"] if row["Type"] in FIELD_TYPES else start.type
    return replace(
        start,
        type=kind,
        nullable=bool(row["May be missing"]) and not pd.isna(row["May be missing"]),
        minimum=_number(row["Least"]),
        maximum=_number(row["Most"]),
        categories=listed,
        unit=_word(row["Unit"]),
        description=_word(row["Description"]),
    )


def _field_frame(fields: Iterable[Field]) -> pd.DataFrame:
    rows = [
        (
            f.name,
            f.type,
            f.nullable,
            f.minimum,
            f.maximum,
            list(f.categories),
            f.unit,
            f.description,
        )
        for f in fields
    ]
    columns = list(_field_columns())
    frame = pd.DataFrame(rows, columns=columns)
    kinds = {"Least": "float64", "Most": "float64", "May be missing": "bool", "Column": "str"}
    kinds |= {"Type": "str", "Unit": "str", "Description": "str", "Categories": "object"}
    return frame.astype({name: kinds[name] for name in columns})


def _field_columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "Column": column.TextColumn(pinned=True, required=True, max_chars=200),
        "Type": column.SelectboxColumn(options=FIELD_TYPES, required=True, default="double"),
        "May be missing": column.CheckboxColumn(default=False),
        "Least": column.NumberColumn(format="%.5g"),
        "Most": column.NumberColumn(format="%.5g"),
        "Categories": column.ListColumn(width="medium", disabled=False),
        "Unit": column.TextColumn(width="small", max_chars=32),
        "Description": column.TextColumn(max_chars=300),
    }


def _outputs(outputs: tuple[Output, ...], key: str) -> tuple[Output, ...]:
    if not outputs:
        return ()
    st.caption("What comes out, and how to read it")
    edited = st.data_editor(
        _output_frame(outputs),
        column_config={"Read as": st.column_config.SelectboxColumn(options=_ROLES, required=True)},
        disabled=["Output", "Type", "Shape"],
        hide_index=True,
        key=f"{key}.outputs",
        alt="Outputs",
    )
    roles = list(edited["Read as"])
    return tuple(replace(out, role=role) for out, role in zip(outputs, roles, strict=True))


def _output_frame(outputs: Iterable[Output]) -> pd.DataFrame:
    rows = [(o.name, o.role, o.dtype, ", ".join(str(n) for n in o.shape)) for o in outputs]
    return pd.DataFrame(rows, columns=["Output", "Read as", "Type", "Shape"])


def _classes(schema: Schema, key: str) -> tuple[str, ...]:
    said = st.text_area(
        "Classes, one a line, in the order of the outputs",
        "\n".join(schema.classes),
        key=f"{key}.classes",
        height=90,
        help="Empty for a regression.",
    )
    lines = (said or "").split("\n")
    return tuple(line.strip() for line in lines if line.strip())


def metrics(start: Iterable[Metric], key: str) -> tuple[Metric, ...]:
    """Metrics as typed or corrected: name, value, unit, data set, which way is better.

    One that stays as it was keeps its source, whatever is changed becomes typed.
    """
    before = list(start)
    words = {None: _BETTER[0], True: _BETTER[1], False: _BETTER[2]}
    rows = [(m.name, m.value, m.unit, m.dataset, words[m.higher_is_better]) for m in before]
    frame = pd.DataFrame(rows, columns=["Metric", "Value", "Unit", "Data set", "Better"])
    kinds = {"Metric": "str", "Value": "float64", "Unit": "str", "Data set": "str", "Better": "str"}
    edited = st.data_editor(
        frame.astype(kinds),
        column_config={
            "Metric": st.column_config.TextColumn(required=True, max_chars=100),
            "Value": st.column_config.NumberColumn(required=True, format="%.6g"),
            "Better": st.column_config.SelectboxColumn(options=_BETTER, default=_BETTER[0]),
        },
        num_rows="dynamic",
        placeholder="",
        hide_index=True,
        key=f"{key}.metrics",
        alt="Metrics of this version",
    )
    sources = {(m.name, m.value, m.dataset): m.source for m in before}
    return tuple(
        _metric(row, sources)
        for row in edited.to_dict("records")
        if _word(row["Metric"]) and _number(row["Value"]) is not None
    )


def _metric(row: Mapping[Any, Any], sources: Mapping[Any, MetricSource]) -> Metric:
    back = {_BETTER[1]: True, _BETTER[2]: False}
    name, value, dataset = _word(row["Metric"]), float(row["Value"]), _word(row["Data set"])
    source = sources.get((name, value, dataset), "typed")
    return Metric(name, value, _word(row["Unit"]), dataset, back.get(row["Better"]), source)


def _word(value: Any) -> str:
    """A cell's text; "" for an empty cell, whichever way pandas says so."""
    return "" if value is None or (not _is_list(value) and pd.isna(value)) else str(value).strip()


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) or math.isinf(value) else float(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or hasattr(value, "tolist")

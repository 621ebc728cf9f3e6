"""Answers that are numbers: one with the range seen in training, or several targets at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.parts import charts, charts_answers, text
from pages.parts.answer_view import View
from registry.records import OutputValue, Version

_MOST_BARS = 12
_ERRORS = ("root_mean_squared_error", "rmse", "mean_absolute_error", "mae")


def one(view: View, output: OutputValue, key: str) -> None:
    """A number in large type, with its difference to the first version's."""
    value, before = single(view.of_row(output)), single(view.base_row(output))
    schema = view.version.schema
    title = output.name if output.name not in ("", "value", "output", "variable") else ""
    title = title or (schema.target if schema else "") or "Value"
    if not isinstance(value, (int, float)):
        st.metric(text.escape(title, 60), text.escape("no number" if value is None else value, 120))
        return
    st.metric(
        text.escape(title, 60), text.number(value), gap(value, before), delta_color="off",
        delta_arrow="off", help=f"{value!r}",
    )  # fmt: skip
    if output.role == "value" and schema and len(schema.target_range) == 2:
        _range(view, float(value), schema.target_range, key)
    error = _error(view.version)
    if error and output.role == "value":
        st.caption(error)


def gap(value: float, before: Any) -> str | None:
    """−12.3 (−4.1 %): how far a number is from the first version's."""
    if not isinstance(before, (int, float)) or isinstance(before, bool):
        return None
    away = value - before
    if abs(away) <= 1e-9 * max(abs(value), abs(before)):
        return "the same"
    share = f" ({text.delta(round(away / abs(before) * 100, 1))} %)" if before else ""
    return f"{text.delta(away)}{share}"


def _range(view: View, value: float, seen: tuple[float, ...], key: str) -> None:
    low, high = seen[0], seen[1]
    figure = charts_answers.in_range(view.actor.id, value, low, high, view.shade)
    charts.show(figure, key=key, alt="The value in the range seen in training")
    if low <= value <= high:
        st.caption("The bar is the range of answers in the sample.")
    else:
        where = "below" if value < low else "above"
        st.caption(f":orange[:material/warning:] {where} every answer in the sample")


def _error(version: Version) -> str:
    """How far off the version usually is, where a metric says so."""
    known = {metric.name: metric for metric in version.metrics}
    found = next((known[name] for name in _ERRORS if name in known), None)
    if found is None:
        return ""
    word = "mean error" if found.name in _ERRORS[2:] else "typical error (RMSE)"
    on = f" on {text.escape(found.dataset, 60)}" if found.dataset else ""
    return f"± {text.number(found.value)} {word}{on}"


def several(view: View, output: OutputValue, key: str) -> None:
    """Several targets: bars where they are few numbers, else a table."""
    values = np.ravel(np.asarray(view.of_row(output), dtype=object)).tolist()
    before = np.ravel(np.asarray(view.base_row(output), dtype=object)).tolist()
    names = tuple(f"{output.name or 'output'} {n + 1}" for n in range(len(values)))
    st.markdown(f"**{text.escape(output.name or 'Outputs', 60)}** :gray[{len(values)}]")
    finite = all(isinstance(v, (int, float)) and np.isfinite(v) for v in values)
    if finite and len(values) <= _MOST_BARS and len(before) != len(values):
        figure = charts.numbers(view.actor.id, names, tuple(map(float, values)))
        charts.show(figure, key=key, alt="Values of this output")
        return
    listed: dict[str, list[Any]] = {"Output": list(names), "Answer": [_cell(v) for v in values]}
    if len(before) == len(values):
        listed["Difference"] = [_difference(v, b) for v, b in zip(values, before, strict=True)]
    st.dataframe(listed, hide_index=True, height="content" if len(values) <= 10 else 300,
                 alt="Values of this output")  # fmt: skip


def _difference(value: Any, before: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        said = gap(value, before)
        if said is not None:
            return "" if said == "the same" else said
    return "" if value == before else f"was {text.clean(before, 60)}"


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else text.clean(value, 120)


def single(value: Any) -> Any:
    """The only number of nested lists."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value

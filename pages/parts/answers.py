"""The playground's right side: what the model answered, and where the time went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import cards, charts, forms, text
from registry import codec
from registry.records import Actor, OutputValue, Prediction, Schema

_MOST_BARS = 40


def show(actor: Actor, answer: Prediction, schema: Schema, key: str) -> None:
    """The first row large, further rows as a table, then findings, latency, raw JSON."""
    label, chances = answer.output("label"), answer.output("probabilities")
    if label and label.values:
        _label(label, chances)
    for position, output in enumerate(answer.outputs):
        if output is not label and not (chances and output.role == "scores"):
            _output(actor, output, f"playground.chart.{key}.{position}", schema)
    if answer.n_rows > 1:
        _rows(answer)
    cards.findings(answer.findings)
    _latency(actor, answer, key)
    with st.expander("Raw answer", icon=":material/data_object:"):
        st.json(codec.dump(answer), expanded=2)


def _label(label: OutputValue, chances: OutputValue | None) -> None:
    """The answer in large type with its confidence."""
    first = _first(label.values)
    said = text.number(first) if isinstance(first, float) else str(first)
    confidence = None
    if chances and chances.values:
        shares = [float(p) for p in np.ravel(chances.values[0])]
        confidence = max(shares, default=None)
    st.metric(
        "Answer",
        text.escape(said, 120),
        f"{confidence * 100:.1f} % confident" if confidence is not None else None,
        delta_color="off",
        delta_arrow="off",
    )


def _first(values: Sequence[Any]) -> Any:
    first = values[0]
    return first[0] if isinstance(first, list) and len(first) == 1 else first


def _output(actor: Actor, output: OutputValue, key: str, schema: Schema) -> None:
    if not output.values:
        return
    flat = np.ravel(np.asarray(output.values[0], dtype=object))
    plain = [v for v in flat.tolist() if isinstance(v, (int, float)) and not isinstance(v, bool)]
    whole = len(plain) == len(flat) and all(math.isfinite(v) for v in plain)
    names = tuple(output.classes or schema.classes)
    names = names if len(names) == len(flat) else tuple(str(n) for n in range(len(flat)))
    if output.role == "probabilities" and whole and plain:
        st.markdown("**Probabilities**")
        figure = charts.probabilities(actor.id, names, tuple(map(float, plain)))
        charts.show(figure, key=key, alt="Probability of each class")
    elif len(flat) == 1:
        value = flat[0]
        said = text.number(value) if isinstance(value, (int, float)) else text.escape(value, 120)
        st.metric(text.escape(output.name, 60), said, help=text.escape(str(value)))
    elif whole and len(flat) <= _MOST_BARS:
        st.markdown(f"**{text.escape(output.name, 60)}**")
        figure = charts.numbers(actor.id, names, tuple(map(float, plain)))
        charts.show(figure, key=key, alt="Values of this output")
    else:
        shape = " x ".join(map(str, output.shape or np.shape(output.values)))
        st.markdown(
            f"**{text.escape(output.name, 60)}** :gray[{text.escape(output.dtype)} {shape}]"
        )
        if whole and np.ndim(output.values) in (3, 4):
            forms.show_picture(output.values[0], "as a picture")


def _rows(answer: Prediction) -> None:
    """All rows of a longer input, one line each."""
    columns: dict[str, list[Any]] = {"Row": list(range(1, answer.n_rows + 1))}
    for output in answer.outputs:
        if output.role == "probabilities" and output.classes:
            for n, name in enumerate(output.classes[:20]):
                columns[f"p({text.clean(name, 30)})"] = [row[n] for row in output.values]
        elif len(output.values) == answer.n_rows:
            columns[text.clean(output.name, 40)] = [_cell(value) for value in output.values]
    st.dataframe(columns, hide_index=True, height=260, alt="Answers by row")


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return _cell(value[0]) if len(value) == 1 else text.clean(value, 120)
    return text.clean(value, 120) if isinstance(value, str) else value


def _latency(actor: Actor, answer: Prediction, key: str) -> None:
    warm = "from a warm worker" if answer.warm else "the model was loaded first"
    st.caption(f"Answered in {text.duration(answer.latency_ms)}, {warm}")
    figure = charts.latency(
        actor.id, round(answer.queue_ms, 3), round(answer.load_ms, 3), round(answer.predict_ms, 3)
    )
    charts.show(
        figure, key=f"playground.latency.{key}", alt="Time in the queue, loading and predicting"
    )

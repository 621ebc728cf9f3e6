"""What one version answered to one row, each output in the way of its kind."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from pages.parts import (
    answer_arrays,
    answer_classes,
    answer_values,
    cards,
    charts,
    embeddings,
    text,
)
from pages.parts.answer_view import View
from registry import codec, looks

_MOST_JSON = 60_000


def show(view: View) -> None:
    """Every output, then findings, latency and the answer as JSON."""
    answer = view.answer
    kinds = {output.name: looks.kind(output, answer.n_rows) for output in answer.outputs}
    shares = answer.output("probabilities")
    for position, output in enumerate(answer.outputs):
        key = f"{view.key}.output.{position}"
        kind = kinds[output.name]
        if not output.values or (kind == "shares" and shares not in (None, output)):
            continue
        if kind == "label":
            answer_classes.label(view, output)
        elif kind == "shares":
            answer_classes.shares(view, output, key)
        elif kind in ("labels", "values"):
            answer_values.several(view, output, key)
        elif kind == "value":
            answer_values.one(view, output, key)
        elif kind == "embedding":
            embeddings.show(view, output, key)
        elif kind == "picture":
            answer_arrays.picture(view, output)
        else:
            answer_arrays.tensor(view, output)
    cards.findings(answer.findings)
    _latency(view)
    _raw(view)


def _latency(view: View) -> None:
    """How long it took, and where the time went."""
    answer = view.answer
    warm = "from a warm worker" if answer.warm else "the model was loaded first"
    parts = (answer.queue_ms, answer.load_ms, answer.predict_ms)
    said = f"Answered in {text.duration(answer.latency_ms)}"
    if view.narrow:
        named = zip(("queue", "load", "predict"), parts, strict=True)
        split = " · ".join(f"{name} {text.duration(ms) if ms else '0'}" for name, ms in named)
        st.caption(f"{said}  \n{split}")
        return
    st.caption(f"{said}, {warm}")
    figure = charts.latency(view.actor.id, *(round(part, 3) for part in parts))
    alt = "Time in the queue, loading and predicting"
    charts.show(figure, key=f"{view.key}.latency", alt=alt)


def _raw(view: View) -> None:
    """The whole answer as JSON: to copy, or as a file when it is long."""
    place = st.expander(
        "JSON", icon=":material/data_object:", key=f"{view.key}.raw", on_change="rerun"
    )
    if not place.open:
        return
    said = json.dumps(codec.dump(view.answer), ensure_ascii=False, default=_plain)
    with place:
        if len(said) <= _MOST_JSON:
            whole = json.dumps(json.loads(said), indent=2, ensure_ascii=False)
            st.code(whole if len(whole) <= _MOST_JSON else said, language="json", height=360)
            return
        st.caption(f"{text.size(len(said))}: too long to show.")
        name = f"{view.version.slug}-v{view.version.number}-answer.json"
        st.download_button(
            "Download", said, name, "application/json", key=f"{view.key}.download",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else str(value)

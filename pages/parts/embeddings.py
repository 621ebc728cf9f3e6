"""An answer that is an embedding: its numbers, and what else was asked that is like it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.parts import charts, charts_answers, recent, text
from pages.parts.answer_view import View
from registry import looks, predictions
from registry.records import OutputValue

_FIRST, _MOST_NAME = 8, 60


def show(view: View, output: OutputValue, key: str) -> None:
    """Length, first numbers, all of them as thin bars, and the nearest rows and past answers."""
    vector = _floats(view.of_row(output))
    norm = float(np.linalg.norm(vector)) if np.isfinite(vector).all() else float("nan")
    st.markdown(
        f"**{text.escape(output.name or 'Embedding', _MOST_NAME)}** "
        f":gray[embedding of {len(vector):,} numbers, {text.escape(output.dtype)}]"
    )
    st.metric(
        "Length (L2 norm)", text.number(norm), _likeness(view, output, vector),
        delta_color="off", delta_arrow="off",
    )  # fmt: skip
    figure = charts_answers.strip(view.actor.id, tuple(vector), view.shade)
    charts.show(figure, key=key, alt="The numbers of the embedding")
    first = ", ".join(text.number(value, 3) for value in vector[:_FIRST])
    st.caption(f"First {min(_FIRST, len(vector))}: {first}")
    _nearest(vector, {**_of_this_call(view, output), **_of_the_past(view, output)})


def _likeness(view: View, output: OutputValue, vector: list[float]) -> str | None:
    """How much it points where the first version's does."""
    before = view.base_row(output)
    if before is None:
        return None
    found = looks.nearest(vector, [_floats(before)])
    return f"cosine {found[0][1]:.3f}" if found else "of another length"


def _nearest(vector: list[float], others: dict[str, list[float]]) -> None:
    near = looks.nearest(vector, list(others.values()))
    if not near:
        return
    st.markdown("Nearest :gray[by cosine, among what you asked this version]")
    names = list(others)
    listed = {
        "Asked": [names[position] for position, _ in near],
        "Cosine": [likeness for _, likeness in near],
    }
    shape = st.column_config.ProgressColumn(format="%.3f", min_value=-1, max_value=1)
    st.dataframe(listed, hide_index=True, column_config={"Cosine": shape}, alt="Nearest answers")


def _of_this_call(view: View, output: OutputValue) -> dict[str, list[float]]:
    rows = [row for row in range(view.answer.n_rows) if row != view.row]
    return {f"Row {row + 1}": _row(output, view.answer.n_rows, row) for row in rows}


def _of_the_past(view: View, output: OutputValue) -> dict[str, list[float]]:
    """What the server keeps of this person's answers, and what this tab remembers."""
    kept = predictions.answers(view.reg, view.actor, view.version.ref)
    past = {p.line.id: (text.moment(p.line.at), p.outputs, p.n_answered) for p in kept}
    earlier = [a for a in recent.answers(view.version.ref) if a.id != view.answer.id]
    for back, answer in enumerate(earlier, 1):
        past.setdefault(answer.id, (f"{back} before, in this tab", answer.outputs, answer.n_rows))
    past.pop(view.answer.id, None)
    found = {}
    for when, outputs, n_rows in past.values():
        for same in (o for o in outputs if (o.name, o.role) == (output.name, output.role)):
            for row in range(n_rows):
                name = when if n_rows == 1 else f"{when}, row {row + 1}"
                found[name] = _row(same, n_rows, row)
    return found


def _row(output: OutputValue, n_rows: int, row: int) -> list[float]:
    return _floats(looks.of_row(output, n_rows, row))


def _floats(values: Any) -> list[float]:
    found: list[float] = np.ravel(np.asarray(values, dtype=float)).tolist()
    return found

"""Answers that are arrays: embeddings, pictures, and tensors of any shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.parts import charts, charts_answers, text
from pages.parts.answer_view import View
from registry import looks
from registry.records import OutputValue

_PICTURE_PX, _LEAST_PX = 480, 160
_FIRST, _ROWS, _COLUMNS = 8, 20, 12


def embedding(view: View, output: OutputValue, key: str) -> None:
    """Length, first numbers, all of them as thin bars, and what of the same call is near."""
    vector = _floats(view.of_row(output))
    norm = float(np.linalg.norm(vector)) if np.isfinite(vector).all() else float("nan")
    st.markdown(
        f"**{text.escape(output.name or 'Embedding', 60)}** "
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
    if view.answer.n_rows > 1:
        _neighbours(view, output, vector)


def _likeness(view: View, output: OutputValue, vector: list[float]) -> str | None:
    """How much it points where the first version's does."""
    before = view.base_row(output)
    if before is None:
        return None
    found = looks.nearest(vector, [_floats(before)])
    return f"cosine {found[0][1]:.3f}" if found else "of another length"


def _neighbours(view: View, output: OutputValue, vector: list[float]) -> None:
    """The other rows of the call, the most alike first."""
    answer = view.answer
    rows = [row for row in range(answer.n_rows) if row != view.row]
    others = [_floats(looks.of_row(output, answer.n_rows, row)) for row in rows]
    near = looks.nearest(vector, others)
    if not near:
        return
    st.markdown("Nearest rows :gray[by cosine]")
    listed = {
        "Row": [rows[position] + 1 for position, _ in near],
        "Cosine": [likeness for _, likeness in near],
    }
    shape = st.column_config.ProgressColumn(format="%.3f", min_value=-1, max_value=1)
    st.dataframe(listed, hide_index=True, column_config={"Cosine": shape}, alt="Nearest rows")


def picture(view: View, output: OutputValue) -> None:
    """An output with a picture's shape, as a picture, with its statistics."""
    values = view.of_row(output)
    found = looks.picture(values, output.dtype)
    if found is None:
        tensor(view, output)
        return
    height, width = found.pixels.shape[:2]
    _heading(output, values)
    most = _PICTURE_PX // 2 if view.narrow else _PICTURE_PX
    times = max(1, _LEAST_PX // max(height, width))
    shades = found.pixels.repeat(times, axis=0).repeat(times, axis=1)
    said = f"{width} × {height}"
    if found.spread:
        low, high = found.spread
        said += f", black is {text.number(low)} and white {text.number(high)}"
    st.image(shades, caption=said, width=min(most, shades.shape[1]))
    _statistics(values)


def tensor(view: View, output: OutputValue) -> None:
    """Type, shape, statistics, and the beginning of it."""
    values = view.of_row(output)
    _heading(output, values)
    _statistics(values)
    array = np.asarray(values, dtype=object)
    while array.ndim > 2:
        array = array[0]
    part = np.atleast_2d(array)[:_ROWS, :_COLUMNS]
    if part.size:
        listed = {str(n): [_cell(v) for v in part[:, n]] for n in range(part.shape[1])}
        st.dataframe(listed, alt="The beginning of this output", height="content"
                     if part.shape[0] <= 8 else 300)  # fmt: skip
    if array.size and part.size < np.asarray(values, dtype=object).size:
        st.caption("Its beginning; everything is in the JSON.")


def _heading(output: OutputValue, values: Any) -> None:
    shape = " × ".join(map(str, np.shape(values))) or "one value"
    name = text.escape(output.name or "Output", 60)
    st.markdown(f"**{name}** :gray[{text.escape(output.dtype)}, {shape}]")


def _statistics(values: Any) -> None:
    found = looks.statistics(values)
    if found is None:
        return
    named = (("min", found.least), ("mean", found.mean), ("max", found.most),
             ("std", found.deviation))  # fmt: skip
    said = " · ".join(f"{name} {text.number(value)}" for name, value in named)
    gaps = f" · {found.n_gaps:,} no numbers" if found.n_gaps else ""
    st.caption(said + gaps)


def _floats(values: Any) -> list[float]:
    found: list[float] = np.ravel(np.asarray(values, dtype=float)).tolist()
    return found


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else text.clean(value, 60)

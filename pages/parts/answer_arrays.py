"""Answers that are arrays: pictures, and tensors of any shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.parts import text
from pages.parts.answer_view import View
from registry import looks
from registry.records import OutputValue

_PICTURE_PX, _LEAST_PX = 480, 160
_ROWS, _COLUMNS = 20, 12


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


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else text.clean(value, 60)

"""One metric over the versions of a model, readable with one version and with hundreds."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text

Points = tuple[tuple[int, float], ...]
_ACCENT, _MARK, _MANY = "#178F83", "#D9822B", 40


@st.cache_resource(max_entries=200, show_spinner=False)
def line(
    actor_id: str, metric: str, points: Points, champion: int | None, better: bool | None
) -> go.Figure:
    """The newest at the right; champion and best are marked, and with the ends told in figures."""
    numbers, values = [n for n, _ in points], [value for _, value in points]
    best = None if better is None or len(points) < 2 else (max if better else min)(values)
    told = {0, len(points) - 1, *(i for i, n in enumerate(numbers) if n == champion)}
    told |= {values.index(best)} if best is not None else set()
    trace = go.Scatter(
        x=numbers,
        y=values,
        mode="lines+markers" if len(points) > 1 else "markers",
        line={"color": _ACCENT, "width": 2},
        marker={
            "size": [_size(n == champion, len(points)) for n in numbers],
            "color": [_MARK if n == champion else _ACCENT for n in numbers],
            "symbol": ["star" if n == champion else "circle" for n in numbers],
        },
        cliponaxis=False,
        customdata=[
            f"version {n}{' (champion)' if n == champion else ''}: {charts.plain(metric)} {v:.8g}"
            for n, v in points
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = charts.template(trace, height=240)
    for i in _apart(sorted(told), numbers, values):
        figure.add_annotation(**_label(numbers[i], values[i], champion, best))
    low, high = min(values), max(values)
    pad = (high - low or abs(high) or 1.0) * 0.22
    side = max(0.6, (numbers[-1] - numbers[0]) * 0.04)
    figure.update_xaxes(range=[numbers[0] - side, numbers[-1] + side], tickprefix="v", nticks=14)
    if len(numbers) <= 14:
        figure.update_xaxes(tickvals=numbers)
    figure.update_yaxes(range=[low - pad, high + pad], nticks=4, showgrid=True)
    return figure


def _size(champion: bool, n: int) -> int:
    return 14 if champion else 8 if n <= _MANY else 3


def _apart(told: list[int], numbers: list[int], values: list[float]) -> list[int]:
    """Those labels that do not lie on each other: of near ones, the extreme is kept."""
    room = (numbers[-1] - numbers[0]) * 0.07
    kept: list[int] = []
    for i in sorted(told, key=lambda i: -abs(values[i] - sum(values) / len(values))):
        if all(abs(numbers[i] - numbers[j]) >= room for j in kept):
            kept.append(i)
    return kept


def _label(number: int, value: float, champion: int | None, best: float | None) -> dict[str, Any]:
    words = ["champion"] * (number == champion) + ["best"] * (value == best)
    said = f"{text.number(value)}<br>{', '.join(words)}" if words else text.number(value)
    up_px = 22 if words else 14
    return {"x": number, "y": value, "text": said, "showarrow": False, "yshift": up_px}

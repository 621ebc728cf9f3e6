"""Charts of a comparison: every mark belongs to one version and leads to it when pressed."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text
from registry.records import Comparison, MetricRow

Names = tuple[str, ...]
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "pentagon",
            "star", "hexagon")  # fmt: skip
_TALL_PX = 380
_GRID = "rgba(138,148,153,0.25)"


def colours(shown: Comparison) -> list[str]:
    """A colour per version: the base neutral, the first one that of the place the base left."""
    order = list(charts.SERIES[: len(shown.refs)])
    order[0], order[shown.base] = order[shown.base], order[0]
    return order


@st.cache_resource(max_entries=100, show_spinner=False)
def bars(actor_id: str, names: Names, shades: Names, rows: tuple[MetricRow, ...]) -> go.Figure:
    """Groups of bars, a group per metric; metrics of other sizes than a share get their own axis.

    Each metric is drawn on its own scale that holds zero, so that none dwarfs the others.
    """
    n_columns = min(len(rows), 2 if len(names) > 5 else 4)
    n_lines = math.ceil(len(rows) / n_columns)
    figure = charts.template(height=n_lines * 210 + 40)
    marks = []
    for at, row in enumerate(rows):
        axis = "" if at == 0 else str(at + 1)
        left, line = (at % n_columns) / n_columns, at // n_columns
        top, head, deep = 1 - line / n_lines, 0.12 / n_lines, 0.78 / n_lines
        width = 1 / n_columns - 0.03
        known = [(i, value) for i, value in enumerate(row.values) if value is not None]
        figure.add_bar(
            x=[i for i, _ in known], y=[value for _, value in known],
            xaxis=f"x{axis}", yaxis=f"y{axis}", cliponaxis=False,
            marker={"color": [shades[i] for i, _ in known], "cornerradius": 3},
            text=[text.number(value, 3) for _, value in known], textposition="outside",
            textfont={"size": 11}, textangle=0, constraintext="none",
            customdata=[i for i, _ in known],
            hovertext=[_said(names[i], row, value) for i, value in known],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
        low, high = _ends([value for _, value in known])
        figure.update_layout({
            f"xaxis{axis}": _axis(domain=[left, left + width], anchor=f"y{axis}",
                                  range=[-0.6, len(names) - 0.4],
                                  tickvals=list(range(len(names))), tickfont={"size": 11},
                                  tickangle=0 if len(names) <= 3 else 40,
                                  ticktext=[_short(name, 12) for name in names]),
            f"yaxis{axis}": _axis(domain=[top - deep, top - head],
                                  anchor=f"x{axis}", range=[low, high], visible=False),
        })  # fmt: skip
        marks.append({"text": f"{_title(row)}", "x": left, "y": top, "xref": "paper",
                      "yref": "paper", "showarrow": False, "xanchor": "left", "yanchor": "top",
                      "font": {"size": 13}})  # fmt: skip
    figure.update_layout(annotations=marks, margin={"l": 8, "r": 8, "t": 8, "b": 40})
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def radar(actor_id: str, names: Names, shades: Names, rows: tuple[MetricRow, ...]) -> go.Figure:
    """One closed line per version; outside is best, the centre a little below the worst."""
    figure = charts.template(height=_TALL_PX + 60)
    axes = [_title(row) for row in rows]
    for i, name in enumerate(names):
        known = [k for k, row in enumerate(rows) if row.values[i] is not None]
        closed = [*known, *known[:1]] if len(known) == len(rows) else known
        figure.add_scatterpolar(
            r=[_goodness(rows[k], i) for k in closed], theta=[axes[k] for k in closed],
            name=charts.plain(name), mode="lines+markers", line=_line(shades, i),
            marker={"size": 8, "symbol": _SYMBOLS[i]}, customdata=[i] * len(closed),
            hovertext=[_said(name, rows[k], rows[k].values[i]) for k in closed],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        polar={
            "bgcolor": "rgba(0,0,0,0)",
            "radialaxis": {"range": [0, 1.05], "visible": True, "showticklabels": False,
                           "gridcolor": _GRID, "showline": False, "ticks": ""},
            "angularaxis": {"gridcolor": _GRID, "linecolor": _GRID, "categoryorder": "array",
                            "categoryarray": axes},
        },
        margin={"l": 60, "r": 60, "t": 40, "b": 40},
    )  # fmt: skip
    return _legend(figure)


@st.cache_resource(max_entries=100, show_spinner=False)
def parallel(actor_id: str, names: Names, shades: Names, rows: tuple[MetricRow, ...]) -> go.Figure:
    """One line per version over upright axes, one per metric, each with its best at the top."""
    figure = charts.template(height=_TALL_PX)
    for i, name in enumerate(names):
        known = [k for k, row in enumerate(rows) if row.values[i] is not None]
        figure.add_scatter(
            x=known, y=[_goodness(rows[k], i) for k in known], name=charts.plain(name),
            mode="lines+markers", line=_line(shades, i), cliponaxis=False,
            marker={"size": 9, "symbol": _SYMBOLS[i]}, customdata=[i] * len(known),
            hovertext=[_said(name, rows[k], rows[k].values[i]) for k in known],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    marks = []
    for k, row in enumerate(rows):
        values = [value for value in row.values if value is not None]
        top, foot = max(values), min(values)
        if row.higher_is_better is False:
            top, foot = foot, top
        for y, value, side in ((1, top, "bottom"), (0.1, foot, "top")):
            marks.append({"x": k, "y": y, "text": text.number(value), "showarrow": False,
                          "yanchor": side, "yshift": 7 if side == "bottom" else -7,
                          "font": {"size": 11}})  # fmt: skip
    figure.update_layout(
        annotations=marks,
        shapes=[{"type": "line", "x0": k, "x1": k, "y0": 0.1, "y1": 1, "layer": "below",
                 "line": {"color": _GRID, "width": 2}} for k in range(len(rows))],
        margin={"l": 60, "r": 60, "t": 20, "b": 20},
    )  # fmt: skip
    labels = [_title(row, "<br>") for row in rows]
    figure.update_xaxes(tickvals=list(range(len(rows))), ticktext=labels)
    figure.update_xaxes(range=[-0.15, len(rows) - 0.85])
    figure.update_yaxes(visible=False, range=[0, 1.08])
    return _legend(figure)


@st.cache_resource(max_entries=100, show_spinner=False)
def scatter(actor_id: str, names: Names, shades: Names, x: MetricRow, y: MetricRow) -> go.Figure:
    """Two numbers against each other; a line joins those that no other beats in both."""
    figure = charts.template(height=_TALL_PX + 20)
    front = pareto(x, y)
    if len(front) > 1:
        figure.add_scatter(
            x=[x.values[i] for i in front], y=[y.values[i] for i in front], mode="lines",
            line={"color": "rgba(23,143,131,0.45)", "width": 2, "dash": "dot"}, hoverinfo="skip",
        )  # fmt: skip
    there = [i for i in range(len(names)) if x.values[i] is not None and y.values[i] is not None]
    for i in there:
        best = i in front
        figure.add_scatter(
            x=[x.values[i]], y=[y.values[i]], mode="markers+text", name=charts.plain(names[i]),
            text=[_short(names[i], 24)], textposition="top center", cliponaxis=False,
            marker={"size": 15 if best else 12, "color": shades[i], "symbol": _SYMBOLS[i],
                    "opacity": 1 if best else 0.75},
            customdata=[i], hovertext=[
                f"{charts.plain(names[i])}<br>{_value(x, i)}<br>{_value(y, i)}"
                + ("<br>no other is better in both" if best and len(front) > 0 else "")
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    axis = {"showgrid": True, "gridcolor": _GRID, "nticks": 6}
    figure.update_xaxes(title={"text": _axis_title(x)}, **axis)
    figure.update_yaxes(title={"text": _axis_title(y)}, **axis)
    for put, row in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        known = [v for i in there if (v := row.values[i]) is not None]
        if known:
            pad = (max(known) - min(known) or abs(known[0]) or 1.0) * 0.16
            put(range=[min(known) - pad, max(known) + pad])
    figure.update_layout(margin={"l": 8, "r": 16, "t": 16, "b": 8})
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def over(actor_id: str, names: Names, shades: Names, rows: tuple[MetricRow, ...]) -> go.Figure:
    """A small line per metric over the versions in the order of the page."""
    n_columns = min(len(rows), 2)
    n_lines = math.ceil(len(rows) / n_columns)
    figure = charts.template(height=n_lines * 190 + 30)
    marks = []
    for at, row in enumerate(rows):
        axis = "" if at == 0 else str(at + 1)
        left, line = (at % n_columns) / n_columns, at // n_columns
        top, width = 1 - line / n_lines, 1 / n_columns - 0.05
        known = [(i, value) for i, value in enumerate(row.values) if value is not None]
        figure.add_scatter(
            x=[i for i, _ in known], y=[value for _, value in known], xaxis=f"x{axis}",
            yaxis=f"y{axis}", mode="lines+markers", line={"color": _GRID, "width": 2},
            marker={"size": 10, "color": [shades[i] for i, _ in known],
                    "symbol": [_SYMBOLS[i] for i, _ in known]},
            cliponaxis=False, customdata=[i for i, _ in known],
            hovertext=[_said(names[i], row, value) for i, value in known],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
        figure.update_layout({
            f"xaxis{axis}": _axis(domain=[left + 0.02, left + width], anchor=f"y{axis}",
                                  range=[-0.4, len(names) - 0.6], tickfont={"size": 11},
                                  tickvals=list(range(len(names))),
                                  tickangle=0 if len(names) <= 4 else 40,
                                  ticktext=[_short(name, 12) for name in names]),
            f"yaxis{axis}": _axis(domain=[top - 0.72 / n_lines, top - 0.2 / n_lines],
                                  anchor=f"x{axis}", nticks=3, showgrid=True, gridcolor=_GRID,
                                  tickfont={"size": 11}),
        })  # fmt: skip
        marks.append({"text": _title(row), "x": left, "y": top, "xref": "paper", "yref": "paper",
                      "showarrow": False, "xanchor": "left", "yanchor": "top"})  # fmt: skip
    figure.update_layout(annotations=marks, margin={"l": 24, "r": 8, "t": 8, "b": 16})
    return figure


def pareto(x: MetricRow, y: MetricRow) -> list[int]:
    """Positions that no other version beats in both, by rising x; unknown direction: none."""
    if x.higher_is_better is None or y.higher_is_better is None:
        return []
    signs = (1 if x.higher_is_better else -1, 1 if y.higher_is_better else -1)
    known = [
        (i, a * signs[0], b * signs[1])
        for i, (a, b) in enumerate(zip(x.values, y.values, strict=True))
        if a is not None and b is not None
    ]
    front = [
        i
        for i, a, b in known
        if not any(c >= a and d >= b and (c > a or d > b) for _, c, d in known)
    ]
    return sorted(front, key=lambda i: x.values[i] or 0.0)


def _goodness(row: MetricRow, position: int) -> float:
    """From 0.1 for the worst to 1 for the best of the row."""
    known = [value for value in row.values if value is not None]
    low, high = min(known), max(known)
    value = row.values[position]
    if value is None or high == low:
        return 1.0
    share = (value - low) / (high - low)
    return 0.1 + 0.9 * (1 - share if row.higher_is_better is False else share)


def _ends(known: list[float]) -> tuple[float, float]:
    low, high = min(0.0, *known), max(0.0, *known)
    pad = (high - low or 1.0) * 0.22
    return low - (pad if low < 0 else 0), high + pad


def _line(shades: Names, position: int) -> dict[str, Any]:
    base = shades[position] == charts.BASE
    return {"color": shades[position], "width": 2.5, "dash": "dot" if base else "solid"}


def _axis(**said: Any) -> dict[str, Any]:
    return {"showgrid": False, "zeroline": False, "fixedrange": True} | said


def _legend(figure: go.Figure) -> go.Figure:
    legend = {"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0.5, "xanchor": "center"}
    figure.update_layout(showlegend=True, legend=legend | {"itemclick": False,
                                                           "itemdoubleclick": False})  # fmt: skip
    return figure


def _short(name: str, most: int) -> str:
    return charts.plain(name if len(name) <= most else "…" + name[-most + 1 :])


def _title(row: MetricRow, between: str = " ") -> str:
    arrow = {True: " ↑", False: " ↓", None: ""}[row.higher_is_better]
    dataset = f"{between}({text.clean(row.dataset, 20)})" if row.dataset else ""
    name = charts.plain(text.clean(row.name, 26))
    return name + (between + charts.plain(dataset.removeprefix(between)) if dataset else "") + arrow


def _axis_title(row: MetricRow) -> str:
    unit = f" [{charts.plain(text.clean(row.unit, 20))}]" if row.unit else ""
    return _title(row) + unit


def _value(row: MetricRow, position: int) -> str:
    value = row.values[position]
    return f"{charts.plain(text.clean(row.title, 60))}: {value:.6g} {charts.plain(row.unit)}"


def _said(name: str, row: MetricRow, value: float | None) -> str:
    return f"{charts.plain(name)}: {charts.plain(text.clean(row.title, 60))} {value:.6g}"

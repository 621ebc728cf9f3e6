"""The figure of a training: every fold of every candidate, and their means."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts
from pages.parts.charts import Labels

_ACCENT, _REST, _GRID = "#178F83", "rgba(138,148,153,0.55)", "rgba(138,148,153,0.22)"
_ROW_PX = 38


@st.cache_resource(max_entries=100, show_spinner=False)
def folds(actor_id: str, names: Labels, scores: tuple[tuple[float, ...], ...]) -> go.Figure:
    """A row per candidate, the best on top and marked: a dot per fold, a line at their mean."""
    figure = charts.template(height=len(names) * _ROW_PX + 34)
    for place, (name, found) in enumerate(zip(names, scores, strict=True)):
        mean = sum(found) / len(found)
        colour = _ACCENT if place == 0 else _REST
        low, high = min(found), max(found)
        figure.add_scatter(
            x=[low, high], y=[place, place], mode="lines", hoverinfo="skip",
            line={"color": colour, "width": 8}, opacity=0.25,
        )  # fmt: skip
        figure.add_scatter(
            x=list(found), y=[place] * len(found), mode="markers",
            marker={"color": colour, "size": 8, "opacity": 0.75},
            customdata=[
                f"{charts.plain(name)}, fold {n}: {score:.6g}" for n, score in enumerate(found, 1)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[mean], y=[place], mode="markers",
            marker={
                "symbol": "line-ns", "size": 20, "line": {"color": colour, "width": 3},
            },
            customdata=[f"{charts.plain(name)}, mean: {mean:.6g}"],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(nticks=6, showgrid=True, gridcolor=_GRID)
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=[*map(charts.plain, names)])
    figure.update_yaxes(range=[len(names) - 0.5, -0.5])
    return figure

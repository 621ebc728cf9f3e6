"""Every chart of the house: one template, graph objects only, figures cached per actor."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.parts import text

Labels = tuple[str, ...]
Values = tuple[float, ...]
BASE = "#8A9499"
SERIES = (
    BASE, "#178F83", "#D9822B", "#724EB3", "#4C91FF",
    "#C53E60", "#A29952", "#983582", "#AE7B60", "#206081",
)  # fmt: skip
"""One colour per version within a page; the base is neutral.

No two are nearer than 7.5 (CIE 1976) for normal, red-, green- or blue-blind eyes.
Source: Machado, Oliveira and Fernandes 2009, severity 1.
"""

ACCENT, REST = "#178F83", "rgba(138,148,153,0.45)"
BAR_PX = 30


def show(figure: go.Figure, *, key: str, alt: str) -> None:
    """Put a figure on the page, without the tool bar."""
    config = {"displayModeBar": False, "responsive": True}
    st.plotly_chart(figure, key=key, config=config, alt=alt)


def colour(position: int) -> str:
    """The colour of the version in that column; 0 is the base."""
    return SERIES[position % len(SERIES)]


@st.cache_resource(max_entries=200, show_spinner=False)
def numbers(actor_id: str, names: Labels, values: Values) -> go.Figure:
    """Horizontal bars of any numbers: several outputs of a regression, scores, a small tensor."""
    bar = go.Bar(
        x=list(values),
        y=list(range(len(values))),
        orientation="h",
        marker={"color": ACCENT, "cornerradius": 3},
        text=[text.number(v) for v in values],
        textposition="outside",
        cliponaxis=False,
        customdata=[f"{plain(n)}: {v:.8g}" for n, v in zip(names, values, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = template(bar, height=len(values) * BAR_PX + 24)
    low, high = min(0.0, *values), max(0.0, *values)
    pad = (high - low or 1.0) * 0.18
    figure.update_xaxes(range=[low - (pad if low < 0 else 0), high + pad], visible=False)
    ticks = [plain(text.clean(name, 40)) for name in names]
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(ticks))), ticktext=ticks)
    return figure


@st.cache_resource(max_entries=200, show_spinner=False)
def latency(actor_id: str, queue_ms: float, load_ms: float, predict_ms: float) -> go.Figure:
    """One stacked bar: where the time of a call went."""
    parts = (("queue", queue_ms, SERIES[0]), ("load", load_ms, SERIES[2]))
    figure = template(height=74)
    for name, value_ms, shade in (*parts, ("predict", predict_ms, SERIES[1])):
        figure.add_bar(
            x=[value_ms],
            y=[""],
            name=f"{name} {text.duration(value_ms)}",
            orientation="h",
            marker={"color": shade},
            hovertemplate=f"{name}: {value_ms:.3f} ms<extra></extra>",
        )
    figure.update_layout(barmode="stack", showlegend=True, bargap=0.2)
    legend = {"orientation": "h", "y": 1.15, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    figure.update_layout(legend=legend, margin={"l": 0, "r": 0, "t": 36, "b": 4})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def template(*traces: Any, height: int) -> go.Figure:
    """The template: no junk, room for direct labels, colours from the theme."""
    figure = go.Figure(list(traces))
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        bargap=0.35,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        hoverlabel={"align": "left"},
        font={"size": 13},
    )
    figure.update_xaxes(showgrid=False, zeroline=False, fixedrange=True)
    figure.update_yaxes(showgrid=False, zeroline=False, fixedrange=True, automargin=True)
    return figure


def plain(label: str) -> str:
    """A label without what Plotly would read as HTML or as a placeholder."""
    return label.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")

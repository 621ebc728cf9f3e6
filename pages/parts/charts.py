"""Every chart of the house: one template, graph objects only, figures cached per actor."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.parts import text

Labels = tuple[str, ...]
Values = tuple[float, ...]
BASE = "#8A9499"
SERIES = (BASE, "#14919B", "#D9822B", "#7E6BC4", "#C4588F", "#5C8A3A", "#3D7DCA", "#B3912B")
"""One colour per version within a page, told apart by colour-blind eyes; the base is neutral."""

_ACCENT, _REST = "#14919B", "rgba(138,148,153,0.45)"
_BAR_PX, _MOST = 30, 12


def show(figure: go.Figure, *, key: str, alt: str) -> None:
    """Put a figure on the page, without the tool bar."""
    config = {"displayModeBar": False, "responsive": True}
    st.plotly_chart(figure, key=key, config=config, alt=alt)


def colour(position: int) -> str:
    """The colour of the version in that column; 0 is the base."""
    return SERIES[position % len(SERIES)]


@st.cache_resource(max_entries=200, show_spinner=False)
def probabilities(actor_id: str, names: Labels, values: Values) -> go.Figure:
    """Horizontal bars, the most likely class on top and marked; the tail is summed up."""
    order = sorted(range(len(values)), key=lambda i: values[i], reverse=True)
    top, rest = order[:_MOST], order[_MOST:]
    labels = [text.clean(names[i], 40) for i in top]
    shown = [values[i] for i in top]
    if rest:
        labels.append(f"{len(rest)} more")
        shown.append(sum(values[i] for i in rest))
    bar = go.Bar(
        x=shown,
        y=list(range(len(shown))),
        orientation="h",
        marker={"color": [_ACCENT] + [_REST] * (len(shown) - 1), "cornerradius": 3},
        text=[_percent(v) for v in shown],
        textposition="outside",
        cliponaxis=False,
        customdata=[f"{_plain(label)}: {value:.6g}" for label, value in zip(labels, shown, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = _figure(bar, height=len(shown) * _BAR_PX + 24)
    figure.update_xaxes(range=[0, 1.15], visible=False)
    ticks = [_plain(label) for label in labels]
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(ticks))), ticktext=ticks)
    return figure


@st.cache_resource(max_entries=200, show_spinner=False)
def numbers(actor_id: str, names: Labels, values: Values) -> go.Figure:
    """Horizontal bars of any numbers: several outputs of a regression, scores, a small tensor."""
    bar = go.Bar(
        x=list(values),
        y=list(range(len(values))),
        orientation="h",
        marker={"color": _ACCENT, "cornerradius": 3},
        text=[text.number(v) for v in values],
        textposition="outside",
        cliponaxis=False,
        customdata=[f"{_plain(n)}: {v:.8g}" for n, v in zip(names, values, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = _figure(bar, height=len(values) * _BAR_PX + 24)
    low, high = min(0.0, *values), max(0.0, *values)
    pad = (high - low or 1.0) * 0.18
    figure.update_xaxes(range=[low - (pad if low < 0 else 0), high + pad], visible=False)
    ticks = [_plain(text.clean(name, 40)) for name in names]
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(ticks))), ticktext=ticks)
    return figure


@st.cache_resource(max_entries=200, show_spinner=False)
def latency(actor_id: str, queue_ms: float, load_ms: float, predict_ms: float) -> go.Figure:
    """One stacked bar: where the time of a call went."""
    parts = (("queue", queue_ms, SERIES[0]), ("load", load_ms, SERIES[2]))
    figure = _figure(height=64)
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
    figure.update_layout(legend={"orientation": "h", "y": 1.9, "x": 0, "traceorder": "normal"})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


@st.cache_resource(max_entries=200, show_spinner=False)
def metric_bars(
    actor_id: str, metrics: Labels, versions: Labels, values: tuple[tuple[float | None, ...], ...]
) -> go.Figure:
    """A small panel per metric, a bar per version; `values` has one tuple per metric.

    Metrics have different units, so that each panel has its own scale, always from zero.
    """
    columns = min(3, len(metrics))
    rows = -(-len(metrics) // columns)
    figure = _figure(height=rows * (len(versions) * 26 + 58) + 12)
    figure.set_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[_plain(text.clean(name, 40)) for name in metrics],
        horizontal_spacing=0.09,
        vertical_spacing=min(0.34 / rows, 0.9 / max(1, rows - 1) / 2),
    )
    for position, row in enumerate(values):
        figure.add_trace(
            _version_bars(versions, row), row=position // columns + 1, col=position % columns + 1
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(versions))))
    figure.update_yaxes(ticktext=[_plain(name) for name in versions])
    _left_titles(figure, columns)
    return figure


def _version_bars(versions: Labels, row: tuple[float | None, ...]) -> go.Bar:
    shown = [value or 0.0 for value in row]
    said = [f"{_plain(name)}: {value:.8g}" if value is not None else f"{_plain(name)}: not given"
            for name, value in zip(versions, row, strict=True)]  # fmt: skip
    return go.Bar(
        x=shown,
        y=list(range(len(row))),
        orientation="h",
        marker={"color": [colour(i) for i in range(len(row))], "cornerradius": 3},
        text=[text.number(value) for value in row],
        textposition="auto",
        insidetextanchor="end",
        customdata=said,
        hovertemplate="%{customdata}<extra></extra>",
    )


@st.cache_resource(max_entries=200, show_spinner=False)
def history(actor_id: str, metric: str, numbers: tuple[int, ...], values: Values) -> go.Figure:
    """A metric over the versions that have it, the newest at the right, labelled directly."""
    line = go.Scatter(
        x=list(numbers),
        y=list(values),
        mode="lines+markers+text",
        line={"color": _ACCENT, "width": 2},
        marker={"size": 8},
        text=[text.number(v) if i in (0, len(values) - 1) else "" for i, v in enumerate(values)],
        textposition="top center",
        cliponaxis=False,
        customdata=[f"version {n}: {_plain(metric)} {v:.8g}" for n, v in zip(numbers, values, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = _figure(line, height=220)
    figure.update_xaxes(tickvals=list(numbers), ticktext=[f"v{n}" for n in numbers])
    figure.update_yaxes(nticks=4, showgrid=True)
    return figure


def _figure(*traces: Any, height: int) -> go.Figure:
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


def _left_titles(figure: go.Figure, columns: int) -> None:
    """Panel titles at the left edge of their panel, where the eye starts."""
    figure.update_layout(margin={"t": 34})
    for position, note in enumerate(figure.layout.annotations):
        axis = figure.layout[f"xaxis{position + 1 if position else ''}"]
        note.update(x=axis.domain[0], xanchor="left", font={"size": 13})


def _percent(value: float) -> str:
    return "<0.1 %" if 0 < value < 0.001 else f"{value * 100:.1f} %"


def _plain(label: str) -> str:
    """A label without what Plotly would read as HTML or as a placeholder."""
    return label.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")

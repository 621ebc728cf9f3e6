"""Charts of one answer: shares of classes, a value in its training range, an embedding."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text
from pages.parts.charts import Labels, Values

_STRIP = 256
"""So many numbers of an embedding can still be told apart."""


@st.cache_resource(max_entries=300, show_spinner=False)
def shares(
    actor_id: str,
    names: Labels,
    values: Values,
    others: tuple[float | None, ...] = (),
    rest: tuple[int, float] = (0, 0.0),
    shade: str = charts.ACCENT,
    is_share: bool = True,
) -> go.Figure:
    """Horizontal bars in the order given, the largest in colour.

    Args:
        others: What the first version gives each class; the difference is written behind the bar.
        rest: How many classes are left out, and their sum.
        is_share: Shares of 1, written as percent; False for scores.
    """
    labels, lengths = [*names], [*values]
    if rest[0]:
        labels.append(f"{rest[0]:,} more")
        lengths.append(rest[1])
    best = max(range(len(values)), key=values.__getitem__, default=0)
    said = [percent(v) if is_share else text.number(v) for v in lengths]
    for n, other in enumerate(others):
        said[n] += _behind(values[n], other, is_share)
    bar = go.Bar(
        x=lengths,
        y=list(range(len(lengths))),
        orientation="h",
        marker={
            "color": [shade if n == best else charts.REST for n in range(len(lengths))],
            "cornerradius": 3,
        },
        text=said,
        textposition="outside",
        cliponaxis=False,
        customdata=[
            f"{charts.plain(label)}: {value:.6g}"
            for label, value in zip(labels, lengths, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = charts.template(bar, height=len(lengths) * charts.BAR_PX + 24)
    low, high = (0.0, 1.0) if is_share else (min(0.0, *lengths), max(0.0, *lengths))
    room = (high - low or 1.0) * (0.5 if others else 0.2)
    figure.update_xaxes(range=[low - (room if low < 0 else 0), high + room], visible=False)
    ticks = [charts.plain(text.clean(label, 24)) for label in labels]
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(ticks))), ticktext=ticks)
    return figure


def percent(share: float) -> str:
    """82.1 %; small ones are not nothing."""
    return "<0.1 %" if 0 < share < 0.001 else f"{share * 100:.1f} %"


def _behind(value: float, other: float | None, is_share: bool) -> str:
    if other is None:
        return "  new"
    gap = value - other
    if is_share:
        return "" if abs(gap) < 0.0005 else f"  {text.delta(round(gap * 100, 1))}"
    return "" if not gap else f"  {text.delta(gap)}"


@st.cache_resource(max_entries=300, show_spinner=False)
def in_range(
    actor_id: str, value: float, low: float, high: float, shade: str = charts.ACCENT
) -> go.Figure:
    """A value as a mark on the range that was seen in training."""
    track = go.Scatter(
        x=[low, high], y=[0, 0], mode="lines", hoverinfo="skip",
        line={"color": charts.REST, "width": 10},
    )  # fmt: skip
    mark = go.Scatter(
        x=[value], y=[0], mode="markers",
        marker={"color": shade, "size": 16, "line": {"color": "white", "width": 2}},
        hovertemplate=f"{value:.8g}, seen in training: {low:.6g} to {high:.6g}<extra></extra>",
    )  # fmt: skip
    figure = charts.template(track, mark, height=62)
    least, most = min(low, value), max(high, value)
    pad = (most - least or 1.0) * 0.06
    figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 22})
    figure.update_xaxes(
        range=[least - pad, most + pad], tickvals=[low, high],
        ticktext=[text.number(low), text.number(high)], ticks="", showline=False,
    )  # fmt: skip
    figure.update_yaxes(visible=False, range=[-1, 1])
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def strip(actor_id: str, values: Values, shade: str = charts.ACCENT) -> go.Figure:
    """The numbers of an embedding as thin bars, at most 256."""
    shown = values[:_STRIP]
    bar = go.Bar(
        x=list(range(len(shown))),
        y=list(shown),
        marker={"color": [shade if value >= 0 else charts.SERIES[2] for value in shown]},
        hovertemplate="number %{x}: %{y:.5g}<extra></extra>",
    )
    figure = charts.template(bar, height=110)
    figure.update_layout(bargap=0.15, margin={"l": 0, "r": 0, "t": 4, "b": 4})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(
        visible=True, showticklabels=False, zeroline=True, zerolinecolor=charts.REST
    )
    return figure

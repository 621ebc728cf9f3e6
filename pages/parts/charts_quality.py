"""Figures of how good versions are: intervals, curves, calibration, confusion, residuals."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text
from pages.parts.charts import Labels
from registry.records import Curve, Residuals

Colours = tuple[str, ...]
Matrix = tuple[tuple[int, ...], ...]
_GRID, _QUIET = "rgba(138,148,153,0.22)", "rgba(138,148,153,0.7)"
_SHARES = [[0, "rgba(23,143,131,0)"], [1, "rgba(23,143,131,0.85)"]]
_CHANGES = [
    [0, "rgba(217,130,43,0.9)"],
    [0.5, "rgba(138,148,153,0.06)"],
    [1, "rgba(23,143,131,0.9)"],
]
_MOST_TEXT, _MOST_POINTS = 12, 4000


@st.cache_resource(max_entries=200, show_spinner=False)
def whiskers(
    actor_id: str,
    names: Labels,
    colours: Colours,
    values: tuple[tuple[float, float | None, float | None] | None, ...],
) -> go.Figure:
    """One metric: a dot per version and its interval as a line; the base's value as a thin line."""
    figure = charts.template(height=len(names) * 30 + 34)
    for place, (name, colour, found) in enumerate(zip(names, colours, values, strict=True)):
        if found is None:
            continue
        value, low, high = found
        if low is not None and high is not None:
            figure.add_scatter(
                x=[low, high], y=[place, place], mode="lines", hoverinfo="skip",
                line={"color": colour, "width": 3}, opacity=0.45,
            )  # fmt: skip
        range_said = f", {low:.6g} to {high:.6g}" if low is not None else ", no interval"
        figure.add_scatter(
            x=[value], y=[place], mode="markers", marker={"color": colour, "size": 10},
            customdata=[f"{charts.plain(name)}: {value:.8g}{range_said}"],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    if values[0] is not None:
        figure.add_vline(x=values[0][0], line={"color": _QUIET, "width": 1, "dash": "dot"})
    ticks = [charts.plain(name) for name in names]
    figure.update_xaxes(nticks=4, showgrid=True, gridcolor=_GRID)
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=ticks)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5])
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def roc(actor_id: str, names: Labels, colours: Colours, curves: tuple[Curve, ...]) -> go.Figure:
    """True against false positive rate, a line per version, chance as a diagonal."""
    figure = _square("False positive rate", "True positive rate")
    _diagonal(figure)
    for name, colour, curve in zip(names, colours, curves, strict=True):
        _line(figure, name, colour, curve, "at {x} false, {y} true positives")
    _labels(figure, names, colours, curves, "AUC", right=True)
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def precision_recall(
    actor_id: str, names: Labels, colours: Colours, curves: tuple[Curve, ...]
) -> go.Figure:
    """Precision against recall, a line per version."""
    figure = _square("Recall", "Precision")
    for name, colour, curve in zip(names, colours, curves, strict=True):
        _line(figure, name, colour, curve, "at recall {x}, precision {y}")
    _labels(figure, names, colours, curves, "average precision", right=False)
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def calibration(
    actor_id: str, names: Labels, colours: Colours, curves: tuple[Curve, ...]
) -> go.Figure:
    """Observed share against predicted probability; on the diagonal is honest."""
    figure = _square("Predicted probability", "Observed share")
    _diagonal(figure)
    for name, colour, curve in zip(names, colours, curves, strict=True):
        _line(figure, name, colour, curve, "predicted {x}, observed {y}", marks=True)
    _labels(figure, names, colours, curves, "off by", right=True)
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def confusion(actor_id: str, classes: Labels, counts: Matrix) -> go.Figure:
    """Rows by actual class, columns by predicted; coloured by the share of the actual class."""
    shares = [[n / (sum(row) or 1) for n in row] for row in counts]
    said = [
        [f"{n:,} of {sum(row):,} rows ({_percent(n, sum(row))})" for n in row] for row in counts
    ]
    words = [[f"{n:,}" if n else "" for n in row] for row in counts]
    return _heat(classes, shares, words, said, _SHARES, (0.0, 1.0))


@st.cache_resource(max_entries=100, show_spinner=False)
def confusion_change(actor_id: str, classes: Labels, base: Matrix, counts: Matrix) -> go.Figure:
    """Other minus base; teal is better (more right or fewer wrong), orange worse."""
    pairs = [list(zip(a, b, strict=True)) for a, b in zip(base, counts, strict=True)]
    change = [[after - before for before, after in row] for row in pairs]
    good = [[n if i == j else -n for j, n in enumerate(row)] for i, row in enumerate(change)]
    words = [[f"{n:+,}".replace("-", "−") if n else "" for n in row] for row in change]
    said = [[f"{before:,} rows by the base, {after:,} now" for before, after in r] for r in pairs]
    most = max(max((abs(n) for row in good for n in row), default=1), 1)
    return _heat(classes, good, words, said, _CHANGES, (-most, most))


@st.cache_resource(max_entries=100, show_spinner=False)
def predicted(actor_id: str, colour: str, found: Residuals, share: int) -> go.Figure:
    """Predicted against actual, a sample of rows; the diagonal is no error.

    Args:
        share: How many figures stand side by side: each has its part of the points.
    """
    step = max(1, len(found.actual) * share // _MOST_POINTS)
    x, y = list(found.actual[::step]), list(found.predicted[::step])
    low, high = min(*x, *y), max(*x, *y)
    figure = charts.template(height=320)
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", hoverinfo="skip",
        line={"color": _QUIET, "width": 1, "dash": "dot"},
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=y, mode="markers", marker={"color": colour, "size": 5, "opacity": 0.5},
        hovertemplate="actual %{x:.5g}, predicted %{y:.5g}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="Actual", showgrid=True, gridcolor=_GRID, nticks=6)
    figure.update_yaxes(title="Predicted", showgrid=True, gridcolor=_GRID, nticks=6)
    return figure


@st.cache_resource(max_entries=100, show_spinner=False)
def residuals(
    actor_id: str, names: Labels, colours: Colours, found: tuple[Residuals, ...]
) -> go.Figure:
    """Histograms of predicted minus actual as outlines, by density; none is the dotted line."""
    figure = charts.template(height=320)
    for name, colour, one in zip(names, colours, found, strict=True):
        total = sum(one.counts) or 1
        widths = [b - a for a, b in zip(one.edges, one.edges[1:], strict=False)]
        density = [n / total / w for n, w in zip(one.counts, widths, strict=True)]
        figure.add_scatter(
            x=list(one.edges), y=[*density, density[-1]], mode="lines", name=charts.plain(name),
            line={"color": colour, "width": 2, "shape": "hv"},
            customdata=[f"{n:,} of {total:,} rows" for n in (*one.counts, one.counts[-1])],
            hovertemplate=charts.plain(name) + ": off by %{x:.4g}, %{customdata}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": _QUIET, "width": 1, "dash": "dot"})
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    figure.update_layout(margin={"t": 36})
    figure.update_xaxes(title="Predicted minus actual", nticks=8)
    figure.update_yaxes(visible=False, rangemode="tozero")
    return figure


def _square(x: str, y: str) -> go.Figure:
    figure = charts.template(height=400)
    figure.update_xaxes(title=x, range=[-0.01, 1.01], showgrid=True, gridcolor=_GRID, dtick=0.25)
    figure.update_yaxes(title=y, range=[-0.01, 1.02], showgrid=True, gridcolor=_GRID, dtick=0.25)
    return figure


def _diagonal(figure: go.Figure) -> None:
    line = {"color": _QUIET, "width": 1, "dash": "dot"}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip")


def _line(
    figure: go.Figure, name: str, colour: str, curve: Curve, said: str, *, marks: bool = False
) -> None:
    spoken = said.format(x="%{x:.3f}", y="%{y:.3f}") + (", %{customdata} rows" if marks else "")
    figure.add_scatter(
        x=list(curve.x),
        y=list(curve.y),
        mode="lines+markers" if marks else "lines",
        line={"color": colour, "width": 2},
        marker={"size": 6},
        customdata=[f"{n:,}" for n in curve.counts] if marks else None,
        hovertemplate=f"{charts.plain(name)}: {spoken}<extra></extra>",
    )


def _labels(
    figure: go.Figure, names: Labels, colours: Colours, curves: tuple[Curve, ...],
    about: str, *, right: bool,
) -> None:  # fmt: skip
    """Names and areas in the colours of the lines, in the corner that good lines leave free."""
    order = sorted(range(len(curves)), key=lambda i: curves[i].area, reverse=True)
    if about == "off by":
        order.reverse()
    for place, i in enumerate(order):
        said = f"<b>{charts.plain(text.clean(names[i], 24))}</b> {curves[i].area:.4f}"
        figure.add_annotation(
            x=0.99 if right else 0.02, y=0.03 + 0.06 * (len(order) - 1 - place),
            xanchor="right" if right else "left", yanchor="bottom", showarrow=False,
            text=said, font={"color": colours[i], "size": 13},
        )  # fmt: skip
    figure.add_annotation(
        x=0.99 if right else 0.02, y=0.03 + 0.06 * len(order), showarrow=False,
        xanchor="right" if right else "left", yanchor="bottom", text=about, font={"size": 12},
    )  # fmt: skip


def _heat(
    classes: Labels, shades: list[list[float]] | list[list[int]], words: list[list[str]],
    said: list[list[str]], scale: list[list[object]], span: tuple[float, float],
) -> go.Figure:  # fmt: skip
    names = [charts.plain(text.clean(name, 24)) for name in classes]
    few = len(names) <= _MOST_TEXT
    spoken = [
        [f"actual {a}, predicted {p}: {said[i][j]}" for j, p in enumerate(names)]
        for i, a in enumerate(names)
    ]
    places = list(range(len(names)))
    heat = go.Heatmap(
        z=shades, x=places, y=places, colorscale=scale, zmin=span[0], zmax=span[1],
        showscale=False, xgap=2, ygap=2, text=words if few else None,
        texttemplate="%{text}" if few else None, customdata=spoken,
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    figure = charts.template(heat, height=max(240, min(560, 42 * len(names) + 110)))
    step = 1 if few else max(1, len(names) // 12)
    ticks = {"tickvals": places[::step], "ticktext": names[::step]}
    figure.update_xaxes(title="Predicted", side="bottom", automargin=True, **ticks)
    figure.update_yaxes(title="Actual", autorange="reversed", **ticks)
    return figure


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "no rows"

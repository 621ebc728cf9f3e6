"""Figures of what-if: curves over a feature, heat maps over two, and what moved an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text
from pages.parts.charts import Labels
from registry.records import Scale

Column = tuple[float, ...]
Gappy = tuple[float | None, ...]
_GRID, _QUIET = "rgba(138,148,153,0.22)", "rgba(138,148,153,0.8)"
_UP, _DOWN = "#178F83", "#D9822B"
_SHADES = [[0, "rgba(23,143,131,0.04)"], [1, "rgba(23,143,131,0.95)"]]
_MOST_BARS, _FEW, _LEAST_GAP = 12, 45, 0.075
_TALL_PX, _HEAT_PX = 360, 340
_DAY = timedelta(days=1)


@st.cache_resource(max_entries=200, show_spinner=False)
def curves(
    actor_id: str, names: Labels, colours: Labels, values: tuple[Any, ...],
    answers: tuple[Gappy, ...], now: int, at: int, scale: Scale, titles: tuple[str, str],
) -> go.Figure:  # fmt: skip
    """A line per version over a number or a date, dots over categories.

    Args:
        answers: Per version one number per value, None where it was not asked.
        now: Place of the value that the slider stands at, marked.
        at: Place of the value that the input has, dotted where it is another.
        titles: Of the feature, of the answer.
    """
    x, ticks = places(values)
    figure = charts.template(height=_TALL_PX)
    for place, dash in ((at, "dot"), (now, "solid")):
        figure.add_vline(x=x[place], line={"color": _QUIET, "width": 1, "dash": dash})
    for name, colour, column in zip(names, colours, answers, strict=True):
        _line(figure, name, colour, values, (x, column), now, scale)
    _ends(figure, names, colours, [_last(column, values) for column in answers], scale)
    figure.update_layout(margin={"r": 8 if len(names) == 1 else 90, "t": 12})
    figure.update_xaxes(title=charts.plain(titles[0]), showgrid=ticks is None, gridcolor=_GRID)
    if ticks:
        figure.update_xaxes(tickvals=x, ticktext=ticks, range=[-0.5, len(x) - 0.5])
    elif None in values:
        figure.add_annotation(x=x[-1], y=0, yref="paper", text="missing", showarrow=False,
                              yanchor="bottom", xanchor="right", font={"size": 12})  # fmt: skip
    figure.update_yaxes(title=charts.plain(titles[1]), showgrid=True, gridcolor=_GRID)
    _scaled(figure, scale)
    return figure


@st.cache_resource(max_entries=200, show_spinner=False)
def heat(
    actor_id: str, xs: tuple[Any, ...], ys: tuple[Any, ...], answers: tuple[Column, ...],
    at: tuple[int, int], span: tuple[float, float], scale: Scale, titles: tuple[str, str],
) -> go.Figure:  # fmt: skip
    """One version's answer over two features, the input marked by a ring.

    Args:
        answers: `answers[j][i]` is of `xs[i]` and `ys[j]`.
        span: Least and largest answer over all heat maps beside each other.
    """
    columns, rows = _known(xs), _known(ys)
    (x, x_ticks), (y, y_ticks) = places(xs), places(ys)
    said = [[f"{charts.plain(titles[0])} {label(xs[i])}, {charts.plain(titles[1])} {label(ys[j])}: "
             f"{number(answers[j][i], scale)}" for i in columns] for j in rows]  # fmt: skip
    drawn = go.Heatmap(
        x=[x[i] for i in columns], y=[y[j] for j in rows],
        z=[[answers[j][i] for i in columns] for j in rows], customdata=said,
        hovertemplate="%{customdata}<extra></extra>", colorscale=_SHADES,
        zmin=span[0], zmax=span[1] if span[1] > span[0] else span[0] + 1,
        colorbar={"thickness": 10, "outlinewidth": 0, "len": 1, "y": 0.5, "nticks": 5,
                  "tickformat": ".0%" if scale in ("probability", "label") else "~g"},
    )  # fmt: skip
    figure = charts.template(drawn, height=_HEAT_PX)
    if at[0] in columns and at[1] in rows:
        figure.add_scatter(
            x=[x[at[0]]], y=[y[at[1]]], mode="markers", hoverinfo="skip",
            marker={"symbol": "circle", "size": 13, "color": "#FFFFFF",
                    "line": {"color": "#0E1816", "width": 3}},
        )  # fmt: skip
    for axis, places_of, ticks, kept, title in (
        (figure.update_xaxes, x, x_ticks, columns, titles[0]),
        (figure.update_yaxes, y, y_ticks, rows, titles[1]),
    ):
        axis(title=charts.plain(title))
        if ticks:
            axis(tickvals=[places_of[k] for k in kept], ticktext=[ticks[k] for k in kept])
    return figure


@st.cache_resource(max_entries=200, show_spinner=False)
def parts(
    actor_id: str, names: Labels, moved: Column, errors: Column, base: float, answer: float,
    scale: Scale,
) -> go.Figure:  # fmt: skip
    """A waterfall from the background's answer to this one, the largest step on top."""
    order = sorted(range(len(moved)), key=lambda i: abs(moved[i]), reverse=True)
    top, rest = order[:_MOST_BARS], order[_MOST_BARS:]
    bars = [(names[i], moved[i], errors[i]) for i in top if moved[i] or not rest]
    if rest:
        bars.append((f"{len(rest)} more features", math.fsum(moved[i] for i in rest), math.nan))
    starts, ends, so_far = [], [], base
    for _, step, _ in bars:
        starts.append(so_far)
        so_far += step
        ends.append(so_far)
    bar = go.Bar(
        x=[step for _, step, _ in bars], base=starts, y=list(range(len(bars))), orientation="h",
        marker={"color": [_UP if step >= 0 else _DOWN for _, step, _ in bars], "cornerradius": 3},
        text=[signed(step, scale) for _, step, _ in bars], textposition="outside",
        cliponaxis=False, textfont={"size": 12},
        customdata=[f"{charts.plain(n)}: {step:+.6g}{_give(e)}" for n, step, e in bars],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    figure = charts.template(bar, height=len(bars) * 28 + 60)
    low, high = min(base, *starts, *ends), max(base, *starts, *ends)
    pad = (high - low or 1.0) * 0.22
    for value, said, dash in ((base, "background", "dot"), (answer, "answer", "solid")):
        figure.add_vline(x=value, line={"color": _QUIET, "width": 1, "dash": dash})
        upper = value == max(base, answer)  # each beside its line, towards the other
        figure.add_annotation(
            x=value, y=1, yref="paper", yanchor="bottom", showarrow=False, font={"size": 12},
            text=f"{said} {number(value, scale)}", xanchor="right" if upper else "left",
            yshift=16 if upper else 0,
        )  # fmt: skip
    figure.update_layout(margin={"t": 44, "b": 8})
    figure.update_xaxes(range=[low - pad, high + pad], visible=False)
    ticks = [charts.plain(text.clean(name, 34)) for name, _, _ in bars]
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(ticks))), ticktext=ticks)
    return figure


def axis(*several: Sequence[Any]) -> tuple[Any, ...]:
    """All values once: numbers and dates ascending, text in its order, missing last."""
    every = dict.fromkeys(value for values in several for value in values)
    dates = sorted(v for v in every if isinstance(v, datetime))
    texts = [v for v in every if isinstance(v, str)]
    others = sorted(v for v in every if isinstance(v, (int, float)))
    return (*others, *dates, *texts, *([None] if None in every else []))


def places(values: Sequence[Any]) -> tuple[list[Any], list[str] | None]:
    """Where values stand on an axis, and their names where it counts places."""
    known = [v for v in values if v is not None]
    if _counted(values):
        return list(range(len(values))), [charts.plain(label(v, 18)) for v in values]
    if None not in values:
        return known, None
    beyond = known[-1]
    with suppress(OverflowError):  # no date is beyond the year 9999
        beyond += (known[-1] - known[0]) / 12 or (1 if isinstance(beyond, (int, float)) else _DAY)
    return [beyond if v is None else v for v in values], None


def label(value: Any, most: int = 40) -> str:
    """A value of a feature as people read it."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return text.number(value)
    if isinstance(value, datetime):
        return (
            f"{value:%Y-%m-%d}"
            if value.time() == datetime.min.time()
            else f"{value:%Y-%m-%d %H:%M}"
        )
    return text.clean(value, most)


def number(value: float, scale: Scale) -> str:
    """An answer as people read it: shares in percent."""
    if scale in ("probability", "label"):
        return f"{value * 100:.1f} %"
    return text.number(value)


def signed(value: float, scale: Scale) -> str:
    """A change of an answer, in percentage points where it is a share."""
    if scale in ("probability", "label"):
        return f"{value * 100:+.1f}".replace("-", "−")
    return text.delta(value)


def _line(
    figure: go.Figure, name: str, colour: str, values: tuple[Any, ...],
    points: tuple[list[Any], Gappy], now: int, scale: Scale,
) -> None:  # fmt: skip
    x, column = points
    own = [i for i, answer in enumerate(column) if answer is not None]
    known = [i for i in _known(values) if i in own]
    counted = _counted(values)
    said = ["" if c is None else
            f"{charts.plain(name)} at {charts.plain(label(v))}: {number(c, scale)}"
            for v, c in zip(values, column, strict=True)]  # fmt: skip
    lines = "markers" if counted else "lines+markers" if len(known) <= _FEW else "lines"
    size = 11 if counted else 3
    figure.add_scatter(
        x=[x[i] for i in known], y=[column[i] for i in known], mode=lines,
        line={"color": colour, "width": 2.5}, marker={"color": colour, "size": size},
        customdata=[said[i] for i in known], hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    lone = [i for i in own if i not in known]
    here = [now] if now in own else []
    figure.add_scatter(
        x=[x[i] for i in (*lone, *here)], y=[column[i] for i in (*lone, *here)], mode="markers",
        marker={"color": colour, "size": [9] * len(lone) + [13] * len(here),
                "symbol": ["circle-open"] * len(lone) + ["circle"] * len(here),
                "line": {"width": 2, "color": "#FFFFFF"}},
        customdata=[said[i] for i in (*lone, *here)], hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _known(values: Sequence[Any]) -> list[int]:
    """Places of the values that lie on the axis: all, where it counts places."""
    if _counted(values):
        return list(range(len(values)))
    return [i for i, v in enumerate(values) if v is not None]


def _counted(values: Sequence[Any]) -> bool:
    """Whether the axis counts places: of words, of nothing, of what has no common order."""
    known = [v for v in values if v is not None]
    dates = [isinstance(v, datetime) for v in known]
    words = any(isinstance(v, (bool, str)) for v in known)
    return words or any(dates) != all(dates) or not known


def _last(column: Gappy, values: Sequence[Any]) -> float:
    """The answer at the right end of a line, or the only one there is."""
    said = [(v, answer) for v, answer in zip(values, column, strict=True) if answer is not None]
    line = [answer for v, answer in said if v is not None or _counted(values)]
    return line[-1] if line else said[-1][1]


def _ends(
    figure: go.Figure, names: Labels, colours: Labels, ends: Sequence[float], scale: Scale
) -> None:
    """Names in the colours of their lines at their ends, pushed apart where they would meet."""
    if len(names) == 1:
        return
    shown = [y for trace in figure.data for y in trace.y]
    low, high = (0.0, 1.0) if scale in ("probability", "label") else (min(shown), max(shown))
    gap = (high - low or 1.0) * _LEAST_GAP
    order = sorted(range(len(ends)), key=ends.__getitem__)
    heights = [ends[i] for i in order]
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + gap)
    heights[-1] = min(heights[-1], high)
    for k in range(len(heights) - 2, -1, -1):
        heights[k] = min(heights[k], heights[k + 1] - gap)
    for i, height in zip(order, heights, strict=True):
        figure.add_annotation(
            x=1, xref="paper", y=height, xanchor="left", xshift=8, showarrow=False,
            text=f"<b>{charts.plain(text.clean(names[i], 14))}</b>",
            font={"color": colours[i], "size": 13},
        )  # fmt: skip


def _scaled(figure: go.Figure, scale: Scale) -> None:
    if scale in ("probability", "label"):
        figure.update_yaxes(range=[-0.02, 1.04], tickformat=".0%", dtick=0.25)
    else:
        figure.update_yaxes(nticks=6)


def _give(error: float) -> str:
    return f" ± {error:.2g}" if error and not math.isnan(error) else ""

"""The family of a version as a figure: ancestors at the left, descendants at the right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text

Row = tuple[str, int, str, str, tuple[tuple[str, str], ...]]
"""Ref, depth, status, framework, and its parents with the relation."""
Places = dict[str, tuple[float, float]]
_COLOURS = {"ready": "#178F83", "quarantined": "#D9822B", "failed": "#C0453B"}
_OTHER, _LINE = "#8A9499", "rgba(138,148,153,0.55)"
_FAINT = "rgba(138,148,153,0.28)"
_TALL, _ROW_PX, _WIDTH_PX, _BOW = 20, 48, 1080, 0.35


@st.cache_resource(max_entries=200, show_spinner=False)
def family(actor_id: str, rows: tuple[Row, ...]) -> go.Figure:
    """Generations as columns; a long one is folded into several and named on hover only."""
    places = _laid_out(rows)
    columns = len({x for x, _ in places.values()})
    heights = [sum(place[0] == x for place in places.values()) for x, _ in places.values()]
    lines = _lines(rows, places)
    figure = charts.template(*lines, _nodes(rows, places, columns),
                           height=max(max(heights) * _ROW_PX, 120) + 40)  # fmt: skip
    xs = [x for x, _ in places.values()]
    figure.update_xaxes(visible=False, range=[min(xs) - 0.5, max(xs) + 0.5])
    figure.update_yaxes(visible=False, range=[-max(heights) / 2 - 0.6, max(heights) / 2 + 0.6])
    figure.update_layout(clickmode="event+select")
    return figure


def pick(figure: go.Figure, *, key: str, alt: str) -> str:
    """Put a figure on the page whose marks can be pressed; the first datum of the one that was."""
    config = {"displayModeBar": False, "responsive": True}
    event = st.plotly_chart(
        figure, key=key, config=config, alt=alt, on_select="rerun", selection_mode="points"
    )
    points = event["selection"]["points"]
    told = points[0].get("customdata") if points else None
    return str(told[0]) if told else ""


def _laid_out(rows: Sequence[Row]) -> Places:
    """A place for each: its generation across, down in the order of its neighbours' middles."""
    generations: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        generations[row[1]].append(row)
    near: dict[str, list[str]] = defaultdict(list)
    for ref, _, _, _, edges in rows:
        for parent, _ in edges:
            near[ref].append(parent)
            near[parent].append(ref)
    places: Places = {}
    left = right = 0.0
    for depth in sorted(generations, key=lambda d: (abs(d), d)):
        ordered = sorted(
            generations[depth], key=lambda row: (_middle(row[0], near, places), row[0])
        )
        n_columns = -(-len(ordered) // _TALL)
        per = -(-len(ordered) // n_columns)
        for column in range(n_columns):
            part = ordered[column * per : (column + 1) * per]
            x = 0.0 if depth == 0 else right + 1 + column if depth > 0 else left - 1 - column
            for i, row in enumerate(part):
                places[row[0]] = (x, (len(part) - 1) / 2 - i)
        left, right = (
            (left - n_columns, right) if depth < 0 else (left, right + n_columns * (depth > 0))
        )
    return places


def _middle(ref: str, near: dict[str, list[str]], places: Places) -> float:
    placed = [places[other][1] for other in near[ref] if other in places]
    return -sum(placed) / len(placed) if placed else 0.0


def _lines(rows: Sequence[Row], places: Places) -> list[go.Scatter]:
    """Smooth links from parent to child, and what the relation is at their middle."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    said: list[tuple[float, float, str]] = []
    for ref, _, _, _, edges in rows:
        for parent, relation in edges:
            (x0, y0), (x1, y1) = places[parent], places[ref]
            for i in range(13):
                t = i / 12
                xs.append(x0 + (x1 - x0) * t + (4 * t * (1 - t) * _BOW if x0 == x1 else 0))
                ys.append(y0 + (y1 - y0) * (3 * t * t - 2 * t * t * t))
            xs.append(None)
            ys.append(None)
            said.append(((x0 + x1) / 2 + (_BOW if x0 == x1 else 0), (y0 + y1) / 2, relation))
    few = len(said) <= 12
    stroke = {"color": _LINE if few else _FAINT, "width": 1.5 if few else 1}
    path = go.Scatter(x=xs, y=ys, mode="lines", line=stroke, hoverinfo="skip")
    if not few:  # the marks tell the relations on hover
        return [path]
    words = go.Scatter(
        x=[x for x, _, _ in said],
        y=[y for _, y, _ in said],
        mode="text",
        text=[relation for _, _, relation in said],
        textposition="top center",
        textfont={"size": 11, "color": _OTHER},
        hoverinfo="skip",
    )
    return [path, words]


def _nodes(rows: Sequence[Row], places: Places, columns: int) -> go.Scatter:
    longest = max(9, int(_WIDTH_PX / (columns + 0.5) / 8))
    owners = {row[0].partition("/")[0] for row in rows}
    sizes = Counter(row[1] for row in rows)
    return go.Scatter(
        x=[places[row[0]][0] for row in rows],
        y=[places[row[0]][1] for row in rows],
        mode="markers+text",
        marker={
            "size": [18 if row[1] == 0 else 13 for row in rows],
            "color": [_COLOURS.get(row[2], _OTHER) for row in rows],
            "opacity": 1,
            "symbol": ["diamond" if row[1] == 0 else "circle" for row in rows],
        },
        text=[
            _label(row[0], longest, len(owners) > 1) if sizes[row[1]] <= _TALL else ""
            for row in rows
        ],
        textposition="bottom center",
        textfont={"size": 12},
        cliponaxis=False,
        customdata=[(row[0], charts.plain(_said(row))) for row in rows],
        hovertemplate="%{customdata[1]}<extra></extra>",
    )


def _label(ref: str, longest: int, with_owner: bool) -> str:
    """The middle of a long name goes, its version stays."""
    name, _, number = ref.partition("@")
    name = name if with_owner else name.partition("/")[2]
    room = longest - len(number) - 2
    if len(name) > room:
        keep = max(2, (room - 1) // 2)
        name = f"{name[:keep]}…{name[-keep:]}"
    return charts.plain(f"{text.clean(name, 60)} v{number}")


def _said(row: Row) -> str:
    ref, _, status, framework, edges = row
    parents = "".join(f", {relation} from {parent}" for parent, relation in edges[:5])
    return text.clean(f"{ref}: {status}, {framework}{parents}", 300)

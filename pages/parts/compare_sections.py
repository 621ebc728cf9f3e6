"""What a comparison shows below the verdict: metrics, charts, and sections that fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go
import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from pages.parts import charts_compare, comparing, matrix, text
from registry.core import Registry
from registry.records import Actor, Comparison, MetricLine, SectionName

_CHARTS = ("Bars", "Radar", "Parallel", "Scatter", "Over versions")
_KEY = "compare.chart"
_MOST = 12
_FEWEST_AXES = 3
_FITS = {
    "same": ("green", ":material/check_circle:"),
    "compatible": ("green", ":material/check_circle:"),
    "breaking": ("red", ":material/error:"),
    "unknown": ("gray", ":material/help:"),
}
Figure = Callable[..., go.Figure]


def metrics(shown: Comparison, *, differing: bool) -> None:
    """The table of metrics."""
    rows = matrix.differing(shown.metrics, differing)
    if rows:
        matrix.metrics(shown, rows, key="compare.metrics", label="Metrics by version")
    else:
        some = "No metric differs." if shown.metrics else "None of these versions has metrics yet."
        st.caption(some)


def chart(actor: Actor, shown: Comparison, *, differing: bool) -> None:
    """One of five charts of the same numbers; pressing a mark opens its version."""
    rows = matrix.differing(_drawable(shown.metrics), differing)[:_MOST]
    axes = {row.title: row for row in (*_drawable(shown.metrics), *_drawable(shown.speed))}
    if not rows and len(axes) < 2:
        return
    kind = st.segmented_control(
        "Chart", _CHARTS, default="Bars", key="chart", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if kind == "Scatter":
        figure = _scatter(actor, shown, axes)
    else:
        figure = _figure(kind or "Bars", actor, shown, rows)
    if figure is None:
        return
    config = {"displayModeBar": False, "responsive": True}
    with st.container(key="wide-compare"):  # frame.css lets it scroll on a phone
        event = st.plotly_chart(
            figure, key=f"{_KEY}.{kind}", on_select="rerun", selection_mode="points",
            config=config, alt=f"{kind} of the metrics of each version",
        )  # fmt: skip
    st.caption("Press a mark to open its version. Arrows say which way is better.")
    for point in event["selection"]["points"]:
        said = point.get("customdata")
        position = said[0] if isinstance(said, (list, tuple)) else said
        if isinstance(position, int) and 0 <= position < len(shown.refs):
            comparing.open_version(shown.refs[position])


def _drawable(rows: Sequence[MetricLine]) -> list[MetricLine]:
    return [row for row in rows if set(row.values) != {None}]


def _figure(
    kind: str, actor: Actor, shown: Comparison, rows: Sequence[MetricLine]
) -> go.Figure | None:
    drawn: dict[str, Figure] = {
        "Bars": charts_compare.bars,
        "Radar": charts_compare.radar,
        "Parallel": charts_compare.parallel,
        "Over versions": charts_compare.over,
    }
    told = [row for row in rows if row.higher_is_better is not None]
    if kind in ("Radar", "Parallel"):
        fewest = _FEWEST_AXES if kind == "Radar" else 2
        if len(told) < fewest:
            st.caption(f"Needs {fewest} metrics or more that say which way is better.")
            return None
        rows = told
    if not rows:
        st.caption("No metric to draw.")
        return None
    return drawn[kind](actor.id, *_versions(shown), tuple(rows))


def _versions(shown: Comparison) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = tuple(text.clean(name, 60) for name in shown.names)
    return names, tuple(charts_compare.colours(shown))


def _scatter(actor: Actor, shown: Comparison, axes: dict[str, MetricLine]) -> go.Figure | None:
    titles = list(axes)
    if len(titles) < 2:
        st.caption("Needs two numbers that a version has both of.")
        return None
    known = [title for title, row in axes.items() if None not in row.values]
    first = next((t for t in ("latency p95", "size") if t in known), titles[1])
    with st.container(horizontal=True):
        x = st.selectbox("Across", titles, index=titles.index(first), key="x",
                         bind="query-params", format_func=_named, width=260)  # fmt: skip
        y = st.selectbox("Up", titles, index=0 if first != titles[0] else 1, key="y",
                         bind="query-params", format_func=_named, width=260)  # fmt: skip
    figure: go.Figure = charts_compare.scatter(actor.id, *_versions(shown), axes[x], axes[y])
    if charts_compare.pareto(axes[x], axes[y]):
        st.caption("The dotted line joins the versions that no other beats in both.")
    pairs = zip(shown.names, axes[x].values, axes[y].values, strict=True)
    left_out = [text.escape(name, 60) for name, *pair in pairs if None in pair]
    if left_out:
        st.caption(f"Not in the chart, since a number is missing: {', '.join(left_out)}.")
    return figure


def _named(title: str) -> str:
    return text.clean(title, 60)


def folded(reg: Registry, actor: Actor, shown: Comparison, *, differing: bool) -> None:
    """Everything else, a section each, built when it is opened."""
    _facts(shown, "facts", "Facts", differing)
    _facts(shown, "parameters", "Parameters", differing)
    place = _section("schema", "Schema" + _broken(shown))
    if place.open:
        with place:
            _fits(shown)
            _rows(shown, "schema", differing)
    _facts(shown, "requirements", "Requirements", differing)
    _facts(shown, "files", "Files and digests", differing)
    _facts(shown, "tags", "Tags", differing)
    _facts(shown, "findings", "Scan findings", differing, "Nothing was found in any of them.")
    place = _section("benchmark", "Speed and size")
    if place.open:
        with place:
            _speed(shown, differing)


def _facts(
    shown: Comparison, name: SectionName, title: str, differing: bool, none: str = "None has any."
) -> None:
    rows = shown.section(name).rows
    counted = f" ({len(rows)})" if rows and name not in ("facts", "files") else ""
    n = shown.section(name).n_differing
    differ = f" :small[:gray[{n} differ]]" if n and len(shown.refs) > 1 else ""
    place = _section(name, title + counted + differ)
    if place.open:
        with place:
            _rows(shown, name, differing, none)


def _section(name: str, title: str) -> ExpanderContainer:
    return st.expander(title, key=name, on_change="rerun", bind="query-params")


def _rows(
    shown: Comparison, name: SectionName, differing: bool, none: str = "None has any."
) -> None:
    rows = matrix.differing(shown.section(name).rows, differing)
    if rows:
        matrix.facts(shown, rows, key=f"compare.{name}", label=f"{name.title()} by version")
    else:
        st.caption("No difference." if shown.section(name).rows else none)


def _broken(shown: Comparison) -> str:
    n = sum(fit.fit == "breaking" for fit in shown.fits)
    return f" :red-badge[:material/error: {n} breaking]" if n else ""


def _fits(shown: Comparison) -> None:
    """What happens to callers of the base with each other version."""
    for i, (name, fit) in enumerate(zip(shown.names, shown.fits, strict=True)):
        if i == shown.base:
            continue
        colour, icon = _FITS[fit.fit]
        why = "; ".join(text.escape(reason, 160) for reason in fit.reasons[:8])
        more = f" and {len(fit.reasons) - 8} more" if len(fit.reasons) > 8 else ""
        word = {"unknown": "not known"}.get(fit.fit, fit.fit)
        said = f"**{text.escape(name, 60)}** :{colour}-badge[{icon} {word}]"
        st.markdown(f"{said} {why}{more}")


def _speed(shown: Comparison, differing: bool) -> None:
    rows = matrix.differing(shown.speed, differing)
    if rows:
        matrix.metrics(shown, rows, key="compare.speed", label="Speed and size by version")
    if not shown.section("benchmark").rows:
        st.caption("None of them has been benchmarked yet; a version's page can start one.")
    else:
        _rows(shown, "benchmark", differing)

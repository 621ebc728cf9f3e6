"""The figures of an evaluation: a table with intervals, dots and whiskers, the paired tests."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import cards, charts, charts_quality, text
from pages.parts.evaluation_head import best_is_high, in_words
from pages.parts.evaluation_view import MAIN, Judged, View, interval, p_value, words
from registry.records import Measured

_DOUBT = 0.05
_TESTS = {
    "mcnemar": "McNemar’s test (mid-p) on the rows that changed",
    "bootstrap": "studentised paired bootstrap of the mean absolute error",
    "wilcoxon": "Wilcoxon’s signed ranks, as there are fewer than 10 rows",
}


def table(view: View) -> None:
    """Metrics by version with their intervals, the best of each marked, deltas to the base."""
    cards.section("Metrics", "With 95 % confidence intervals where they are known.")
    names = view.metrics()
    main = [name for name in names if name in MAIN[view.evaluation.task]]
    _table(view, main)
    rest = [name for name in names if name not in main]
    if rest:
        more = st.expander(f"{len(rest)} more", key="evaluation.more", on_change="rerun")
        if more.open:
            with more:
                _table(view, rest)


def _table(view: View, names: list[str]) -> None:
    rows = {_title(view, name): _cells(view, name) for name in names}
    columns = [heading(view, one) for one in view.judged]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    st.table(frame, border="horizontal", alt="Metrics by version")


def heading(view: View, one: Judged) -> str:
    """A version as the heading of a column."""
    badge = " :gray-badge[base]" if one is view.base and len(view.judged) > 1 else ""
    return text.escape(one.name, 60) + badge


def _title(view: View, name: str) -> str:
    found = next(m for one in view.judged if (m := one.metric(name)))
    arrow = "upward" if best_is_high(found) else "downward"
    return f"{text.escape(words(name))} :gray[:material/arrow_{arrow}:]"


def _cells(view: View, name: str) -> list[str]:
    measured = [one.metric(name) for one in view.judged]
    values = [m.value for m in measured if m]
    better = max if best_is_high(next(m for m in measured if m)) else min
    best = better(values) if len(set(values)) > 1 else None
    return [_cell(m, measured[0] if i else None, best) for i, m in enumerate(measured)]


def _cell(found: Measured | None, base: Measured | None, best: float | None) -> str:
    if found is None:
        return ":gray[—]"
    said = text.number(found.value)
    said = f"**{said}** :gray-badge[best]" if found.value == best else said
    if base is not None:
        gap = found.value - base.value
        shade = "gray" if not gap else "green" if (gap > 0) == best_is_high(found) else "red"
        said += f" :{shade}[:small[{text.delta(gap)}]]"
    between = interval(found)
    return f"{said}  \n:small[:gray[{between}]]" if between else said


def whiskers(view: View) -> None:
    """The main metrics as dots with their intervals, one figure per metric."""
    judged = view.judged
    names = [name for name in view.metrics() if name in MAIN[view.evaluation.task]]
    labels, colours = tuple(one.name for one in judged), tuple(one.colour for one in judged)
    grid = st.grid(3, min_column_width=280)
    for name in names[:6]:
        each = (one.metric(name) for one in judged)
        values = tuple((m.value, m.low, m.high) if m else None for m in each)
        with grid.container(gap="xxsmall"):
            st.markdown(_title(view, name))
            figure = charts_quality.whiskers(view.actor_id, labels, colours, values)
            key = f"evaluation.whiskers.{name}"
            charts.show(figure, key=key, alt=f"{words(name)} of each version with its interval")


def paired(view: View) -> None:
    """Every version against the base, on the same rows, in words."""
    rows = {}
    tests = set()
    for other in view.judged[1:]:
        pair = view.pair(other)
        if pair is None:
            continue
        tests.add(pair.test)
        doubt = pair.p_value > _DOUBT
        shade = "gray" if doubt else "green" if _is_better(view, pair.difference) else "red"
        judged = "could be chance" if doubt else "more than chance"
        rows[text.escape(other.name, 60)] = {
            f"against {text.escape(view.base.name, 60)}": in_words(pair, view.evaluation.n_rows),
            f"{words(view.headline)}, difference": (
                f"{text.delta(pair.difference)}  \n:small[:gray[{interval(pair)}]]"
            ),
            "p": p_value(pair.p_value).removeprefix("p ").removeprefix("= "),
            "verdict": f":{shade}-badge[{judged}]",
        }
    if not rows:
        return
    cards.section("More than chance?", "Both versions on the same rows, one pair at a time.")
    frame = pd.DataFrame.from_dict(rows, orient="index")
    st.table(frame, border="horizontal", alt="Paired tests against the base")
    st.caption(f"By {', '.join(_TESTS[test] for test in sorted(tests))}. {_many(len(rows))}")


def _is_better(view: View, difference: float) -> bool:
    return (difference > 0) == (view.evaluation.task == "classification")


def _many(n_pairs: int) -> str:
    """What to make of several tests at once."""
    if n_pairs < 3:
        return "Below p = 0.05 a difference counts as more than chance."
    return (
        f"With {n_pairs} comparisons, one below p = {text.number(0.05 / n_pairs, 1)} is more than "
        "chance however many were tried."
    )

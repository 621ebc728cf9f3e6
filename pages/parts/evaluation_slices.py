"""Where a version is weak: its figures within each value of a column."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import text
from pages.parts.evaluation_head import best_is_high
from pages.parts.evaluation_metrics import heading
from pages.parts.evaluation_view import Judged, View, interval, words
from registry.records import Measured, Slice

_MOST = 50


def show(view: View) -> None:
    """The folded table of slices; none when no column was chosen."""
    slices = [one for judged in view.judged for one in judged.quality.slices]
    if not slices:
        return
    title = f"Slices by {text.escape(view.evaluation.slice_by, 60)}"
    place = st.expander(title, key="evaluation.slices", on_change="rerun")
    if not place.open:
        return
    with place:
        names = list(dict.fromkeys(m.name for one in slices for m in one.metrics))
        names.sort(key=lambda name: name != view.headline)
        metric = st.segmented_control(
            "Metric", names, default=names[0], required=True, key="evaluation.slices.metric",
            format_func=words, label_visibility="collapsed",
        )  # fmt: skip
        _table(view, str(metric or names[0]))


def _table(view: View, metric: str) -> None:
    """The slices with most rows, those that do worst by the base first."""
    known = {one.id: {found.value: found for found in one.quality.slices} for one in view.judged}
    sizes = {found.value: found.n_rows for each in known.values() for found in each.values()}
    values = sorted(sizes, key=lambda value: _rank(known[view.base.id].get(value), metric))[:_MOST]
    rows = {}
    for value in values:
        title = f"{text.escape(value, 60) or '(empty)'} :small[:gray[{sizes[value]:,} rows]]"
        rows[title] = [_cell(one, known[one.id].get(value), metric) for one in view.judged]
    columns = [heading(view, one) for one in view.judged]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    st.table(frame, border="horizontal", alt=f"{words(metric)} by slice and version")
    limit = f"The {_MOST} values with most rows. " if len(sizes) >= _MOST else ""
    st.caption(
        f"{limit}The worst by {text.escape(view.base.name, 60)} first. Marked: worse than the "
        "version’s own figure on all rows by more than the interval of the slice."
    )


def _of(found: Slice | None, metric: str) -> Measured | None:
    return next((m for m in found.metrics if m.name == metric), None) if found else None


def _rank(found: Slice | None, metric: str) -> float:
    measured = _of(found, metric)
    if measured is None:
        return float("inf")
    return measured.value if best_is_high(measured) else -measured.value


def _cell(one: Judged, found: Slice | None, metric: str) -> str:
    measured, whole = _of(found, metric), one.metric(metric)
    if measured is None:
        return ":gray[—]"
    said = text.number(measured.value, 3)
    if whole is not None and _worse(measured, whole.value):
        said = f"**{said}** :orange-badge[:material/trending_down: weak]"
    between = interval(measured)
    return f"{said}  \n:small[:gray[{between or 'too few rows for an interval'}]]"


def _worse(measured: Measured, whole: float) -> bool:
    if measured.low is None or measured.high is None:
        return False
    return measured.high < whole if best_is_high(measured) else measured.low > whole

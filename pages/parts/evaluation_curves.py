"""How a classifier errs: ROC and precision-recall, calibration, confusion matrices."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, charts_quality, text
from pages.parts.evaluation_view import Judged, View
from registry.records import Curve

_AVERAGE = "average over classes"


def show(view: View) -> None:
    """The folded sections of a classification; those without figures are left out."""
    sections = [("Confusion matrices", "confusion", _confusion)]
    if any(one.quality.calibration for one in view.judged):
        sections.insert(0, ("Calibration", "calibration", _calibration))
    if any(one.quality.roc for one in view.judged):
        sections.insert(0, ("ROC and precision-recall", "curves", _curves))
    for title, key, draw in sections:
        place = st.expander(title, key=f"evaluation.{key}", on_change="rerun")
        if place.open:
            with place:
                draw(view)


def _curves(view: View) -> None:
    names = list(dict.fromkeys(c.name for one in view.judged for c in one.quality.roc))
    names.sort(key=lambda name: name != "")
    chosen = names[0]
    if len(names) > 1:
        chosen = st.selectbox(
            "Class", names, key="evaluation.class", width=280,
            format_func=lambda name: text.escape(name, 60) or _AVERAGE,
        )  # fmt: skip
    else:
        st.caption(f"Of the class {text.escape(chosen, 60)}.")
    left, right = st.columns(2, gap="large")
    with left:
        _draw(view, chosen, "roc", "ROC curve of each version")
    with right:
        if chosen:
            _draw(view, chosen, "precision_recall", "Precision-recall curve of each version")
        else:
            st.caption("Precision and recall are of one class: choose one.")


def _draw(view: View, name: str, kind: str, alt: str) -> None:
    found = [
        (one, curve)
        for one in view.judged
        for curve in getattr(one.quality, kind)
        if curve.name == name
    ]
    if found:
        charts.show(_figure(view, found, kind), key=f"evaluation.{kind}", alt=alt)


def _figure(view: View, found: list[tuple[Judged, Curve]], kind: str) -> go.Figure:
    names = tuple(one.name for one, _ in found)
    colours = tuple(one.colour for one, _ in found)
    args = (view.actor_id, names, colours, tuple(curve for _, curve in found))
    if kind == "roc":
        return charts_quality.roc(*args)
    if kind == "precision_recall":
        return charts_quality.precision_recall(*args)
    return charts_quality.calibration(*args)


def _calibration(view: View) -> None:
    found = [(one, curve) for one in view.judged for curve in one.quality.calibration[:1]]
    about = f"of the class {text.escape(found[0][1].name, 60)}"
    if not found[0][1].name:
        about = "of whatever class each row was given"
    st.caption(
        f"Ten bins of equally many rows, by the probability {about}. "
        "Below the diagonal a version is too sure of itself."
    )
    left, _ = st.columns([3, 2])
    with left:
        figure = _figure(view, found, "calibration")
        charts.show(figure, key="evaluation.calibrated", alt="Calibration of each version")


def _confusion(view: View) -> None:
    change = False
    if len(view.judged) > 1:
        change = st.toggle(
            f"Change against {text.escape(view.base.name, 60)}", key="evaluation.change"
        )
    if change:
        st.caption("Teal is better: more right or fewer wrong. Orange is worse.")
    base = view.base.quality
    grid = st.grid(3, min_column_width=300)
    for one in view.judged[1:] if change else view.judged:
        with grid.container(gap="xxsmall"):
            st.markdown(text.escape(one.name, 60))
            same = one.quality.classes == base.classes
            if change and not same:
                st.caption("Its classes are not those of the base.")
                continue
            found = one.quality
            figure = (
                charts_quality.confusion_change(
                    view.actor_id, found.classes, base.confusion, found.confusion
                )
                if change
                else charts_quality.confusion(view.actor_id, found.classes, found.confusion)
            )
            alt = f"Confusion matrix of {one.name}" + (", change" if change else "")
            charts.show(figure, key=f"evaluation.matrix.{one.id}", alt=alt)

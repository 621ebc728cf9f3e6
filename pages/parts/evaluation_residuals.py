"""How a regression errs: predicted against actual, and the spread of the errors."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import charts, charts_quality, text
from pages.parts.evaluation_view import View

_QUANTILES = ("5 %", "25 %", "median", "75 %", "95 %")


def show(view: View) -> None:
    """The folded section of a regression."""
    found = [(one, one.quality.residuals) for one in view.judged if one.quality.residuals]
    if not found:
        return
    place = st.expander("Residuals", key="evaluation.residuals", on_change="rerun")
    if not place.open:
        return
    with place:
        names = tuple(one.name for one, _ in found)
        colours = tuple(one.colour for one, _ in found)
        each = tuple(residuals for _, residuals in found if residuals)
        figure = charts_quality.residuals(view.actor_id, names, colours, each)
        charts.show(figure, key="evaluation.histogram", alt="Residuals of each version")
        rows = {
            text.escape(name, 60): [text.number(q, 3) for q in one.quantiles]
            for name, one in zip(names, each, strict=True)
        }
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(_QUANTILES))
        st.table(frame, border="horizontal", alt="Quantiles of predicted minus actual")
        grid = st.grid(3, min_column_width=280)
        for (judged, _), one in zip(found, each, strict=True):
            with grid.container(gap="xxsmall"):
                st.markdown(text.escape(judged.name, 60))
                figure = charts_quality.predicted(view.actor_id, judged.colour, one, len(each))
                alt = f"Predicted against actual by {judged.name}"
                charts.show(figure, key=f"evaluation.scatter.{judged.id}", alt=alt)

"""Models as cards in a grid."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from pages.parts import cards, text
from registry.records import Model


def models(found: Iterable[Model], columns: int = 3) -> None:
    """One card per model: name, facts, primary metric with its line over the versions."""
    grid = st.grid(columns, min_column_width=220)
    for model in found:
        with grid.container(border=True, gap="xsmall", height="stretch"):
            _card(model)


def _card(model: Model) -> None:
    query = {"name": model.ref}
    st.page_link("model.py", label=f"**{text.escape(model.name, 60)}**", query_params=query)
    said = " · ".join(part for part in (model.owner, model.task, model.framework) if part)
    st.caption(text.escape(said, 90))
    st.markdown(_badges(model))
    history = list(model.metric_history)
    if model.metric is not None:
        st.metric(
            text.escape(model.primary_metric, 40),
            text.number(model.metric),
            chart_data=history if len(history) > 1 else None,
            chart_type="line",
            delta_color="off",
        )
    elif model.description:
        st.caption(text.escape(model.description, 140))
    rated = text.stars(model.rating, model.n_ratings)
    st.caption(f"updated {text.ago(model.updated_at)}{' · ' if rated else ''}{rated}")


def _badges(model: Model) -> str:
    parts = [cards.badge(model.status)]
    if model.champion:
        parts.append(cards.chip(f"v{model.champion}", icon=":material/trophy:"))
    elif model.latest:
        parts.append(cards.chip(f"v{model.latest}"))
    if model.visibility == "private":
        parts.append(":gray-badge[:material/lock: private]")
    return " ".join(parts)

"""Pages of audit lines and of logged predictions."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from pages.parts import cards, filters, past_list, text
from registry.records import AuditLine, Page, PredictionLine


def only(model: str) -> None:
    """Says that only one model is looked at, with the way out."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Only {cards.chip(model)}", width="content")
        cards.go("Show all", "activity.py", key="activity.all", type="tertiary")


def changes(lines: Page[AuditLine]) -> None:
    """Audit lines by day."""
    if not lines.items:
        cards.empty(
            "Nothing happened yet", "Uploads, edits and moves show up here.", icon="history"
        )
        return
    st.caption(text.count(lines.total, "line"))
    for day, found in groupby(lines.items, key=lambda line: line.at.strftime("%A, %d %B %Y")):
        st.markdown(f"**{day}**")
        with st.container(gap="xsmall"):
            cards.activity(found, exact=True)
    filters.pages(st.container(), "activity", lines.number, lines.n_pages)


def predictions(calls: Page[PredictionLine], model: str) -> None:
    """The newest calls: which version, how many rows, how long, how it ended."""
    if not calls.items:
        with cards.empty("No predictions yet", "Ask a model something.", icon="labs"):
            cards.go("Open the playground", "playground.py", key="activity.play")
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    newest = f"The {len(calls.items)} newest of {text.count(calls.total, 'prediction')}"
    row.caption(newest, width="stretch")
    query = {"model": model, "who": "everybody"} if model else {}
    with row:
        cards.go("All, with filters", "predictions.py", key="activity.predictions", query=query)
    past_list.table(calls.items, "activity.table", people=bool(model))

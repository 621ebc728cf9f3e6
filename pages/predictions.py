"""/predictions?model=owner/slug&outcome=failed&flag=any&p=2: what one asked models."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, filters, notices, past_list, session
from registry import predictions
from registry.memory import recalled
from registry.records import Page, PredictionLine

reg, actor = session.require("search")


def listing(found: Page[PredictionLine]) -> None:
    """One page of lines, or why there is none."""
    past_list.pages(found)
    if found.items:
        past_list.table(found.items, "predictions.table", people=not only.mine)
    elif past_list.narrowed():
        cards.empty("Nothing fits", "Take a filter away.", icon="search_off")
    else:
        with cards.empty("No predictions yet", "Ask a model something.", icon="labs"):
            cards.go("Open the playground", "playground.py", key="predictions.play")


asked = "What everybody asked" if st.query_params.get("who") else "What you asked models"
place = cards.header("Predictions", f"{asked}, newest first")
with notices.shown():
    model, only = past_list.filters(reg, actor)
    found = recalled(
        predictions.find, reg, actor, model, page=filters.page(), size=past_list.SIZE, only=only
    )

with place:
    past_list.export(reg, actor, model, only)
listing(found)

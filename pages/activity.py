"""/activity?model=owner/slug&p=2: who did what and when, and one's own predictions."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, filters, logbook, notices, session
from registry import activity, predictions
from registry.memory import recalled

reg, actor = session.require("search")


TABS = ("Changes", "Predictions")

model, page = st.query_params.get("model", ""), filters.page()

with notices.shown():
    lines = recalled(activity.find, reg, actor, model=model, page=page)
    calls = predictions.find(reg, actor, model=model)

about = "What happened to the models you may see, and your own predictions"
with cards.header("Activity", about):
    cards.go("Audit", "audit.py", key="activity.audit", icon=":material/fact_check:")
if model:
    logbook.only(model)

changes, predicted = st.tabs(TABS, key="tab", bind="query-params")
if changes.open:
    with changes:
        logbook.changes(lines)
if predicted.open:
    with predicted:
        logbook.predictions(calls, model)

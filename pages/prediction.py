"""/prediction?id=id: one prediction, what went in and came out, and what to do with it."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, notices, past_actions, past_view, recent, session, text
from registry import predictions

reg, actor = session.require("search")

prediction_id = st.query_params.get("id", "")
if not prediction_id:
    cards.header("Prediction")
    with cards.empty("No prediction named", "Choose one from the list.", icon="labs"):
        cards.go("Predictions", "predictions.py", key="prediction.list", type="primary")
    st.stop()

with notices.shown():
    past = recent.filled(predictions.get(reg, actor, prediction_id))

line = past.line
who = "You" if past.mine else text.escape(line.actor, 40)
about = f"{who} asked {text.escape(line.ref, 80)} · {text.moment(line.at)}"
with cards.header("Prediction", about):
    number = line.ref.rpartition("@")[2]
    query = {"model": line.model, "version": number}
    cards.go("Open in the playground", "playground.py", key="prediction.play", query=query)
    cards.go("All predictions", "predictions.py", key="prediction.all", type="tertiary")
past_view.facts(past)
with st.container(horizontal=True), notices.shown(stop=False):
    past_actions.bar(reg, actor, past, "prediction")

left, right = st.columns(2, gap="large")
with left:
    past_view.given(past)
with right:
    past_view.answer(actor, past)

"""/playground?model=owner/slug&version=3&mode=JSON: give a version an input, see what it says."""

from __future__ import annotations

import streamlit as st

from pages.parts import answers, cards, notices, playing, session, snippets
from registry import predict
from registry.core import Registry
from registry.records import Actor, Prediction, Schema, Version

MODES = ("Form", "JSON")


def ask(reg: Registry, actor: Actor, version: Version, schema: Schema) -> None:
    key = f"playground.{version.id}"
    mode = st.segmented_control(
        "Input as", MODES, default="Form", required=True, key="mode", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    playing.chips(schema, key)
    with notices.shown(stop=False):
        rows = playing.ask(reg, actor, version, schema, mode or "Form")
        if rows is not None:
            st.session_state.pop(playing.ANSWER, None)
            with st.spinner("Asking the model"):
                answer = predict.predict(reg, actor, version.ref, rows)
            st.session_state[playing.ANSWER] = (version.ref, rows, answer)


def answered(actor: Actor, version: Version, schema: Schema) -> None:
    ref, rows, answer = st.session_state.get(playing.ANSWER, ("", None, None))
    if ref != version.ref or not isinstance(answer, Prediction):
        cards.empty(
            "No answer yet", "Take the example or fill in the form, then submit.", icon="play_circle"
        )
        return
    answers.show(actor, answer, schema)
    with st.expander("Code for this call", icon=":material/code:"):
        st.code(snippets.call(version, actor.username, rows), language="python")


reg, actor = session.require("predict")

cards.header("Playground", "Give a version an input and see what it says")
with notices.shown():
    version = playing.choose(reg, actor)

if version is None:
    with cards.empty("No model is ready", "Upload one; it is ready in seconds.", icon="labs"):
        cards.upload_button(actor, "playground.upload")
    st.stop()

schema = version.schema
if schema is None or not version.can_predict:
    why = version.why_no_predictions or "its schema is not known: describe it on the model's page"
    cards.cannot(version, why)
    st.stop()

left, right = st.columns([1, 1], gap="large")
with left:
    ask(reg, actor, version, schema)
with right:
    answered(actor, version, schema)

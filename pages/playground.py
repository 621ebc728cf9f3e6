"""/playground?model=owner/slug&version=3&mode=JSON: give a version an input, see what it says."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import answers, cards, golden, notices, playing, session, snippets
from registry import predict
from registry.core import Registry
from registry.records import Actor, Prediction, Schema, Version

reg, actor = session.require("predict")
MODES = ("Form", "JSON")


def asked(reg: Registry, actor: Actor, version: Version, schema: Schema) -> Any:
    """The input at the left; None until it is submitted."""
    mode = st.segmented_control(
        "Input as", MODES, default="Form", required=True, key="mode", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    playing.chips(schema, f"playground.{version.id}")
    return playing.ask(reg, actor, version, schema, mode or "Form")


def answer(reg: Registry, actor: Actor, version: Version, rows: Any) -> None:
    """Ask the model and keep what it says for the next runs."""
    st.session_state.pop(playing.ANSWER, None)
    with st.spinner("Asking the model"):
        said = predict.predict(reg, actor, version.ref, rows)
    st.session_state[playing.ANSWER] = (version.ref, rows, said)


def show(reg: Registry, actor: Actor, version: Version, schema: Schema) -> None:
    """The last answer of this version."""
    ref, rows, said = st.session_state.get(playing.ANSWER, ("", None, None))
    if ref != version.ref or not isinstance(said, Prediction):
        about = "Take the example or fill in the form, then submit."
        cards.empty("No answer yet", about, icon="play_circle")
        return
    answers.show(actor, said, schema)
    golden.offer(reg, actor, version, rows, said)
    with st.expander("Code for this call", icon=":material/code:"):
        st.code(snippets.call(version, actor.username, rows), language="python")


cards.header("Playground", "Give a version an input and see what it says")
with notices.shown():
    version, place = playing.choose(reg, actor)

if version is None:
    with cards.empty("No model is ready", "Upload one; it is ready in seconds.", icon="labs"):
        cards.upload_button(actor, "playground.upload")
    st.stop()

schema = version.schema
if schema is None or not version.can_predict:
    cards.cannot(version, version.why_no_predictions or "its schema is not known yet")
    st.stop()

left, right = st.columns(2, gap="large")
with right, notices.shown(stop=False):
    with left:
        rows = asked(reg, actor, version, schema)
    if rows is not None:
        answer(reg, actor, version, rows)
    show(reg, actor, version, schema)
with place, notices.shown(stop=False):
    playing.worker(reg, actor, version)

"""/playground?model=owner/slug&version=3&version=2&mode=JSON: ask up to four versions one thing."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    asking,
    batching,
    cards,
    moving,
    notices,
    pasts,
    playing,
    session,
    side_by_side,
    snippets,
)
from registry.core import Registry
from registry.records import Actor, Version

reg, actor = session.require("predict")


def ask_and_show(reg: Registry, actor: Actor, versions: list[Version], mode: str) -> None:
    """The input at the left, an answer per version at the right."""
    left, right = st.columns([2, 3] if len(versions) > 1 else 2, gap="large")
    with right, notices.shown(stop=False):
        with left:
            rows = asking.form(reg, actor, versions[0], mode)
        if rows is not None:
            side_by_side.ask(reg, actor, versions, rows)
        side_by_side.show(reg, actor, versions)


def code_of_the_call(reg: Registry, actor: Actor, versions: list[Version]) -> None:
    """How a program would ask the first version the same."""
    asked = side_by_side.kept(versions)
    if asked is None or asked.attempts[0].answer is None:
        return
    place = st.expander(
        "Code for this call", icon=":material/code:", key="playground.code", on_change="rerun"
    )
    if place.open:
        with place:
            snippets.show(actor, versions[0], asked.rows, "playground.call")


cards.header("Playground", "Give versions an input and see what they say")
with notices.shown():
    versions = playing.choose(reg, actor)

if not versions:
    with cards.empty("No model is ready", "Upload one; it is ready in seconds.", icon="labs"):
        cards.upload_button(actor, "playground.upload")
    st.stop()

first = versions[0]
mode, place = playing.mode()
if first.schema is None or not first.can_predict:
    cards.cannot(first, first.why_no_predictions or "its schema is not known yet")
    st.stop()

with notices.shown(stop=False):
    if mode == "Batch":
        batching.show(reg, actor, versions)
    elif mode == "What-if":
        moving.show(reg, actor, versions)
    else:
        ask_and_show(reg, actor, versions, mode)
        code_of_the_call(reg, actor, versions)
with place, notices.shown(stop=False):
    playing.workers(reg, actor, versions)
if mode != "Batch":
    with notices.shown(stop=False):
        pasts.show(reg, actor, versions)

"""/train?id=id&rows=id: a table in, a leaderboard of baselines out, one of them saved if wanted."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, leaderboard, notices, session, training
from registry import trainings
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor

reg, actor = session.require("upload")


def one(reg: Registry, actor: Actor, training_id: str) -> None:
    """A training: how far it is, or what it found."""
    found = recalled(trainings.get, reg, actor, training_id)
    training.head(found)
    if found.state in ("queued", "running"):
        training.follow(reg, actor, [found])
    elif found.plan and found.state == "done":
        leaderboard.show(reg, actor, found)
    else:
        training.failed(found)


def begin(reg: Registry, actor: Actor) -> None:
    """A new one: the file, its columns, what to predict."""
    sheet = training.bring(reg, actor)
    if sheet is not None:
        training.ask(reg, actor, sheet)


def mine(reg: Registry, actor: Actor) -> None:
    """What was trained, and what is under way."""
    found = recalled(trainings.find, reg, actor)
    if not found:
        if "rows" not in st.query_params:
            training.teach()
        return
    cards.section("Your trainings", "Nobody else sees them. Fitted files wait a day to be saved.")
    training.follow(reg, actor, [each for each in found if each.state in ("queued", "running")])
    for each in found:
        training.line(reg, actor, each)


training_id = st.query_params.get("id", "")
with notices.shown():
    if training_id:
        one(reg, actor, training_id)
        st.stop()
cards.header("Train a baseline", "A table in, a leaderboard out: how far do simple models get?")
with notices.shown(stop=False):
    begin(reg, actor)
with notices.shown():
    mine(reg, actor)

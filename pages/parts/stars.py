"""Ratings of a model: what people think of it, and the visitor's own stars."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import notices, text
from registry import ratings
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Model, Rating

_KEY = "model.stars"


def show(reg: Registry, actor: Actor, model: Model) -> None:
    """The average with how it came about, and five stars to press."""
    with st.container(border=True, gap="xsmall"):
        found = recalled(ratings.of_model, reg, actor, model.ref)
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(_average(found), width="stretch")
        _own(row, reg, actor, model, found)
        if found.n_votes > 1:
            said = (f"{stars} ★ {n}" for stars, n in enumerate(found.counts, 1) if n)
            st.caption(" · ".join(reversed(list(said))))
        if found.why_not:
            st.caption(text.escape(f"You cannot rate: {found.why_not}."))


def _average(found: Rating) -> str:
    if found.average is None:
        return "**Not rated yet**"
    return f"**{found.average:.1f}** of 5 :small[:gray[{text.count(found.n_votes, 'vote')}]]"


def _own(row: DeltaGenerator, reg: Registry, actor: Actor, model: Model, it: Rating) -> None:
    """The visitor's stars; pressing them again takes the vote back."""
    key = f"{_KEY}.{model.id}"
    now = None if it.own is None else it.own - 1
    if st.session_state.get(key) != now:
        st.session_state[key] = now
    row.feedback("stars", key=key, disabled=bool(it.why_not), width="content",
                 on_change=_vote, args=(reg, actor, model.ref, key))  # fmt: skip


def _vote(reg: Registry, actor: Actor, ref: str, key: str) -> None:
    with notices.shown(stop=False):
        pressed = st.session_state[key]
        if pressed is None:
            ratings.withdraw(reg, actor, ref)
            st.toast("Your vote is taken back", icon=":material/check_circle:")
        else:
            ratings.rate(reg, actor, ref, pressed + 1)
            st.toast(f"Rated {pressed + 1} of 5", icon=":material/check_circle:")

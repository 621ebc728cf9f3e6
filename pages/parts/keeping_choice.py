"""What is kept of predictions: the owner's choice, and a sentence for whoever predicts."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, notices, text
from registry import access, keeping
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Keeping, Kept, Model

_TITLES: dict[Keeping, str] = {
    "nothing": "Nothing",
    "digest": "Digest only",
    "full": "Inputs and answers",
}
_ABOUT = (
    "That there was a prediction is always logged: who, when, rows, time, outcome.",
    "Also a digest of the input: it tells whether two inputs were equal, not what they were.",
    "Also what was entered and answered. Seen by the person who asked and by those who manage "
    "this model; others only if that person shares it.",
)
_CLEARS: dict[Keeping, str] = {
    "nothing": "Saving clears the inputs, answers and digests that are kept now.",
    "digest": "Saving clears the inputs and answers that are kept now.",
}


def said(kept: Kept) -> str:
    """One sentence for whoever predicts."""
    if kept.what == "nothing":
        return "Of your input nothing is kept, only that you asked."
    if kept.what == "digest":
        return "Your input is not kept, only a digest of it."
    days = text.count(kept.days, "day")
    return f"Your input and the answer are kept for {days}, for you and those who manage the model."


def caption(reg: Registry, actor: Actor, model: str) -> None:
    """Tells whoever predicts what is kept."""
    kept = recalled(keeping.get, reg, actor, model)
    icon = "visibility" if kept.what == "full" else "visibility_off"
    st.caption(f":material/{icon}: {said(kept)}")


def editor(reg: Registry, actor: Actor, model: Model) -> None:
    """The choice, with what each means for the people who predict."""
    why = access.allowed(actor, model.level, "prediction.keep")
    now = recalled(keeping.get, reg, actor, model.ref)
    cards.section("Kept of predictions", "Whoever predicts is told so in the playground.")
    what = st.radio(
        "Kept of predictions", list(_TITLES), list(_TITLES).index(now.what), key="settings.keep",
        format_func=_title, captions=_ABOUT, disabled=bool(why),
        label_visibility="collapsed",
    )  # fmt: skip
    days = now.days
    if what == "full":
        days = st.number_input(
            "Days until they are cleared", 1, keeping.MOST_DAYS, now.days, key="settings.keep.days",
            disabled=bool(why), width=260,
        )  # fmt: skip
    elif what != now.what:
        st.caption(f":orange[:material/delete_sweep:] {_CLEARS[what]} This cannot be undone.")
    why = why or ("" if Kept(what, days) != now else "it is so already")
    if cards.action("Save choice", why, key="settings.keep.save"):
        with notices.shown(stop=False):
            cleared = keeping.choose(reg, actor, model.ref, what, int(days))
            gone = f"; cleared of {text.count(cleared, 'prediction')}" if cleared else ""
            cards.done(f"From now on: {_TITLES[what].lower()}{gone}")


def _title(what: Keeping) -> str:
    return _TITLES[what]

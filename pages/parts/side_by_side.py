"""The playground's right side: what each chosen version answered to the same input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st

from pages.parts import answers, cards, notices, tables, text
from registry import asking
from registry.core import Registry
from registry.records import Actor, Version

_KEPT = "playground.asked"


class Asked(NamedTuple):
    """An input and what came of it, the first chosen version first."""

    rows: Any
    attempts: tuple[asking.Attempt, ...]


def ask(reg: Registry, actor: Actor, versions: Sequence[Version], rows: Any) -> None:
    """Put the input to all versions and keep what they say for the next runs."""
    st.session_state.pop(_KEPT, None)
    what = "the model" if len(versions) == 1 else f"{len(versions)} versions"
    refs = [version.ref for version in versions]
    with st.spinner(f"Asking {what}"):
        st.session_state[_KEPT] = Asked(rows, asking.several(reg, actor, refs, rows))


def kept(versions: Sequence[Version]) -> Asked | None:
    """The last input and the attempts of these versions; None unless the first one made it."""
    asked = st.session_state.get(_KEPT)
    if not isinstance(asked, Asked) or asked.attempts[0].ref != versions[0].ref:
        return None
    known = {attempt.ref: attempt for attempt in asked.attempts}
    return Asked(asked.rows, tuple(known[v.ref] for v in versions if v.ref in known))


def show(actor: Actor, versions: Sequence[Version]) -> None:
    """An answer or a failure per version; what to do when there is none yet."""
    asked = kept(versions)
    if asked is None:
        about = "Take the example or fill in the form, then submit."
        cards.empty("No answer yet", about, icon="play_circle")
        return
    if len(versions) == 1:
        _one(actor, versions[0], asked.attempts[0])
        return
    by_ref = {attempt.ref: attempt for attempt in asked.attempts}
    grid = st.grid(2, min_column_width=280)
    for version in versions:
        with grid.container(border=True):
            st.markdown(f"**{text.escape(tables.short_name(version, list(versions)), 80)}**")
            if version.ref in by_ref:
                _one(actor, version, by_ref[version.ref])
            else:
                st.caption("Not asked yet. Submit again.")


def _one(actor: Actor, version: Version, attempt: asking.Attempt) -> None:
    cards.findings(attempt.findings)
    if attempt.failure is not None:
        notices.show(attempt.failure)
    elif attempt.answer is not None and version.schema is not None:
        answers.show(actor, attempt.answer, version.schema, key=version.id)

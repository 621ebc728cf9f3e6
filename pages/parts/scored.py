"""Files that are being scored or were: how far they are, the result, the rows left without one."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.parts import cards, notices, text
from registry import scoring, scorings
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Scoring

_POLL_S = 1.0
_SHOWN = 10
_STATES = {
    "queued": ("gray", "schedule", "waiting"),
    "running": ("blue", "progress_activity", "running"),
    "done": ("green", "check_circle", "done"),
    "failed": ("red", "error", "not scored"),
}


def listed(reg: Registry, actor: Actor, found: Sequence[Scoring]) -> None:
    """Scorings, newest first; those under way move by themselves."""
    if not found:
        cards.empty("Nothing scored yet", "Drop a file to begin.", icon="table_rows")
    running = [one for one in found if one.state in ("queued", "running")]
    if running:
        st.fragment(_watch, run_every=_POLL_S)(reg, actor, {one.id for one in running})
    over = [one for one in found if one.state in ("done", "failed")]
    for one in over[:_SHOWN]:
        _line(reg, actor, one)
    if more := over[_SHOWN:]:
        with st.expander(f"{len(more)} older"):
            for one in more:
                _line(reg, actor, one)


def _watch(reg: Registry, actor: Actor, ids: set[str]) -> None:
    with notices.shown():
        running = [one for one in recalled(scorings.find, reg, actor) if one.id in ids]
    if len(running) < len(ids) or any(one.state in ("done", "failed") for one in running):
        st.rerun()
    for one in running:
        _progress(reg, actor, one)


def _progress(reg: Registry, actor: Actor, one: Scoring) -> None:
    with st.container(border=True):
        said = text.escape(f"{text.clean(one.filename, 60)}: {one.message or 'waiting'}", 200)
        st.progress(one.progress, said)
        if st.button("Cancel", key=f"batching.cancel.{one.id}", icon=":material/cancel:"):
            with notices.shown(stop=False):
                scoring.cancel(reg, actor, one.id)
                cards.done("Cancelled")


def _line(reg: Registry, actor: Actor, one: Scoring) -> None:
    """One that is over: what came of it."""
    colour, icon, word = _STATES[one.state]
    with st.container(border=True):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(
            f"**{text.escape(one.filename, 80)}** :{colour}-badge[:material/{icon}: {word}]  \n"
            f":small[:gray[{text.escape(' · '.join(_facts(one)), 300)}]]",
            width="stretch",
        )
        if one.result_bytes:
            row.link_button(
                "Download", f"/scorings/{one.id}/result", icon=":material/download:",
                type="primary",
            )  # fmt: skip
        key = f"batching.remove.{one.id}"
        if row.button("", key=key, icon=":material/delete:", help="Delete"):
            with notices.shown(stop=False):
                freed = scorings.remove(reg, actor, one.id)
                cards.done(f"Deleted, {text.size(freed)} freed")
        if one.failure:
            st.markdown(f":red[{text.escape(one.failure, 400)}]")
        if one.problems:
            _problems(one)


def _facts(one: Scoring) -> list[str]:
    facts = [text.clean(one.ref or "a version that is gone", 80)]
    if one.n_rows:
        facts.append(text.count(one.n_rows, "row"))
    if one.n_bad:
        facts.append(f"{one.n_bad:,} without an answer")
    if one.result_bytes and one.expires_at:
        facts.append(f"{text.size(one.result_bytes)}, until {text.moment(one.expires_at)}")
    elif one.state == "done":
        facts.append("the file has expired")
    else:
        facts.append(text.ago(one.created_at))
    return facts


def _problems(one: Scoring) -> None:
    """The first rows that got no answer, and how many there are."""
    title = f"{text.count(one.n_bad, 'row')} without an answer"
    with st.expander(title, icon=":material/warning:"):
        frame = pd.DataFrame(
            {"Line": [p.line for p in one.problems],
             "Why": [text.clean(p.why, 300) for p in one.problems]}
        )  # fmt: skip
        config = {"Line": st.column_config.NumberColumn(width=70)}
        st.dataframe(frame, hide_index=True, column_config=config, width="stretch")
        if (more := one.n_bad - len(one.problems)) > 0:
            st.caption(f"and {more:,} more. The last column of the scored file has every reason.")

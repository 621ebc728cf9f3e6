"""Below the playground: what the person asked this model before, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import (
    cards,
    keeping_choice,
    notices,
    past_actions,
    past_list,
    past_view,
    recent,
    side_by_side,
)
from registry import predictions
from registry.core import Registry
from registry.records import Actor, PastPrediction, PredictionFilter, PredictionLine, Version

_LAST = 10


def show(reg: Registry, actor: Actor, versions: Sequence[Version]) -> None:
    """The last ten of this model; one that is ticked can be rerun, flagged, saved, shared."""
    model = versions[0].model
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row.container(width="stretch", gap="xxsmall"):
        cards.section("History")
        keeping_choice.caption(reg, actor, model)
    with row:
        query = {"model": model}
        st.page_link("predictions.py", label="All my predictions", icon=":material/history:",
                     query_params=query)  # fmt: skip
    lines = _lines(reg, actor, model, side_by_side.kept(versions))
    if not lines:
        st.caption("You have not asked this model anything yet.")
        return
    pasts = {line.id: _filled(reg, actor, line) for line in lines}
    answers = {key: past_view.brief(past.outputs) for key, past in pasts.items()}
    hint = st.empty()
    chosen = past_list.table(lines, "pasts.table", answers=answers, selectable=True)
    with hint.container(horizontal=True, vertical_alignment="center"):
        if chosen is None:
            st.caption("Tick one to rerun, flag, save or share it; press a version to open it.")
            return
        with notices.shown(stop=False):
            past_actions.bar(reg, actor, pasts[chosen.id], "pasts")


def _lines(
    reg: Registry, actor: Actor, model: str, asked: side_by_side.Asked | None
) -> tuple[PredictionLine, ...]:
    """The newest lines, with what stands above, which this tab remembers with its input."""
    said = [attempt.answer for attempt in asked.attempts] if asked else []
    for answer in said:
        if asked and answer:
            recent.remember(answer, asked.rows)
    only = PredictionFilter(mine=True)
    found = predictions.find(reg, actor, model, size=_LAST, only=only).items
    if {answer and answer.id for answer in said} <= {line.id for line in found}:
        return found
    predictions.flush(reg)
    return predictions.find(reg, actor, model, size=_LAST, only=only).items


def _filled(reg: Registry, actor: Actor, line: PredictionLine) -> PastPrediction:
    return recent.filled(predictions.get(reg, actor, line.id))

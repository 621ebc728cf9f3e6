"""The playground's right side: what each chosen version answered to the same input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st

from pages.parts import (
    answer_classes,
    answer_rows,
    answers,
    cards,
    charts,
    differences,
    notices,
    tables,
)
from pages.parts.answer_view import View
from registry import asking
from registry.core import Registry
from registry.records import Actor, Prediction, Version

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


def show(reg: Registry, actor: Actor, versions: Sequence[Version]) -> None:
    """An answer or a failure per version; what to do when there is none yet."""
    asked = kept(versions)
    if asked is None:
        about = "Take the example or fill in the form, then submit."
        cards.empty("No answer yet", about, icon="play_circle")
        return
    attempts = {attempt.ref: attempt for attempt in asked.attempts}
    names = {v.ref: tables.short_name(v, list(versions)) for v in versions}
    said = {ref: a.answer for ref, a in attempts.items() if a.answer is not None}
    row = _row(asked.rows, {names[ref]: answer for ref, answer in said.items()})
    if len(said) > 1:
        differences.sentence({names[ref]: answer for ref, answer in said.items()}, row)
    views = _views(reg, actor, versions, said, row)
    if len(versions) == 1:
        _one(attempts[versions[0].ref], views.get(versions[0].ref))
        return
    grid = st.grid(2, min_column_width=280)
    for position, version in enumerate(versions):
        with grid.container(border=True):
            own = views.get(version.ref)
            differences.heading(names[version.ref], version, position, own, names[versions[0].ref])
            if version.ref in attempts:
                _one(attempts[version.ref], own)
            else:
                st.caption("Not asked yet: submit again.")


def _row(rows: Any, answers: dict[str, Prediction]) -> int:
    """Which row is looked at, chosen in the table when there are several."""
    n_rows = next((answer.n_rows for answer in answers.values()), 1)
    alike = {name: answer for name, answer in answers.items() if answer.n_rows == n_rows}
    return answer_rows.table(alike, rows, "playground.rows") if n_rows > 1 else 0


def _views(
    reg: Registry, actor: Actor, versions: Sequence[Version], said: dict[str, Prediction], row: int
) -> dict[str, View]:
    """How each answer is shown, in the version's colour and beside the first one's."""
    several = len(versions) > 1
    base = said.get(versions[0].ref)
    classes = answer_classes.in_common(list(said.values()), row) if several else ()
    return {
        version.ref: View(
            reg,
            actor,
            version,
            said[version.ref],
            min(row, said[version.ref].n_rows - 1),
            base if position else None,
            charts.colour(position) if several else charts.ACCENT,
            several,
            classes,
        )
        for position, version in enumerate(versions)
        if version.ref in said
    }


def _one(attempt: asking.Attempt, view: View | None) -> None:
    cards.findings(attempt.findings)
    if attempt.failure is not None:
        notices.show(attempt.failure)
    elif view is not None:
        answers.show(view)

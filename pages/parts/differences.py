"""How the answers of several versions to one input differ: in a sentence, and marked on each."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts import answer_classes, answer_rows, answer_values, cards, text
from pages.parts.answer_view import View
from registry.records import Prediction, Version

_DOTS = ("gray", "green", "orange", "violet")


def sentence(answers: Mapping[str, Prediction], row: int) -> None:
    """Who says what: "v3 and v2 say virginica, v1 says versicolor"."""
    groups: dict[str, list[str]] = {}
    for name, answer in answers.items():
        label = answer_classes.said(answer, row)
        if label is not None:
            groups.setdefault(label, []).append(name)
    values = {name: answer_rows.value(answer, row) for name, answer in answers.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if len(groups) == 1 and sum(map(len, groups.values())) == len(answers):
        label = next(iter(groups))
        st.markdown(f":green[:material/check:] All say **{text.escape(label, 60)}**.")
    elif len(groups) > 1:
        parts = [f"{_and(names)} **{text.escape(label, 60)}**" for label, names in groups.items()]
        st.markdown(f":orange[:material/call_split:] They differ: {'; '.join(parts)}.")
    elif len(known) > 1:
        _spread(known)


def _spread(known: Mapping[str, float]) -> None:
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    said = answer_values.gap(known[high], known[low])
    if said in (None, "the same"):
        st.markdown(":green[:material/check:] All give the same value.")
        return
    st.markdown(
        f":orange[:material/call_split:] From **{text.number(known[low])}** "
        f"({text.escape(low, 60)}) to **{text.number(known[high])}** ({text.escape(high, 60)}): "
        f"{text.escape(said)}."
    )


def heading(name: str, version: Version, position: int, view: View | None, base: str) -> None:
    """The top of a version's card: colour, name, aliases, whether it says the same."""
    colour = _DOTS[position % len(_DOTS)]
    parts = [f":{colour}[:material/circle:] **{text.escape(name, 80)}**"]
    if version.label:
        parts.append(f":gray[{text.escape(version.label, 40)}]")
    if version.aliases:
        parts.append(cards.alias_chips(version.aliases))
    if view is not None and view.base is not None:
        parts.append(_mark(view, base))
    st.markdown(" ".join(parts))


def _mark(view: View, base: str) -> str:
    """Whether this version says what the first one says."""
    assert view.base is not None
    label = answer_classes.said(view.answer, view.row)
    other = answer_classes.said(view.base, view.row)
    if label is None or other is None:
        return ""
    if label == other:
        return cards.chip(f"as {base}", icon=":material/check:")
    return cards.chip(f"differs from {base}", "orange", ":material/call_split:")


def _and(names: list[str]) -> str:
    words = ", ".join(text.escape(name, 60) for name in names[:-1])
    return f"{words} and {text.escape(names[-1], 60)}:" if words else f"{text.escape(names[-1])}:"

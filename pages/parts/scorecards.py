"""The Scorecard tab: the net score, then each measure with its evidence."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import cards, notices, text
from registry import fetching, scorecard
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Model, Score, Scorecard, Version


def show(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """What the registry knows of a version; what the link says when somebody asks for that."""
    seen: dict[str, Scorecard] = st.session_state.setdefault("model.scores", {})
    found = seen.get(version.ref) or recalled(scorecard.of_version, reg, actor, version.ref)
    left, right = st.columns([2, 5], gap="large")
    with left:
        _net(found)
        _look_outside(reg, actor, version, seen)
    with right:
        for score in found.scores:
            _measure(score)


def _net(found: Scorecard) -> None:
    """The net score, and how much of the weight was measured."""
    known = [score for score in found.scores if score.value is not None]
    st.metric("Net score", "—" if found.net is None else f"{found.net:.2f}")
    if found.net is not None:
        st.progress(found.net)
    weight = sum(score.weight for score in known)
    st.caption(
        f"The mean of {len(known)} of {len(found.scores)} measures from 0 to 1, by their weights: "
        f"{weight:.0%} of all weight. What was not measured is left out."
    )
    total = sum(score.latency_ms for score in found.scores)
    st.caption(f"Computed in {text.duration(total)}. {_left_out(found.scores)}")


def _left_out(scores: Sequence[Score]) -> str:
    names = [score.title for score in scores if score.value is None]
    return f"Not measured: {', '.join(names)}." if names else ""


def _look_outside(
    reg: Registry, actor: Actor, version: Version, seen: dict[str, Scorecard]
) -> None:
    why = "" if reg.settings.fetch else fetching.OFF
    link = version.links.get("code") or version.links.get("source")
    why = why or ("" if link else "the version has no link to its code")
    if cards.action(
        "Look at the code’s link", why, key="model.scores.links", icon=":material/link:"
    ):
        with notices.shown(stop=False), st.spinner("Asking what lies behind the link"):
            seen[version.ref] = scorecard.with_links(reg, actor, version.ref)
            st.rerun()


def _measure(score: Score) -> None:
    """One measure: name and figure, its bar, the evidence, then weight, origin and latency."""
    about = f"weight {score.weight:.2f} · from {score.where} · {text.duration(score.latency_ms)}"
    said = text.escape(score.evidence[:1].upper() + score.evidence[1:], 400)
    with st.container(gap="xxsmall"):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(f"**{text.escape(score.title)}**", width="stretch")
        if score.value is None:
            row.markdown(":gray-badge[:material/help: not measured]", width="content")
        else:
            row.markdown(f"**{score.value:.2f}**", width="content")
            st.progress(score.value)
        st.markdown(f"{said}  \n:small[:gray[{text.escape(about)}]]")

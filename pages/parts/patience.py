"""Questions that may take a while: progress, a Stop button, and answers kept for the session.

A pressed button makes Streamlit run the page again and end the run before, at the next thing that
it shows. `watch` shows how far it is about twice a second, so that Stop takes effect there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import notices, text
from registry.errors import RegistryError
from registry.records import Version
from registry.what_if import Watch

T = TypeVar("T")
_KEPT, _STOPPED = "what_if.kept", "what_if.stopped"
_MOST_KEPT = 80
_AT_ONCE_S = 0.4


def each(
    part: str, versions: Sequence[Version], question: Hashable,
    ask: Callable[[Version, Watch], T], name: Callable[[Version], str],
) -> dict[str, T]:  # fmt: skip
    """What versions answer to a question, by ref; one that fails is explained, the others go on.

    Args:
        part: Of the page; one Stop button each.
        question: All that the answers depend on beside the version.
        ask: Calls a door; it must pass the watch on.
    """
    kept: dict[Hashable, Any] = st.session_state.setdefault(_KEPT, {})
    missing = [v for v in versions if (part, v.ref, question) not in kept]
    if missing and st.session_state.get(f"{_STOPPED}.{part}") == question:
        _stopped(part)
        missing = []
    place = st.empty()
    for n, version in enumerate(missing):
        about = f"Asking {text.escape(name(version), 60)}"
        watch = _watch(place, part, question, about, (n, len(missing)))
        try:
            kept[part, version.ref, question] = ask(version, watch)
        except RegistryError as error:
            kept[part, version.ref, question] = error
    place.empty()
    while len(kept) > _MOST_KEPT:
        kept.pop(next(iter(kept)))
    said = {v.ref: kept.get((part, v.ref, question)) for v in versions}
    failed = [v for v in versions if isinstance(said[v.ref], RegistryError)]
    _explain(part, [(name(v), said[v.ref]) for v in failed], question)
    return {
        ref: found
        for ref, found in said.items()
        if found is not None and not isinstance(found, RegistryError)
    }


def _watch(
    place: DeltaGenerator, part: str, question: Hashable, about: str, turn: tuple[int, int]
) -> Watch:
    """Shows nothing at first: most questions are answered before anybody could press Stop."""
    started = time.monotonic()
    bar: list[DeltaGenerator] = []

    def watch(share: float) -> None:
        whole = min(1.0, (turn[0] + share) / turn[1])
        if bar:
            bar[0].progress(whole, about)
        elif turn[0] or time.monotonic() - started > _AT_ONCE_S:
            with place.container(horizontal=True, vertical_alignment="center"):
                bar.append(st.progress(whole, about))
                st.button(
                    "Stop", key=f"what_if.stop.{part}.{turn[0]}", icon=":material/stop_circle:",
                    on_click=_stop, args=(part, question),
                )  # fmt: skip

    return watch


def _stop(part: str, question: Hashable) -> None:
    st.session_state[f"{_STOPPED}.{part}"] = question


def _go_on(part: str) -> None:
    st.session_state.pop(f"{_STOPPED}.{part}", None)


def _stopped(part: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Stopped. What was answered by then is shown.", width="content")
        st.button("Go on", key=f"what_if.on.{part}", on_click=_go_on, args=(part,))


def _explain(part: str, failed: Sequence[tuple[str, Any]], question: Hashable) -> None:
    for name, error in failed:
        st.markdown(f"**{text.escape(name, 80)}**")
        notices.show(error)
    if failed:
        st.button(
            "Try again", key=f"what_if.again.{part}", icon=":material/refresh:",
            on_click=_forget, args=(part, question),
        )  # fmt: skip


def _forget(part: str, question: Hashable) -> None:
    kept = st.session_state.get(_KEPT, {})
    for key in [k for k in kept if k[0] == part and k[2] == question]:
        if isinstance(kept[key], RegistryError):
            del kept[key]

"""The rows that were right and are now wrong, to take away."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import notices, text
from pages.parts.evaluation_view import Judged, View

Fetch = Callable[[str, str], bytes]
_READY = "evaluation.rows.ready"


def show(view: View, fetch: Fetch) -> None:
    """A button per version: the rows it changed against the base, as CSV.

    Args:
        fetch: Gives the CSV for the refs of base and other.
    """
    others = view.judged[1:]
    if not others:
        return
    labels = view.evaluation.task == "classification"
    title = "Rows that were right and are now wrong" if labels else "Rows whose error grew most"
    place = st.expander(title, key="evaluation.rows", on_change="rerun")
    if not place.open:
        return
    with place:
        if view.evaluation.dataset_id is None:
            st.caption("The rows have been deleted; only the figures are left.")
            return
        base = text.escape(view.base.name, 60)
        said = (
            "Right by {} and wrong by another version, as CSV: at most 100,000 rows or 24 MB, and "
            "a last line that says how many more there are."
            if labels
            else "Further off than by {}: the 1,000 rows whose error grew most, in their own order."
        )
        st.caption(said.format(base))
        with st.container(horizontal=True, gap="small"):
            for other in others:
                _one(view, other, fetch)


def _one(view: View, other: Judged, fetch: Fetch) -> None:
    """First a button that makes the file, then in its place the one that saves it."""
    asked = (view.evaluation.id, view.base.ref, other.ref)
    pair = view.pair(other)
    n_broken = pair.n_broken if pair else 0
    if pair and pair.test == "mcnemar" and not n_broken:
        st.button(f"{text.escape(other.name, 40)}: none", key=f"rows.{other.id}", disabled=True)
        return
    count = f" ({n_broken:,})" if n_broken else ""
    kept, made = st.session_state.get(_READY, (None, b""))
    if kept != asked:
        label = f"Collect rows of {text.escape(other.name, 40)}{count}"
        if st.button(label, key=f"evaluation.collect.{other.id}", icon=":material/rule:"):
            with notices.shown(stop=False), st.spinner("Collecting the rows"):
                st.session_state[_READY] = (asked, fetch(view.base.ref, other.ref))
                st.rerun()
        return
    st.download_button(
        f"Download rows of {text.escape(other.name, 40)}{count}", made, mime="text/csv",
        file_name=f"changed by {other.name}.csv", icon=":material/download:", type="primary",
        key=f"evaluation.download.{other.id}", on_click="ignore",
    )  # fmt: skip

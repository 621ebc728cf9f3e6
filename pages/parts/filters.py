"""Filters that live in the address: drop-downs, days, words and page numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import text


def choice(
    place: DeltaGenerator,
    where: str,
    label: str,
    name: str,
    options: Sequence[str],
    *,
    none: str = "all",
    disabled: bool = False,
    drops: Sequence[str] = (),
) -> str:
    """A drop-down that follows the address; "" for no choice.

    Args:
        where: The page, with which the widget's key begins.
        drops: Other parameters that make no sense after a change.
    """
    key, said = f"{where}.{name}", st.query_params.get(name, "")
    chosen = said if said in options else None
    _sync(key, chosen)
    place.selectbox(
        label, list(options), index=None, key=key, placeholder=none, disabled=disabled,
        format_func=lambda value: text.clean(value, 60), on_change=keep, args=(name, key, drops),
    )  # fmt: skip
    return chosen or ""


def day(place: DeltaGenerator, where: str, label: str, name: str) -> date | None:
    """A day that follows the address."""
    key = f"{where}.{name}"
    try:
        said = date.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        said = None
    _sync(key, said)
    place.date_input(label, value=None, key=key, on_change=keep, args=(name, key))
    return said


def words(place: DeltaGenerator, where: str, label: str, name: str, hint: str = "") -> str:
    """A text that follows the address."""
    key, said = f"{where}.{name}", st.query_params.get(name, "")[:100]
    _sync(key, said)
    place.text_input(
        label, key=key, placeholder=hint, max_chars=100, autocomplete="off", on_change=keep,
        args=(name, key),
    )  # fmt: skip
    return said


def page() -> int:
    """The page number in the address, from 1."""
    said = st.query_params.get("p", "1")
    return int(said) if said.isascii() and said.isdigit() and 0 < len(said) < 7 else 1


def pages(place: DeltaGenerator, where: str, number: int, n_pages: int) -> None:
    """The other pages, when there are any."""
    if n_pages > 1:
        now = min(number, n_pages)
        key = f"{where}.p.{now}"
        place.pagination(
            n_pages, default=now, key=key, on_change=keep, args=("p", key), width="stretch"
        )


def keep(name: str, key: str, drops: Sequence[str] = ()) -> None:
    """Write a widget's value into the address; a new filter starts at the first page."""
    value = st.session_state[key]
    if value and (name, value) != ("p", 1):
        st.query_params[name] = str(value)
    else:
        st.query_params.pop(name, None)
    for other in (*drops, *(() if name == "p" else ("p",))):
        st.query_params.pop(other, None)


def clear(names: Sequence[str]) -> None:
    """Take filters away."""
    for name in names:
        st.query_params.pop(name, None)


def _sync(key: str, value: object) -> None:
    """The address is the truth: the widget follows it, also after a link or the back button."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value

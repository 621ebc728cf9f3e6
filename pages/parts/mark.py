"""The mark: a lit glass case on its pedestal."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_ASSETS = Path(__file__).parent / "assets"
ICON = (_ASSETS / "mark.svg").read_text("utf-8")
_LOGO = (_ASSETS / "logo.svg").read_text("utf-8")


def corner() -> None:
    """Mark and name in the corner of the sidebar; the mark alone while it is closed."""
    st.logo(_LOGO, size="large", icon_image=ICON)


def large() -> None:
    """Mark and name above the sign-in card."""
    with st.container(horizontal_alignment="center", gap="xsmall"):
        st.image(ICON, width=64)
        st.subheader("Vitrine", anchor=False, text_alignment="center", width="content")
        st.caption("A model registry you can look into", width="content")


def look() -> None:
    """What the theme cannot say."""
    st.html(_ASSETS / "frame.css")

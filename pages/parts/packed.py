"""What came out of a zip package beside the model, as the upload form shows it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import cards, text
from registry import metric_files, packages
from registry.errors import SeveralModels
from registry.records import Draft

_KINDS = {
    "model": "Model",
    "config": "Configuration",
    "requirements": "Requirements",
    "sample": "Sample rows",
    "data": "Data set",
    "code": "Code",
    "card": "Card",
    "license": "License",
}


def show(draft: Draft) -> None:
    """Each file of the package and what it was taken for; nothing for a plain file."""
    told = _told(draft)
    if not told:
        return
    cards.section("From the package", "Every file in it was looked at; nothing was run.")
    members = told.get("members", {})
    taken = {}
    for key, name in members.items():
        kind, _, number = key.partition(":")
        taken[f"{_KINDS.get(kind, kind)} {number}".strip()] = name
    left = told.get("left out", [])
    cards.facts({"Package": package(draft), **taken, "Left out": text.listing(left)})


def choose(found: object, draft_id: str) -> None:
    """Ask which model of a package is meant; nothing for what is no such package."""
    if not isinstance(found, SeveralModels):
        return
    key = f"upload.{draft_id}.which"
    name = st.radio("Model", found.names, format_func=text.escape, key=f"{key}.radio")
    st.caption("The others are left out: drop the package once more to publish another of them.")
    if st.button("Take this one", key=f"{key}.take", type="primary"):
        st.session_state[f"{key}.chosen"] = name
        st.session_state["upload.drafts"].pop(draft_id, None)
        st.rerun()


def chosen(draft_id: str) -> str:
    """Path of the model that was chosen, "" before."""
    return str(st.session_state.get(f"upload.{draft_id}.which.chosen", ""))


def files(draft: Draft) -> dict[str, str]:
    """Kind to staged id of what is published with the model."""
    found = _told(draft).get("files", {})
    return {str(key): str(value) for key, value in found.items()}


def package(draft: Draft) -> str:
    """Name of the package, "" when it was a plain file."""
    return str(_told(draft).get("name", ""))


def name(draft: Draft, kind: str) -> str:
    """Name of the package's file of a kind, "" without one."""
    return str(_told(draft).get("members", {}).get(kind, ""))


def metrics(draft: Draft) -> tuple[str, str]:
    """Staged id and name of the package's file of metrics; both "" without one."""
    told = _told(draft)
    for key, name in told.get("members", {}).items():
        if metric_files.NAME.fullmatch(str(name).rpartition("/")[2]):
            return str(told.get("files", {}).get(key, "")), str(name)
    return "", ""


def card(draft: Draft) -> str:
    """The readme, as the first words of the card."""
    return str(_told(draft).get("card", ""))


def _told(draft: Draft) -> dict[str, Any]:
    told = draft.inspection.details.get(packages.KEPT)
    return told if isinstance(told, dict) else {}

"""Take a version away as one zip: a package of chosen parts, an MLflow model, a hub repository."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import streamlit as st

from pages.parts import cards, notices, text, travel
from registry import access, exports
from registry.core import Registry
from registry.exports import PARTS, What
from registry.records import Actor, Model, Version

_PARTS = {
    "weights": "Weights",
    "code": "Code",
    "config": "Configuration",
    "requirements": "Requirements",
    "data": "Data sets",
    "card": "Readme and license",
}
_FORMS: dict[What, tuple[str, str, str]] = {
    "package": (
        "Package",
        "With a card (README.md) and a manifest (vitrine.json): digests, schema, metrics.",
        ":material/deployed_code:",
    ),
    "mlflow": (
        "MLflow model",
        "A folder that `mlflow.pyfunc.load_model` loads.",
        ":material/experiment:",
    ),
    "hub": (
        "Hub repository",
        "Files and a card with license, tags and metrics as model hubs read them.",
        ":material/hub:",
    ),
}


def menu(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """The button with the three forms; each a download, or a link for somebody else."""
    may_not = access.allowed(actor, model.level, "model.download")
    with st.popover("Export", icon=":material/ios_share:", key="model.export"):
        what = st.radio(
            "Export as", list(_FORMS), format_func=lambda w: _FORMS[w][0], key="export.what",
            captions=[_FORMS[w][1] for w in _FORMS],
        )  # fmt: skip
        parts, chosen = _choose(version) if what == "package" else ((), True)
        why = may_not or exports.why_not(version, what) or ("" if chosen else "tick a part first")
        with st.container(horizontal=True):
            st.link_button(
                "Download", _url(version, what, parts), icon=":material/download:",
                type="primary", disabled=bool(why), help=text.escape(why) or None,
            )  # fmt: skip
            pressed = cards.action("Copy link", why, key="export.link", icon=":material/link:")
        if why:
            st.caption(text.escape(f"Not possible: {why}.", 400))
        if pressed:
            with notices.shown(stop=False):
                token = exports.link(reg, actor, version.ref, what, parts)
                st.code(f"{travel.origin()}/x/{token}", language=None, wrap_lines=True)
                hours = reg.settings.link_expiry_s / 3600
                st.caption(f"Whoever has it can download the zip, for {hours:g} h.")


def _choose(version: Version) -> tuple[tuple[str, ...], bool]:
    """The parts that are ticked, () for all; and whether any is."""
    kinds = {artifact.kind for artifact in version.artifacts}
    there = [part for part, found in PARTS.items() if kinds & {*found}]
    ticked = st.pills(
        "Parts", there, selection_mode="multi", default=there, key=f"export.parts.{version.id}",
        format_func=_PARTS.__getitem__,
    )  # fmt: skip
    return (() if len(ticked) == len(there) else tuple(ticked)), bool(ticked)


def _url(version: Version, what: What, parts: Sequence[str]) -> str:
    asked = f"?{urlencode([('part', part) for part in parts])}" if parts else ""
    return f"/exports/{quote(version.model)}/{version.number}/{what}{asked}"

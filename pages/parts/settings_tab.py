"""The Settings tab: what the model is called, who may see it, who owns it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import cards, drafts, gate_editor, hooks, keeping_choice, notices, text, travel
from registry import access, models
from registry.core import Registry
from registry.records import LEVELS, Actor, Model

_MAY = (
    "view: look, predict, download. edit: also add and change versions. "
    "manage: also share, hand over, trash."
)


def show(reg: Registry, actor: Actor, model: Model) -> None:
    """What it is called at the left, who may do what at the right."""
    left, right = st.columns(2, gap="large")
    with left:
        _describe(reg, actor, model)
    with right:
        _visibility(reg, actor, model)
        _sharing(reg, actor, model)
        _transfer(reg, actor, model)
        keeping_choice.editor(reg, actor, model)
    gate_editor.show(reg, actor, model)
    hooks.of_model(reg, actor, model)


def _describe(reg: Registry, actor: Actor, model: Model) -> None:
    """Name, sentence, task, license and tags; the address stays."""
    why = access.allowed(actor, model.level, "model.edit")
    cards.section("About", f"The address {text.escape(model.ref)} stays when the name changes.")
    with st.form("settings.about", border=False):
        name = st.text_input("Name", model.name, max_chars=100, disabled=bool(why))
        description = st.text_input(
            "One sentence", model.description, max_chars=300, disabled=bool(why)
        )
        task = _one("Task", drafts.TASKS, model.task, why)
        licensed = _one("License", drafts.LICENSES, model.license, why)
        tags = st.multiselect(
            "Tags", list(model.tags), list(model.tags), accept_new_options=True, disabled=bool(why)
        )
        saved = st.form_submit_button(
            "Save", type="primary", disabled=bool(why), help=text.escape(why) or None
        )
    if saved:
        with notices.shown(stop=False):
            models.edit(
                reg, actor, model.ref, name=name or "", description=description or "",
                task=task, license=licensed, tags=tags,
            )  # fmt: skip
            cards.done("Saved")


def _one(label: str, known: Sequence[str], now: str, why: str) -> str:
    options = list(dict.fromkeys([*known, *([now] if now else [])]))
    index = options.index(now) if now else None
    chosen = st.selectbox(
        label, options, index=index, accept_new_options=True, disabled=bool(why), placeholder="none"
    )
    return chosen or ""


def _visibility(reg: Registry, actor: Actor, model: Model) -> None:
    why = access.allowed(actor, model.level, "model.publish")
    public = model.visibility == "public"
    said = "Everyone signed in can see it and predict." if public else "Only you and those below."
    cards.section("Who may see it", said)
    if cards.action(
        "Make private" if public else "Publish to everyone", why, key="settings.visible"
    ):
        with notices.shown(stop=False):
            change = models.make_private if public else models.publish_to_all
            change(reg, actor, model.ref)
            cards.done("It is private now" if public else "Everyone signed in can see it now")


def _sharing(reg: Registry, actor: Actor, model: Model) -> None:
    why = access.allowed(actor, model.level, "model.share")
    cards.section("Shared with")
    if why:
        st.caption(text.escape(f"Only managers see this: {why}."))
        return
    for grant in access.grants(reg, actor, model.ref):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{text.escape(grant.username)}** {cards.chip(grant.level)}", width="stretch"
            )
            if st.button("Stop sharing", key=f"settings.unshare.{grant.username}", type="tertiary"):
                with notices.shown(stop=False):
                    access.unshare(reg, actor, model.ref, grant.username)
                    cards.done(f"No longer shared with {grant.username}")
    with st.form("settings.share", border=False):
        row = st.container(horizontal=True, vertical_alignment="bottom")
        username = row.text_input("User name", key="settings.share.user")
        level = row.selectbox("May", LEVELS, key="settings.level", help=_MAY, width=130)
        shared = row.form_submit_button("Share")
    if shared:
        with notices.shown(stop=False):
            access.share(reg, actor, model.ref, (username or "").strip(), level)
            cards.done(f"Shared with {username}")


def _transfer(reg: Registry, actor: Actor, model: Model) -> None:
    why = access.allowed(actor, model.level, "model.transfer")
    with st.expander("Hand over to another owner", icon=":material/swap_horiz:"):
        st.caption("The address changes with the owner; links to the old one stop working.")
        username = st.text_input("New owner", key="settings.transfer.user")
        if cards.action("Hand over", why, key="settings.transfer"):
            with notices.shown(stop=False):
                moved = models.transfer(reg, actor, model.ref, (username or "").strip())
                st.toast(text.escape(f"Now {moved.ref}"), icon=":material/check_circle:")
                travel.go("model.py", {"name": moved.ref})

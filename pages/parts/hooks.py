"""Webhooks of a model or of a person: what there is, a new one, a test, what was told last."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, notices, text
from registry import access, deliveries, webhooks
from registry.core import Registry
from registry.records import Actor, Delivery, Model, Webhook

_SECRET = "hooks.secret"
_USUAL = ("version.ready", "version.failed", "version.quarantined", "alias.moved", "gate.refused")
_STATE = {
    "waiting": ("blue", ":material/progress_activity:"),
    "delivered": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
}
_ABOUT = "An address is told of events with a signed POST."


def of_model(reg: Registry, actor: Actor, model: Model) -> None:
    """In the model's settings, for those who manage it."""
    cards.section("Webhooks", f"{_ABOUT} Those of this model.")
    if why := access.allowed(actor, model.level, "webhook.edit"):
        st.caption(text.escape(f"Only managers see this: {why}."))
        return
    _list(reg, actor, model.ref)


def of_person(reg: Registry, actor: Actor, width: int) -> None:
    """On the account page: of all models that the person may see."""
    with st.container(border=True, width=width):
        cards.section("Webhooks", f"{_ABOUT} Those of all models that you may see.")
        _list(reg, actor, "")


def _list(reg: Registry, actor: Actor, model: str) -> None:
    for hook in webhooks.find(reg, actor, model):
        _one(reg, actor, hook)
    off = "" if reg.settings.webhooks else webhooks.OFF
    if cards.action("New webhook", off, key=f"hooks.new.{model}", icon=":material/add:"):
        make(reg, actor, model)


def _one(reg: Registry, actor: Actor, hook: Webhook) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{text.escape(hook.url, 90)}**")
        st.caption(text.escape(f"{', '.join(hook.events)} · by {hook.by}", 400))
        if hook.disabled:
            st.markdown(f":red-badge[:material/block: Off] {text.escape(hook.disabled, 200)}")
        with st.container(horizontal=True):
            _buttons(reg, actor, hook)
        _told(reg, actor, hook)


def _buttons(reg: Registry, actor: Actor, hook: Webhook) -> None:
    why = "" if reg.settings.webhooks else webhooks.OFF
    if hook.disabled:
        if cards.action("Switch on", why, key=f"hooks.on.{hook.id}"):
            with notices.shown(stop=False):
                webhooks.enable(reg, actor, hook.id)
                cards.done("It is told again from now on")
    elif cards.action("Send a test", why, key=f"hooks.test.{hook.id}", icon=":material/send:"):
        with notices.shown(stop=False):
            deliveries.ping(reg, actor, hook.id)
            cards.done("The test is on its way")
    if st.button("Remove", key=f"hooks.off.{hook.id}", type="tertiary"):
        with notices.shown(stop=False):
            webhooks.remove(reg, actor, hook.id)
            cards.done("It is told nothing more")


def _told(reg: Registry, actor: Actor, hook: Webhook) -> None:
    """The last deliveries; looked at again while one waits."""
    found = deliveries.find(reg, actor, hook.id)
    trying = any(one.state == "waiting" and one.tries == 0 for one in found)
    st.fragment(_lines, run_every=1.0 if trying else None)(reg, actor, hook.id, trying)


def _lines(reg: Registry, actor: Actor, webhook_id: str, trying: bool) -> None:
    with notices.shown():
        found = deliveries.find(reg, actor, webhook_id)
    for one in found:
        _line(one)
    if not found:
        st.caption("Nothing was told yet.")
    if trying and not any(one.state == "waiting" and one.tries == 0 for one in found):
        st.rerun()


def _line(one: Delivery) -> None:
    colour, icon = _STATE[one.state]
    said = [f"HTTP {one.answered}"] if one.answered else []
    said += [f"“{one.said}”"] if one.said and one.state != "delivered" else []
    said += [text.count(one.tries, "try", "tries")] if one.tries > 1 else []
    about = text.escape(" · ".join([*said, text.ago(one.created_at)]), 300)
    st.markdown(
        f":{colour}-badge[{icon} {one.state}] {text.escape(one.event)} :small[:gray[{about}]]"
    )


def _forget() -> None:
    st.session_state.pop(_SECRET, None)


@st.dialog("New webhook", on_dismiss=_forget)
def make(reg: Registry, actor: Actor, model: str) -> None:
    """Asks where and of what, then shows the secret, once."""
    place = st.empty()
    if not st.session_state.get(_SECRET):
        with place.container():
            if made := _asked(reg, actor, model):
                st.session_state[_SECRET] = made
    if secret := st.session_state.get(_SECRET):
        with place.container():
            _once(secret)


def _asked(reg: Registry, actor: Actor, model: str) -> str:
    """The form; the secret once it is made."""
    with st.form("hooks.form", border=False):
        url = st.text_input("Address", placeholder="https://", key="hooks.url")
        chosen = st.multiselect("Events", list(webhooks.EVENTS), [*_USUAL], key="hooks.events")
        sent = st.form_submit_button("Make webhook", type="primary")
    if sent:
        with notices.shown(stop=False):
            return webhooks.add(reg, actor, url or "", chosen, model)[1]
    return ""


def _once(secret: str) -> None:
    about = "With it the receiver checks `webhook-signature`, as Standard Webhooks describes."
    if cards.shown_once(secret, about, key="hooks.stored"):
        _forget()
        st.rerun()

"""The cards of the account page."""

from __future__ import annotations

import streamlit as st

from pages.parts import authenticator, notices, text, who
from registry import accounts
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor

WIDTH = 640
_SAID = "account.said"
_PASSWORD = {"Form name": "Password", "Reset": "Change password"}


def profile(reg: Registry, actor: Actor) -> None:
    """Name and e-mail."""
    _said()
    with st.form("account.profile", width=WIDTH):
        st.subheader("Profile")
        name = st.text_input("Name", actor.name, max_chars=100, autocomplete="name")
        email = st.text_input("E-mail", actor.email, max_chars=254, autocomplete="email")
        sent = st.form_submit_button("Save profile", type="primary")
    if sent:
        with notices.shown(stop=False):
            accounts.update_profile(reg, actor, name, email)
            _say("Your profile is saved.")


def password() -> None:
    """Change the password, in the package's widget."""
    actor = who.current()
    if actor is None:
        return
    with st.container(width=WIDTH), notices.shown(stop=False), authenticator.in_our_words():
        changed = authenticator.Authenticate().reset_password(
            actor.username, fields=_PASSWORD, key="account.password", clear_on_submit=True
        )
        if changed:
            _say("Your password is changed. Every other session is signed out.")


def sessions(reg: Registry, actor: Actor, session_id: str) -> None:
    """Sign out in other browsers."""
    with st.container(border=True, width=WIDTH):
        st.subheader("Sessions")
        st.write("Signed in on a machine you no longer use? End every session but this one.")
        if st.button("Sign out everywhere else", key="account.everywhere"):
            with notices.shown(stop=False):
                n = accounts.sign_out_everywhere(reg, actor, session_id)
                _say(f"{n} other {'session is' if n == 1 else 'sessions are'} signed out.")


def farewell(reg: Registry, actor: Actor) -> None:
    """Delete the account."""
    with st.form("account.delete", width=WIDTH):
        st.subheader("Delete account")
        st.write(
            "Your account and your private models go for good; nothing of them can be restored. "
            "Models that are shared, public or in production must be transferred first."
        )
        typed = st.text_input(
            f"Type your user name, {text.escape(actor.username)}", autocomplete="off"
        )
        secret = st.text_input("Password", type="password", autocomplete="current-password")
        sent = st.form_submit_button("Delete my account", icon=":material/delete_forever:")
    if sent:
        with notices.shown(stop=False):
            if typed.strip() != actor.username:
                raise InvalidInput({"user name": f"must be typed as {actor.username}"})
            accounts.delete_account(reg, actor, secret)
            who.leave()
            who.forget_cookie()
            st.rerun()


def _say(sentence: str) -> None:
    """Run again with fresh data, and say there what was done."""
    st.session_state[_SAID] = sentence
    st.rerun()


def _said() -> None:
    if sentence := st.session_state.pop(_SAID, ""):
        st.toast(text.escape(sentence), icon=":material/check:")

"""The one card an anonymous person sees: sign in, register, first admin, new password."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from pages.parts import authenticator, cookie, mark, notices, who
from registry import accounts
from registry.core import Registry
from registry.errors import InvalidInput

_WIDTH = 440
_MODE = "sign_in.mode"
_WAS_FIRST = "sign_in.was_first"  # this tab was offered to create the administrator
_LOGIN = {"Form name": "Sign in", "Username": "User name", "Login": "Sign in"}
_REGISTER = {
    "First name": "First name",
    "Last name": "Last name",
    "Email": "E-mail",
    "Username": "User name",
    "Repeat password": "Repeat password",
}


def card() -> None:
    """Show the card that fits, in the middle of an otherwise empty page."""
    reg = who.registry()
    with (
        st.container(horizontal_alignment="center", key="sign_in"),
        st.container(width=_WIDTH, key="sign_in.card"),
    ):
        mark.large()
        if accounts.needs_first_admin(reg):
            st.session_state[_WAS_FIRST] = True
            _first_admin(reg)
            return
        if st.session_state.get(_WAS_FIRST):
            st.info(
                "Somebody has created the first account already. Nothing you entered was kept.",
                icon=":material/info:",
            )
        if st.session_state.get(who.ENDED):
            st.info("Your session has ended. Sign in again.", icon=":material/lock_clock:")
        mode = st.session_state.get(_MODE, "sign in")
        {"register": _register, "reset": _reset}.get(mode, _sign_in)(reg)


def _sign_in(reg: Registry) -> None:
    with notices.shown(stop=False), authenticator.in_our_words():
        authenticator.Authenticate().login(fields=_LOGIN, key="sign_in.login")
    _go_in()
    links = {"reset": "Forgot your password?"}
    if reg.settings.registration != "closed":
        links["register"] = "Create an account"
    _links(links)


def _register(reg: Registry) -> None:
    make = partial(accounts.register, reg, address=cookie.address())
    if reg.settings.registration == "invite":
        make = partial(make, code=_code("Invitation", "Whoever invited you has it."))
    _registration("Create an account", "Create account", make)
    _links({"sign in": "Sign in instead"})


def _first_admin(reg: Registry) -> None:
    make = partial(accounts.create_first_admin, reg, loopback=cookie.is_local())
    st.markdown(
        "Nobody has an account here yet. The first one is the **administrator**.",
        text_alignment="center",
    )
    if not cookie.is_local():
        make = partial(make, setup_code=_code("Set-up code", "It stands in the server's log."))
    _registration("Create the administrator", "Create administrator", make)


def _registration(title: str, button: str, make: Callable[..., object]) -> None:
    fields = {"Form name": title, "Register": button, **_REGISTER}
    with notices.shown(stop=False), authenticator.in_our_words():
        authenticator.Authenticate(make).register_user(  # type: ignore[arg-type]
            fields=fields, captcha=False, password_hint=False, key="sign_in.register"
        )
    _go_in()


def _reset(reg: Registry) -> None:
    with st.form("sign_in.reset"):
        st.subheader("Choose a new password")
        st.caption("No mail is sent from here. Ask an administrator for a one-time code.")
        code = st.text_input("One-time code", autocomplete="one-time-code")
        new = st.text_input("New password", type="password", autocomplete="new-password")
        again = st.text_input("Repeat password", type="password", autocomplete="new-password")
        sent = st.form_submit_button("Set password", type="primary", width="stretch")
    if sent:
        with notices.shown(stop=False):
            if new != again:
                raise InvalidInput({"repeat password": "is not the same as the new password"})
            who.open_session(accounts.reset_with(reg, code, new, cookie.address()))
    _go_in()
    _links({"sign in": "Back to sign in"})


def _code(label: str, help_text: str) -> str:
    return st.text_input(label, help=help_text, key="sign_in.code", autocomplete="one-time-code")


def _links(modes: dict[str, str]) -> None:
    with st.container(horizontal=True, horizontal_alignment="center"):
        for mode, label in modes.items():
            key = f"sign_in.to.{mode}"
            st.button(label, key=key, type="tertiary", on_click=_switch, args=(mode,))


def _switch(mode: str) -> None:
    st.session_state[_MODE] = mode
    st.session_state.pop(_WAS_FIRST, None)


def _go_in() -> None:
    """Once signed in, run again: the page that was asked for takes the card's place."""
    if st.session_state.get("authentication_status"):
        st.session_state.pop(_MODE, None)
        st.session_state.pop(_WAS_FIRST, None)
        st.rerun()

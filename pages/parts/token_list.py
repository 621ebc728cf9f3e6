"""The API tokens of the account page: what there is, a new one, and the end of one."""

from __future__ import annotations

import math
from datetime import timedelta

import streamlit as st

from pages.parts import cards, notices, text
from registry import policy, tokens
from registry.core import Registry
from registry.records import Actor, Token
from registry.tables import now

_SECRET = "account.token.secret"
_ABOUT = {
    "search": "Look at models",
    "download": "Download files",
    "predict": "Ask for predictions",
    "upload": "Upload and change",
    "delete": "Delete",
}


def show(reg: Registry, actor: Actor, width: int) -> None:
    """All tokens of the person, each with the button that ends it."""
    found = tokens.find(reg, actor)
    live = [token for token in found if not token.why_over(now())]
    with st.container(border=True, width=width):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("API tokens")
            st.link_button("What the API can do", "/api/v1/docs", type="tertiary")
            if found and st.button("New token", key="account.token.new", icon=":material/add:"):
                make(reg, actor)
        if not found:
            about = "A token lets a script ask for predictions in your name, without your password."
            with cards.empty("No token yet", about, icon="key"):
                if st.button("New token", key="account.token.new", type="primary"):
                    make(reg, actor)
            return
        for token in found:
            _line(reg, actor, token)
        st.caption("Changing your password ends sessions, not tokens: revoke those here.")
        if len(live) > 1 and st.button("Revoke all", key="account.token.revoke_all"):
            end_all(reg, actor, len(live))


def _line(reg: Registry, actor: Actor, token: Token) -> None:
    over = token.why_over(now())
    with st.container(horizontal=True, vertical_alignment="top", border=False):
        with st.container(gap="xsmall"):
            badge = f" :gray-badge[{over}]" if over else ""
            st.markdown(f"**{text.escape(token.name, 100)}** `{token.prefix}…`{badge}")
            st.caption(" · ".join(_facts(token, over)))
        if not over and st.button("Revoke", key=f"account.token.{token.id}", type="tertiary"):
            end_one(reg, actor, token)


def _facts(token: Token, over: str) -> list[str]:
    days = math.ceil((token.expires_at - now()) / timedelta(days=1))
    ends = "today" if days < 2 else f"in {text.count(days, 'day')}"
    until = [] if over else [f"{text.count(token.calls_left, 'call')} left", f"expires {ends}"]
    used = f"last used {text.ago(token.last_used_at)}" if token.last_used_at else "never used"
    return [", ".join(token.permissions), *until, used]


def _forget() -> None:
    st.session_state.pop(_SECRET, None)


@st.dialog("New API token", on_dismiss=_forget)
def make(reg: Registry, actor: Actor) -> None:
    """Asks what it may, then shows the secret, once."""
    if secret := st.session_state.get(_SECRET):
        _once(secret)
        return
    place = st.empty()
    with place.container():
        made = _asked(reg, actor)
    if made:
        st.session_state[_SECRET] = made
        with place.container():
            _once(made)


def _asked(reg: Registry, actor: Actor) -> str:
    """The form; the secret of the token once it is made."""
    may = [p for p in tokens.PERMISSIONS if p in policy.permissions(actor)]
    with st.form("account.token", border=False):
        name = st.text_input("What is it for?", max_chars=100, placeholder="Nightly scoring")
        chosen = st.pills(
            "It may", may, selection_mode="multi", default=["predict"], key="account.token.may",
            format_func=_ABOUT.__getitem__,
        )  # fmt: skip
        left, right = st.columns(2)
        days = left.number_input("Days until it expires", 1, tokens.MOST_DAYS, tokens.DAYS)
        calls = right.number_input("Calls", 1, tokens.MOST_CALLS, tokens.CALLS, step=100)
        sent = st.form_submit_button("Make token", type="primary")
    if sent:
        with notices.shown(stop=False):
            return tokens.create(reg, actor, name or "", chosen, int(days), int(calls))[1]
    return ""


def _once(secret: str) -> None:
    about = "Keep it like a password, in a variable `VITRINE_TOKEN`, never in a notebook."
    if cards.shown_once(secret, about, key="account.token.stored"):
        _forget()
        st.rerun()


@st.dialog("Revoke a token")
def end_one(reg: Registry, actor: Actor, token: Token) -> None:
    """Says what stops working."""
    st.markdown(f"**{text.escape(token.name, 100)}** `{token.prefix}…`")
    st.write("What uses it is refused from now on. This cannot be taken back.")
    if st.button("Revoke", type="primary", key="account.token.sure"):
        with notices.shown(stop=False):
            tokens.revoke(reg, actor, token.id)
            cards.done(f"{token.name} is revoked")


@st.dialog("Revoke all tokens")
def end_all(reg: Registry, actor: Actor, n: int) -> None:
    """Says what stops working."""
    st.write(f"What uses any of your {n} tokens is refused from now on. This cannot be taken back.")
    if st.button("Revoke all", type="primary", key="account.token.sure_all"):
        with notices.shown(stop=False):
            cards.done(f"{text.count(tokens.revoke_all(reg, actor), 'token')} revoked")

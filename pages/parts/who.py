"""Who is signed in in this tab: kept by the server, read anew at every run."""

from __future__ import annotations

import secrets
from datetime import timedelta

import streamlit as st

from pages.parts import cookie
from registry import accounts
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor
from registry.tables import now
from registry.web import handle

ID, TICKET, FORGET, ENDED = "session.id", "session.ticket", "session.forget", "session.ended"
_GIVE_UP_AFTER = timedelta(seconds=60)


def registry() -> Registry:
    """The process-wide registry."""
    return handle.get()


def current() -> Actor | None:
    """The person of this tab; None when nobody is signed in, or no longer."""
    session_id = st.session_state.get(ID)
    if not session_id:
        return _from_cookie()
    actor = recalled(accounts.by_session, registry(), session_id)
    if actor is None:
        leave(ended=True)
    return actor


def enter(actor: Actor, session_id: str) -> None:
    """Put a person into this tab, under the names that streamlit-authenticator uses."""
    st.session_state.update(
        {
            ID: session_id,
            "authentication_status": True,
            "username": actor.username,
            "name": actor.name,
            "email": actor.email,
            "roles": [actor.role],
            "logout": None,
        }
    )
    st.session_state.pop(FORGET, None)


def open_session(actor: Actor) -> None:
    """Start a session for a person who just proved who they are; the cookie follows."""
    session_id, ticket = accounts.open_session(registry(), actor)
    enter(actor, session_id)
    st.session_state[TICKET] = (ticket, now())


def leave(*, ended: bool = False) -> None:
    """Empty this tab. The cookie of the handshake stays readable, so it is not tried again.

    Args:
        ended: The session ended elsewhere (signed out, expired, password changed).
    """
    for key in list(st.session_state):
        del st.session_state[key]
    st.session_state.update({"authentication_status": None, "logout": True, ENDED: ended})


def forget_cookie() -> None:
    """Let the browser drop its cookie, once, at the next run."""
    st.session_state[FORGET] = secrets.token_hex(8)


def keep_cookie() -> None:
    """Hand the browser its cookie, or make it drop it; called once in every run."""
    if request := st.session_state.get(FORGET):
        cookie.forget(request)
    pending = st.session_state.get(TICKET)
    if not pending:
        return
    ticket, since = pending
    redeemed = accounts.redeemed(registry(), st.session_state[ID])
    if redeemed or now() - since > _GIVE_UP_AFTER:
        del st.session_state[TICKET]
    else:
        cookie.fetch(ticket)


def _from_cookie() -> Actor | None:
    if st.session_state.get("logout"):
        return None
    found = accounts.by_token(registry(), cookie.token())
    if found is None:
        return None
    enter(*found)
    return found[0]

"""The door of every page: who asks, and whether they may."""

from __future__ import annotations

import streamlit as st

from pages.parts import notices, who
from registry import policy
from registry.core import Registry
from registry.errors import Forbidden, NotSignedIn
from registry.records import Actor

current = who.current
registry = who.registry


def require(permission: str) -> tuple[Registry, Actor]:
    """The registry and the signed-in person; the first statement of every page.

    Ends the run when nobody is signed in or their role lacks the permission, so that a page
    refuses even when it is run without the frame.
    """
    actor = who.current()
    with notices.shown():
        if actor is None:
            raise NotSignedIn("Open the start page and sign in.")
        if why := policy.why_no(actor, permission):
            raise Forbidden(f"{why}. Ask an administrator to change it.")
        return who.registry(), actor
    raise AssertionError("unreachable")


def session_id() -> str:
    """The id of this tab's session."""
    return str(st.session_state[who.ID])

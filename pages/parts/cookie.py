"""The session cookie, as far as a page can touch it: a component that asks the server for it.

A script run cannot set cookies, and scripts must never see this one. So the browser posts a
one-time ticket and the server answers with an HttpOnly cookie.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from registry.web import cookie as names
from registry.web import peer

_SCRIPT = """
const asked = new Set()
export default function (component) {
  const { data, setTriggerValue } = component
  if (asked.has(data.request)) return
  asked.add(data.request)
  const headers = data.method === "POST" ? { "X-Vitrine-Ticket": data.request } : {}
  fetch(data.path, { method: data.method, headers, credentials: "same-origin" })
    .then((answer) => setTriggerValue("answered", answer.status))
    .catch(() => asked.delete(data.request))
}
"""
_COMPONENT = "vitrine_session_cookie"


def token() -> str:
    """The session token the browser sent when it connected, "" when there is none."""
    https = _text(st.context.headers.get("Origin")).startswith("https:")
    return _text(st.context.cookies.get(names.name(https)))


def address() -> str:
    """The network address at the other end, as the server sees it; "" when not known."""
    return _text(st.context.headers.get(peer.ADDRESS))


def is_local() -> bool:
    """Whether the person sits at this machine."""
    return _text(st.context.headers.get(peer.LOCAL)) == "1"


def fetch(ticket: str) -> None:
    """Let the browser swap the ticket for its cookie; keep calling until it is redeemed."""
    _mount({"method": "POST", "request": ticket, "path": _path()}, key="cookie.fetch")


def forget(request: str) -> None:
    """Let the browser drop its cookie, once for each `request`."""
    _mount({"method": "DELETE", "request": request, "path": _path()}, key="cookie.forget")


def _path() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/auth/session" if base else "/auth/session"


def _mount(data: dict[str, Any], key: str) -> None:
    mount = st.components.v2.component(_COMPONENT, js=_SCRIPT)
    mount(key=key, data=data, height=0, on_answered_change=lambda: None)


def _text(value: object) -> str:
    """Only text: outside a real connection Streamlit gives stand-ins."""
    return value if isinstance(value, str) else ""

"""Who is at the other end of a page's connection, as the server itself sees it.

Streamlit's own `st.context.ip_address` can be spoofed; these two headers cannot, because
whatever the browser sent under their names is removed.
"""

from __future__ import annotations

from ipaddress import ip_address

from starlette.types import Scope

from registry.web import cookie

ADDRESS, LOCAL = "x-vitrine-address", "x-vitrine-local"
_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
_HERE = ("localhost", "127.0.0.1", "[::1]")


def marked(scope: Scope) -> Scope:
    """The connection with our two headers: the address, and whether it is this machine."""
    ours = (ADDRESS.encode(), LOCAL.encode())
    headers = [(k, v) for k, v in scope["headers"] if k not in ours]
    came_from = address(scope)
    headers.append((ours[0], came_from.encode()))
    if _is_local(scope, came_from):
        headers.append((ours[1], b"1"))
    return {**scope, "headers": headers}


def address(scope: Scope) -> str:
    """Where a connection comes from, "" when that is no network address."""
    client = scope.get("client")
    try:
        return str(ip_address(client[0])) if client else ""
    except ValueError:
        return ""


def _is_local(scope: Scope, came_from: str) -> bool:
    """A direct connection from this machine to a name of this machine: no proxy, no rebinding."""
    if not came_from or not ip_address(came_from).is_loopback:
        return False
    if any(cookie.header(scope, name) for name in _FORWARDED):
        return False
    host = cookie.header(scope, b"host")
    return host.rpartition(":")[0] in _HERE or host in _HERE

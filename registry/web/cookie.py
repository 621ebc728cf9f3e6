"""The session cookie: its name, its attributes and who it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from starlette.responses import Response
from starlette.types import Scope

from registry import sessions
from registry.core import Registry
from registry.records import Actor

PLAIN_NAME = "vitrine-session"
SECURE_NAME = f"__Host-{PLAIN_NAME}"


def name(https: bool) -> str:
    """On https the prefix keeps sibling hosts from planting a cookie."""
    return SECURE_NAME if https else PLAIN_NAME


def put(response: Response, token: str, *, https: bool, max_age_s: int) -> None:
    """Hand the token to the browser, out of reach of scripts."""
    response.set_cookie(
        name(https), token, max_age=max_age_s, path="/", httponly=True, secure=https, samesite="lax"
    )


def drop(response: Response, *, https: bool) -> None:
    """Make the browser forget the token."""
    response.delete_cookie(name(https), path="/", httponly=True, secure=https, samesite="lax")


def is_https(scope: Scope) -> bool:
    """Whether the browser came over TLS; the server trusts its proxy's word for it."""
    return scope.get("scheme") in ("https", "wss")


def header(scope: Scope, wanted: bytes) -> str:
    """The first value of a request header, "" when absent."""
    headers: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())
    return next((v.decode("latin-1") for k, v in headers if k == wanted), "")


def token_of(scope: Scope) -> str:
    """The token the browser sent, "" when there is none."""
    try:
        jar = SimpleCookie(header(scope, b"cookie"))
    except CookieError:
        return ""
    morsel = jar.get(name(is_https(scope)))
    return morsel.value if morsel else ""


def holder(reg: Registry, scope: Scope) -> tuple[Actor, str] | None:
    """The actor and the session behind a request, None for an anonymous one."""
    return sessions.by_token(reg, token_of(scope))

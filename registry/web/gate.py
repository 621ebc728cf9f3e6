"""The upload gate: files go to disk as they arrive, and only from those who may upload.

Streamlit would keep every uploaded byte in memory, and take it from anybody. The gate stands
before its upload route, streams the file to staging and hands Streamlit a tiny file of the same
name whose content is a signed pointer; `pages.parts.uploads` turns that back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry import policy, staging
from registry.core import Registry
from registry.errors import Forbidden, InvalidInput, NotFound, NotSignedIn, RegistryError, TooLarge
from registry.records import Actor, Staged
from registry.web import answers, cookie, handle
from registry.web.multipart import OnePart, boundary_of

_UPLOADS = "/_stcore/upload_file/"
_BLOCK = 1 << 20
_FRAMING = 1 << 16


class Gone(Exception):
    """The browser went away in the middle."""


class UploadGate:
    """ASGI middleware; `get` gives the registry at request time."""

    def __init__(self, app: ASGIApp, get: Callable[[], Registry] = handle.get) -> None:
        self.app = app
        self.get = get

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gated = scope["type"] == "http" and _UPLOADS in scope["path"]
        if not gated or scope["method"] not in ("PUT", "POST"):
            await self.app(scope, receive, send)
            return
        reg = self.get()
        try:
            actor = await to_thread.run_sync(_admit, reg, scope)
            staged, content_type, body = await _take(reg, actor, scope, receive)
        except Gone:
            return
        except RegistryError as error:
            answer = answers.refusal(error)
            answer.headers["connection"] = "close"
            await answer(scope, receive, send)
            return
        accepted = False

        async def watched(message: Message) -> None:
            nonlocal accepted
            if message["type"] == "http.response.start":
                accepted = message["status"] < 300
            await send(message)

        # Streamlit now checks its own session and XSRF token; what it refuses is not kept.
        try:
            await self.app(_shrunk(scope, content_type, body), _replayed(body, receive), watched)
        finally:
            if not accepted:
                with suppress(NotFound):
                    await to_thread.run_sync(staging.discard, reg, actor, staged.id)


def _admit(reg: Registry, scope: Scope) -> Actor:
    """Who uploads, before a byte of the body is read.

    Raises:
        NotSignedIn: Nobody is signed in.
        Forbidden: Their role may not upload, or the request comes from another site.
        TooLarge: The announced size is above the limit.
    """
    found = cookie.holder(reg, scope)
    if found is None:
        raise NotSignedIn("sign in to upload")
    if why := policy.why_not(found[0], None, "file.stage"):
        raise Forbidden(why)
    # Another site cannot add this header; Streamlit compares its value with its cookie later.
    if not cookie.header(scope, b"x-xsrftoken"):
        raise Forbidden("the upload did not come from this site")
    length = cookie.header(scope, b"content-length")
    if length.isdigit() and int(length) > reg.settings.max_upload_bytes + _FRAMING:
        raise TooLarge(f"the file is larger than the limit of {reg.settings.max_upload_mb} MB")
    return found[0]


async def _take(
    reg: Registry, actor: Actor, scope: Scope, receive: Receive
) -> tuple[Staged, bytes, bytes]:
    """Stream the file to staging; gives it, and the content type and body to pass on."""
    incoming: list[staging.Incoming] = []

    def open_sink(filename: str) -> staging.Incoming:
        incoming.append(staging.receive(reg, actor, filename))
        return incoming[0]

    part = OnePart(boundary_of(cookie.header(scope, b"content-type")), open_sink)
    try:
        buffer, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            buffer += message.get("body", b"")
            more = message.get("more_body", False)
            if len(buffer) >= _BLOCK or not more:
                await to_thread.run_sync(part.feed, bytes(buffer))
                buffer.clear()
        if not incoming or not part.finished:
            raise InvalidInput({"file": "the upload ended too early; try again"})
        staged = await to_thread.run_sync(incoming[0].finish)
    finally:
        if incoming:
            incoming[0].abort()
    return staged, *part.wrap(staging.pointer(reg, staged, actor))


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, then listens to the browser as before."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _shrunk(scope: Scope, content_type: bytes, body: bytes) -> Scope:
    replaced = {b"content-type", b"content-length", b"transfer-encoding"}
    headers = [(k, v) for k, v in scope["headers"] if k not in replaced]
    headers += [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    return {**scope, "headers": headers}

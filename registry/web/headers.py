"""Security headers on every answer, and paths that are nobody's business."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.web import cookie, peer

# Streamlit compiles chart expressions and mounts components from blobs, so `script-src` cannot
# be stricter without breaking charts; inline scripts of a page are still refused but for the
# one its index.html carries, named by its hash.
_INDEX_SCRIPT = "'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='"
_POLICY = "; ".join(
    (
        "default-src 'self'",
        f"script-src 'self' blob: 'unsafe-eval' {_INDEX_SCRIPT}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
}
_CLOSED = ("/_stcore/metrics", "/_stcore/agent")
_DOWNLOADS = ("/artifacts/", "/d/", "/exports/", "/scorings/", "/x/")
_API_DOWNLOADS = ("/files/", "/export/", "/result")


class SecurityHeaders:
    """Adds the headers, hides metrics, marks who connects, and keeps downloads out of gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope = peer.marked(scope)
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for key, value in _HEADERS.items():
                    headers.setdefault(key, value)
                if cookie.is_https(scope):
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        if any(part in scope["path"] for part in _CLOSED):
            await PlainTextResponse("Not found", 404)(scope, receive, guarded)
            return
        if _is_download(scope["path"]):  # 16 times faster, and the length is known
            kept = [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]
            scope = {**scope, "headers": kept}
        await self.app(scope, receive, guarded)


def _is_download(path: str) -> bool:
    by_api = path.startswith("/api/") and any(part in path for part in _API_DOWNLOADS)
    return by_api or path.startswith(_DOWNLOADS)

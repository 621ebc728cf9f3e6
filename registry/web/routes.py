"""Routes beside the pages: the session cookie, downloads and health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from anyio import to_thread
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from registry import downloads, exports, scorings, sessions
from registry.errors import Forbidden, NotSignedIn, RegistryError
from registry.web import answers, cookie, handle
from registry.web.api import app as api
from registry.web.sending import Sent, streamed

TICKET_HEADER = "x-vitrine-ticket"
Endpoint = Callable[[Request], Awaitable[Response]]


def _polite(endpoint: Endpoint) -> Endpoint:
    """Answers a RegistryError with its status and its sentence."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except RegistryError as error:
            return answers.refusal(error)

    return answer


@_polite
async def _open_session(request: Request) -> Response:
    """Swap the ticket in the header for the cookie."""
    reg = handle.get()
    _need_same_site(request)
    token = await to_thread.run_sync(sessions.redeem, reg, request.headers.get(TICKET_HEADER, ""))
    response = Response(status_code=204, headers={"cache-control": "no-store"})
    age_s = int(reg.settings.session_max_h * 3600)
    cookie.put(response, token, https=cookie.is_https(request.scope), max_age_s=age_s)
    return response


@_polite
async def _close_session(request: Request) -> Response:
    """End the session of the cookie and make the browser forget it."""
    reg = handle.get()
    _need_same_site(request)
    found = await to_thread.run_sync(cookie.holder, reg, request.scope)
    if found:
        await to_thread.run_sync(sessions.sign_out, reg, found[1])
    response = Response(status_code=204, headers={"cache-control": "no-store"})
    cookie.drop(response, https=cookie.is_https(request.scope))
    return response


@_polite
async def _download(request: Request) -> Response:
    """The bytes of one artifact, for who may download its model."""
    reg = handle.get()
    found = await to_thread.run_sync(cookie.holder, reg, request.scope)
    if found is None:
        raise NotSignedIn("sign in to download this file")
    opened = await to_thread.run_sync(
        downloads.open_artifact, reg, found[0], request.path_params["id"]
    )
    return Sent(opened)


@_polite
async def _scored(request: Request) -> Response:
    """A scored file, for who had it scored."""
    reg = handle.get()
    found = await to_thread.run_sync(cookie.holder, reg, request.scope)
    if found is None:
        raise NotSignedIn("sign in to download this file")
    opened = await to_thread.run_sync(
        scorings.open_result, reg, found[0], request.path_params["id"]
    )
    return Sent(opened)


@_polite
async def _linked(request: Request) -> Response:
    """The bytes behind a signed link, for whoever holds it."""
    reg = handle.get()
    opened = await to_thread.run_sync(downloads.open_link, reg, request.path_params["token"])
    return Sent(opened)


@_polite
async def _export(request: Request) -> Response:
    """A version as one zip, for who may download its model."""
    reg, at = handle.get(), request.path_params
    found = await to_thread.run_sync(cookie.holder, reg, request.scope)
    if found is None:
        raise NotSignedIn("sign in to download this")
    ref, parts = f"{at['owner']}/{at['slug']}@{at['version']}", request.query_params.getlist("part")
    bundle = await to_thread.run_sync(exports.open_export, reg, found[0], ref, at["what"], parts)
    return streamed(bundle)


@_polite
async def _linked_export(request: Request) -> Response:
    """The zip behind a signed link, for whoever holds it."""
    reg = handle.get()
    return streamed(await to_thread.run_sync(exports.open_link, reg, request.path_params["token"]))


@_polite
async def _health(_request: Request) -> Response:
    """Whether the database answers."""
    reg = handle.get()

    def ping() -> None:
        with reg.reading() as s:
            s.execute(text("SELECT 1"))

    await to_thread.run_sync(ping)
    return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})


def _need_same_site(request: Request) -> None:
    """Refuse what another site's page sends.

    Raises:
        Forbidden: The browser says that the request comes from elsewhere.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("this must come from Vitrine's own pages")


ROUTES = [
    Route("/auth/session", _open_session, methods=["POST"]),
    Route("/auth/session", _close_session, methods=["DELETE"]),
    Route("/artifacts/{id}/download", _download, methods=["GET"]),
    Route("/scorings/{id}/result", _scored, methods=["GET"]),
    Route("/d/{token}", _linked, methods=["GET"]),
    Route("/exports/{owner}/{slug}/{version}/{what}", _export, methods=["GET"]),
    Route("/x/{token}", _linked_export, methods=["GET"]),
    Route("/healthz", _health, methods=["GET"]),
    api.MOUNT,
]

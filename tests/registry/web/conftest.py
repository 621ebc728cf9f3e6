"""A server around a real registry; behind the gate, what Streamlit's upload route would see."""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from registry import accounts, policy, tokens
from registry.core import Registry
from registry.records import Actor
from registry.web import cookie, handle
from registry.web.api.app import Straight
from registry.web.gate import UploadGate
from registry.web.headers import SecurityHeaders
from registry.web.routes import ROUTES

UPLOAD = "/_stcore/upload_file/session/file"
XSRF = {"x-xsrftoken": "token"}
T = TypeVar("T")


def run(function: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Run it in a thread: Playwright keeps a loop in ours when browser tests came before."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, function, *arguments).result()


class Client:
    """A browser without a screen: speaks to the app itself and keeps its cookies."""

    def __init__(
        self, app: ASGIApp, base_url: str = "http://testserver", *, raise_bugs: bool = True
    ) -> None:
        self._app, self._base_url, self._raise_bugs = app, base_url, raise_bugs
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=self._raise_bugs)
            async with httpx.AsyncClient(
                transport=transport, base_url=self._base_url, cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **what)
                self.cookies = client.cookies
                return answer

        return run(send)

    def get(self, path: str, **what: Any) -> httpx.Response:
        return self.request("GET", path, **what)

    def put(self, path: str, **what: Any) -> httpx.Response:
        return self.request("PUT", path, **what)

    def post(self, path: str, **what: Any) -> httpx.Response:
        return self.request("POST", path, **what)

    def delete(self, path: str, **what: Any) -> httpx.Response:
        return self.request("DELETE", path, **what)


@dataclass
class Behind:
    """What came through the gate."""

    status: int = 204
    files: list[tuple[str, bytes]] = field(default_factory=list)
    app: Starlette | None = None

    async def put(self, request: Request) -> Response:
        async with request.form() as form:
            for value in form.values():
                assert isinstance(value, UploadFile)
                self.files.append((value.filename or "", await value.read()))
        return Response(status_code=self.status)


@pytest.fixture
def behind(reg: Registry) -> Iterator[Behind]:
    behind = Behind()

    async def metrics(request: Request) -> Response:
        return Response("secret figures")

    behind.app = Starlette(
        routes=[
            *ROUTES,
            Route("/_stcore/upload_file/{session}/{file}", behind.put, methods=["PUT"]),
            Route("/_stcore/metrics", metrics),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(Straight), Middleware(UploadGate)],
    )
    handle.use(reg)
    yield behind
    handle.use(None)


@pytest.fixture
def client(behind: Behind) -> Client:
    assert behind.app
    return Client(behind.app)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem details of an answer that is one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    assert said["type"].startswith("urn:vitrine:problem:")
    assert said["title"]
    assert said["detail"]
    return said


@dataclass
class Api:
    """Somebody's calls by a token that may do all that a token may."""

    client: Client
    secret: str

    def __call__(self, method: str, path: str, *, kind: str = "", **what: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.secret}"} if self.secret else {}
        headers |= {"content-type": kind} if kind else {}
        headers |= what.pop("headers", {})
        address = path if path.startswith("/api") else f"/api/v1{path}"
        return self.client.request(method, address, headers=headers, **what)

    def ok(self, method: str, path: str, status: int = 200, **what: Any) -> Any:
        """The data of an answer that is one."""
        answer = self(method, path, **what)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def api_of(client: Client, reg: Registry) -> Callable[[Actor], Api]:
    """A person's way into the API."""

    def make(actor: Actor) -> Api:
        may = [p for p in tokens.PERMISSIONS if p in policy.permissions(actor)]
        return Api(client, tokens.create(reg, actor, "tests", may)[1])

    return make


@pytest.fixture
def api(api_of: Callable[[Actor], Api], alice: Actor) -> Api:
    return api_of(alice)


@pytest.fixture
def served(behind: Behind) -> Iterator[str]:
    """The address of a real server, on a port of its own, around the registry."""
    assert behind.app
    server = uvicorn.Server(uvicorn.Config(behind.app, port=0, log_level="warning", lifespan="off"))
    with socket.socket() as listening, ThreadPoolExecutor(1) as thread:
        listening.bind(("127.0.0.1", 0))
        running = thread.submit(server.run, [listening])
        while not server.started and not running.done():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True


def let_in(client: Client, reg: Registry, actor: Actor) -> str:
    """Give the client the cookie of a session of that actor; returns the session's id."""
    session_id, ticket = accounts.open_session(reg, actor)
    client.cookies.set(cookie.PLAIN_NAME, accounts.redeem(reg, ticket))
    return session_id

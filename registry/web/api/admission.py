"""Who may come in: the token before the body, a place per person, a turn among all.

Cookies count for nothing here, so that another site's page cannot ask in anybody's name. The
work is done in threads, a bounded number at once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from registry import logins, policy, rates, tokens
from registry.core import Registry
from registry.errors import Busy, Forbidden, NotFound, NotSignedIn, RateLimited
from registry.records import GUEST, Actor
from registry.web import handle, peer
from registry.web.api import bodies, documented

AT_ONCE, OPEN, OPEN_EACH = 16, 64, 4  # one person takes a quarter of the turns, not all
turns = CapacityLimiter(AT_ONCE)
_door = CapacityLimiter(4)  # tokens are looked at apart: slow answers keep nobody outside
under_way: Counter[str] = Counter()
"""Calls with a body under way, per person; touched by the event loop alone."""
P = ParamSpec("P")
T = TypeVar("T")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_CALLER = "vitrine.caller"
_NAMES = ("owner", "slug", "version", "alias", "username")


@dataclass(frozen=True)
class Caller:
    """Who asks, and the way to the doors."""

    reg: Registry
    actor: Actor
    address: str
    token: str = field(default="", repr=False)

    async def ask(
        self,
        door: Callable[Concatenate[Registry, Actor, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """What a door says to this caller."""
        return await self.run(lambda: door(self.reg, self.actor, *arguments, **named))

    async def run(self, work: Callable[[], T]) -> T:
        """Work done in a thread, as one of some at once."""
        return await to_thread.run_sync(work, limiter=turns)

    async def answer(
        self,
        shape: Any,
        work: Callable[[], Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """What the work gives, in its shape as JSON; written in the thread too."""
        return await self.run(lambda: written(shape, work(), status, headers))

    async def tell(
        self,
        shape: Any,
        door: Callable[Concatenate[Registry, Actor, P], Any],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> Response:
        """What a door says to this caller, as an answer of the API."""
        return await self.answer(shape, lambda: door(self.reg, self.actor, *arguments, **named))

    async def do(
        self,
        door: Callable[Concatenate[Registry, Actor, P], object],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> Response:
        """Let a door act; there is nothing to tell but that it did."""
        await self.ask(door, *arguments, **named)
        return Response(status_code=204, headers={"cache-control": "no-store"})


class Guarded(APIRoute):
    """A route that knows who asks before it reads what they send.

    The permission that a token needs stands in the description of the operation, as
    `x-permission`: "any" for whatever token, "none" for no token at all.
    """

    def get_route_handler(self) -> Handler:
        """The handler with admission before it."""
        inner = super().get_route_handler()

        async def with_json(request: Request) -> Response:
            bodies.need_json(request)
            with place(caller_of(request)):
                body = await bodies.read(request, bodies.SMALL)
                bodies.need_valid(body)
                return await inner(Request(request.scope, bodies.again(body)))

        permission = (self.openapi_extra or {})[documented.PERMISSION]
        return guarded(permission, with_json if self.body_field is not None else inner)


def guarded(permission: str, inner: Handler) -> Handler:
    """A handler of requests with admission before it; the caller is `caller_of(request)`."""

    async def admitted(request: Request) -> Response:
        caller = await _caller(request, permission)
        request.scope[_CALLER] = caller
        try:
            need_plain(request.path_params)
            return await inner(request)
        except RateLimited:
            await _free(caller)
            raise

    return admitted


def need_plain(address: Mapping[str, str]) -> None:
    """Refuse what a door would read as something else: a version in the place of a model.

    Raises:
        NotFound: A part has blanks around it, or `@` where only names are.
    """
    for part, said in address.items():
        if said != said.strip() or (part in _NAMES and "@" in said):
            raise NotFound(
                "there is nothing at this address: a model is owner/name, "
                "and its version stands in a place of its own"
            )


def caller_of(request: Request) -> Caller:
    """Who asks, as admission found out."""
    caller = request.scope[_CALLER]
    assert isinstance(caller, Caller)
    return caller


def router(tag: str) -> APIRouter:
    """A router whose routes are guarded, shown under one heading."""
    return APIRouter(route_class=Guarded, tags=[tag])


@contextmanager
def place(caller: Caller) -> Iterator[None]:
    """One of the calls under way, whose bodies are in memory or on their way to disk.

    Raises:
        Busy: There are too many, or too many of this person.
    """
    key = caller.actor.id or f"at {caller.address}"
    if under_way[key] >= OPEN_EACH or under_way.total() >= OPEN:
        raise Busy("too many calls are under way; send many rows in one call, or try again")
    under_way[key] += 1
    try:
        yield
    finally:
        under_way[key] -= 1
        if not under_way[key]:
            del under_way[key]


def written(
    shape: Any, said: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A record as JSON in the given shape; records are read by their attributes."""
    adapter = _adapter(shape)
    shaped = adapter.validate_python(said, from_attributes=True)
    try:
        body = adapter.dump_json(shaped, by_alias=True)
    except ValueError:  # half of a character pair, in what a file said
        body = json.dumps(adapter.dump_python(shaped, mode="json", by_alias=True)).encode()
    return Response(
        body, status, {"cache-control": "no-store", **(headers or {})}, media_type=bodies.JSON
    )


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(shape: Any) -> TypeAdapter[Any]:
    if shape not in _adapters:
        _adapters[shape] = TypeAdapter(shape)
    return _adapters[shape]


async def _caller(request: Request, permission: str) -> Caller:
    """Who asks, by what the header says.

    Raises:
        NotSignedIn: There is no valid token.
        Forbidden: It does not permit this, or has no calls left.
        RateLimited: There were too many calls within the last minute.
    """
    reg, address = handle.get(), peer.address(request.scope)
    if permission == "none":
        return Caller(reg, GUEST, address)
    kind, _, secret = request.headers.get("authorization", "").strip().partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise NotSignedIn("send a token from your account page: Authorization: Bearer vtr_…")
    wanted, secret = "" if permission == "any" else permission, secret.strip()
    is_token = not secret.startswith(logins.ACCESS)
    actor = await to_thread.run_sync(
        tokens.use if is_token else _signed_in, reg, secret, wanted, rates.spend_call, limiter=_door
    )
    return Caller(reg, actor, address, secret if is_token else "")


def _signed_in(
    reg: Registry, secret: str, permission: str, before: Callable[[Registry, Actor], object]
) -> Actor:
    actor = logins.by_access(reg, secret)
    if permission and (why := policy.why_no(actor, permission)):
        raise Forbidden(why)
    before(reg, actor)
    return actor


async def _free(caller: Caller) -> None:
    """A call that a limit refused costs its token nothing; the limits have counted it."""
    if caller.token:
        await to_thread.run_sync(tokens.give_back, caller.reg, caller.token, limiter=_door)


_bearer = HTTPBearer(auto_error=False, description="A token from the account page.")


def _by(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """Who asks; named here so that the description says how."""
    return caller_of(request)


By = Annotated[Caller, Depends(_by)]
Anybody = Annotated[Caller, Depends(caller_of)]

"""Signing in with a password, as on the page: the same counting, the same lock-out."""

from __future__ import annotations

from starlette.responses import Response

from registry import accounts, logins, policy
from registry.core import Registry
from registry.errors import Conflict
from registry.records import Actor, Login
from registry.web.api import admission
from registry.web.api.admission import Anybody
from registry.web.api.asked import Registration, SignIn, Spent
from registry.web.api.documented import may
from registry.web.api.said import LoginShape, Person

router = admission.router("auth")


@router.post(
    "/auth/register",
    summary="Register",
    response_model=Person,
    status_code=201,
    **may("none", 403, 409, body=True),
)
async def register(by: Anybody, who: Registration) -> Response:
    """An account, where registration is open, or with an invitation."""
    return await by.answer(Person, lambda: _registered(by.reg, who, by.address), 201)


def _registered(reg: Registry, who: Registration, address: str) -> dict[str, object]:
    if accounts.needs_first_admin(reg):
        raise Conflict("the first account is the administrator's: create it in the browser")
    return person(
        accounts.register(
            reg,
            username=who.username,
            name=who.name,
            email=who.email,
            password=who.password.get_secret_value(),
            code=who.invitation,
            address=address,
        )
    )


def person(actor: Actor) -> dict[str, object]:
    """What is told of who asks."""
    said = {"username": actor.username, "name": actor.name, "email": actor.email}
    return {**said, "role": actor.role, "permissions": sorted(policy.permissions(actor))}


@router.post(
    "/auth/login", summary="Sign in", response_model=LoginShape, **may("none", 401, body=True)
)
async def login(by: Anybody, who: SignIn) -> Response:
    """An access token for 15 minutes, and a refresh token that gets the next two.

    By an access token you may do all that your role may, also make tokens.
    """
    return await by.answer(LoginShape, lambda: _signed_in(by.reg, who, by.address))


def _signed_in(reg: Registry, who: SignIn, address: str) -> Login:
    password = who.password.get_secret_value()
    return logins.open_login(reg, accounts.sign_in(reg, who.username, password, address))


@router.post(
    "/auth/refresh",
    summary="Next access token",
    response_model=LoginShape,
    **may("none", 401, body=True),
)
async def refresh(by: Anybody, spent: Spent) -> Response:
    """A refresh token works once: used again, its login ends for everybody."""
    secret = spent.refresh.get_secret_value()
    return await by.answer(LoginShape, lambda: logins.refresh(by.reg, secret))


@router.post("/auth/logout", summary="Sign out", status_code=204, **may("none", body=True))
async def logout(by: Anybody, spent: Spent) -> Response:
    """The login of the refresh token ends, with its access tokens; a second time is harmless."""
    secret = spent.refresh.get_secret_value()
    await by.run(lambda: logins.end(by.reg, secret))
    return Response(status_code=204, headers={"cache-control": "no-store"})

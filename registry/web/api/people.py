"""Who asks, and what is theirs: tokens, jobs, audit lines. Accounts, for administrators. Health."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from starlette.responses import Response

from registry import accounts, activity, job_lists, jobs, tokens
from registry.core import Registry
from registry.records import Actor
from registry.web.api import admission, signing_in
from registry.web.api.admission import Anybody, By
from registry.web.api.asked import TokenWish
from registry.web.api.cursors import At, Cut, Listed
from registry.web.api.documented import may
from registry.web.api.said import AuditShape, Health, JobShape, NewToken, Person, TokenShape

router = admission.router("people")


@router.get("/health", summary="Health", response_model=Health, **may("none"))
async def health(by: Anybody) -> Response:
    """Whether the server and its database answer; for anybody."""
    return await by.tell(Health, _healthy)


def _healthy(reg: Registry, _actor: Actor) -> dict[str, str]:
    with reg.reading() as s:
        s.execute(text("SELECT 1"))
    return {"status": "ok"}


@router.get("/me", summary="Who I am", response_model=Person, **may("any"))
async def me(by: By) -> Response:
    """The person behind the token, and what it permits."""
    return admission.written(Person, signing_in.person(by.actor))


@router.get("/me/audit", summary="What I did", response_model=Listed[AuditShape], **may("search"))
async def audit_lines(by: By, at: At) -> Response:
    """Your own audit lines and those of models you may see, newest first."""
    return await by.tell(Listed[AuditShape], _lines, at)


def _lines(reg: Registry, actor: Actor, at: Cut) -> dict[str, Any]:
    return at.page(reg, activity.find(reg, actor, page=at.number, size=at.size, after=at.after))


@router.get("/tokens", summary="My tokens", response_model=Listed[TokenShape], **may("token.make"))
async def my_tokens(by: By, at: At) -> Response:
    """Your tokens, newest first; only after signing in with a password, not by a token."""
    return await by.answer(
        Listed[TokenShape],
        lambda: at.slice(
            by.reg,
            tokens.find(by.reg, by.actor),
            key=lambda token: [token.created_at.isoformat(timespec="microseconds"), token.id],
        ),
    )


@router.post(
    "/tokens",
    summary="Make a token",
    response_model=NewToken,
    status_code=201,
    **may("token.make", 409, body=True),
)
async def make(by: By, wish: TokenWish) -> Response:
    """For scripts; its secret is told once. Only after signing in with a password."""
    return await by.answer(NewToken, lambda: _made(by.reg, by.actor, wish), 201)


def _made(reg: Registry, actor: Actor, wish: TokenWish) -> dict[str, Any]:
    told = (wish.name, wish.permissions, wish.days, wish.calls)
    token, secret = tokens.create(reg, actor, *told)
    return {"token": token, "secret": secret}


@router.delete(
    "/tokens/{token_id}", summary="Revoke a token", status_code=204, **may("token.make", 404)
)
async def revoke(by: By, token_id: str) -> Response:
    """End a token of yours at once; only after signing in with a password, not by a token."""
    return await by.do(tokens.revoke, token_id)


@router.get("/jobs", summary="My jobs", response_model=Listed[JobShape], **may("search"))
async def my_jobs(by: By, at: At) -> Response:
    """Background work you started, newest first."""
    return await by.tell(Listed[JobShape], _jobs, at)


def _jobs(reg: Registry, actor: Actor, at: Cut) -> dict[str, Any]:
    return at.page(reg, job_lists.find(reg, actor, after=at.after, size=at.size))


@router.get("/jobs/{job_id}", summary="One job", response_model=JobShape, **may("any", 404))
async def job(by: By, job_id: str) -> Response:
    """How far a job of yours is."""
    return await by.tell(JobShape, job_lists.get, job_id)


@router.delete("/jobs/{job_id}", summary="Cancel a job", status_code=204, **may("any", 404, 409))
async def cancel(by: By, job_id: str) -> Response:
    """Stop a job of yours before its next step; one that is over stays as it is."""
    return await by.do(jobs.cancel, job_id)


@router.post(
    "/users/{username}/disable",
    summary="Lock an account out",
    status_code=204,
    **may("people.govern", 404, 409),
)
async def disable(by: By, username: str) -> Response:
    """End its sessions, logins and jobs; for administrators who signed in with a password."""
    return await by.do(accounts.set_disabled, username, True)


@router.post(
    "/users/{username}/enable",
    summary="Let an account in again",
    status_code=204,
    **may("people.govern", 404, 409),
)
async def enable(by: By, username: str) -> Response:
    """For administrators who signed in with a password."""
    return await by.do(accounts.set_disabled, username, False)

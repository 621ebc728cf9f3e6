"""Accounts and the whole house, for administrators who signed in with a password."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from registry import accounts, governing, quotas, system
from registry.records import Role
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.cursors import At, Listed
from registry.web.api.documented import may
from registry.web.api.shapes import AccountShape, Code, QuotaShape, SystemShape
from registry.web.api.wanted import PermissionsTold, QuotaTold, RoleTold

router = admission.router("users")
_ONE = "/users/{username}"


@router.get(
    "/users", summary="Accounts", response_model=Listed[AccountShape], **may("people.govern")
)
async def find(
    by: By,
    at: At,
    q: Annotated[str, Query(max_length=200, description="In user name, name or e-mail.")] = "",
    role: Role | None = None,
) -> Response:
    """By user name."""
    reg, wanted = by.reg, role or ""
    return await by.answer(
        Listed[AccountShape],
        lambda: at.page(
            reg, governing.find(reg, by.actor, q, role=wanted, page=at.number, size=at.size)
        ),
    )


@router.get(_ONE, summary="One account", response_model=AccountShape, **may("people.govern", 404))
async def get(by: By, username: str) -> Response:
    """With what it keeps and may keep."""
    return await by.tell(AccountShape, governing.get, username)


@router.delete(_ONE, summary="Delete an account", status_code=204, **may("people.govern", 404, 409))
async def remove(
    by: By,
    username: str,
    heir: Annotated[
        str, Query(max_length=64, description="Who gets the models; left out, they are deleted.")
    ] = "",
) -> Response:
    """For good; 409 where others rely on a model and there is no heir."""
    return await by.do(governing.remove, username, heir)


@router.put(
    _ONE + "/role",
    summary="Change a role",
    response_model=AccountShape,
    **may("people.govern", 404, 409, body=True),
)
async def set_role(by: By, username: str, told: RoleTold) -> Response:
    """At once also for open sessions and tokens."""
    return await by.tell(AccountShape, governing.set_role, username, told.role)


@router.put(
    _ONE + "/permissions",
    summary="Take single permissions away, or give them back",
    response_model=AccountShape,
    **may("people.govern", 404, 409, body=True),
)
async def permit(by: By, username: str, told: PermissionsTold) -> Response:
    """Leaves just these of the role, at once also for open sessions and tokens."""
    return await by.tell(AccountShape, governing.permit, username, told.permissions)


@router.put(
    _ONE + "/quota",
    summary="Limit what somebody may keep",
    response_model=AccountShape,
    **may("people.govern", 404, body=True),
)
async def set_quota(by: By, username: str, told: QuotaTold) -> Response:
    """What is there already stays."""
    return await by.tell(AccountShape, governing.set_quota, username, **told.model_dump())


@router.post(
    _ONE + "/reset-code",
    summary="Code for a new password",
    response_model=Code,
    status_code=201,
    **may("people.govern", 404),
)
async def reset_code(by: By, username: str) -> Response:
    """To hand to the person, who chooses the password with it within 24 hours."""
    return await by.answer(
        Code, lambda: {"code": accounts.reset_code(by.reg, username, by.actor)}, 201
    )


@router.post(
    "/invitations",
    summary="Invite somebody",
    response_model=Code,
    status_code=201,
    **may("people.govern"),
)
async def invite(by: By) -> Response:
    """A code with which one person can register within 7 days."""
    return await by.answer(Code, lambda: {"code": accounts.invite(by.reg, by.actor)}, 201)


@router.get("/me/quota", summary="What I may keep", response_model=QuotaShape, **may("any"))
async def quota(by: By) -> Response:
    """What you keep here, and how much you may."""
    return await by.tell(QuotaShape, quotas.get)


@router.get("/system", summary="The installation", response_model=SystemShape, **may("system.look"))
async def look(by: By) -> Response:
    """Counts, sizes, libraries, and which layers of the fence stand."""
    return await by.tell(SystemShape, system.look)

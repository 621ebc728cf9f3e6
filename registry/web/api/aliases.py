"""Moving aliases: a version has to meet the gate's rules, or somebody says why it may anyway."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from registry import aliases
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.asked import AliasMove, Rollback
from registry.web.api.documented import may
from registry.web.api.said import AliasMoveShape

router = admission.router("aliases")


@router.put(
    "/models/{owner}/{slug}/aliases/{alias}",
    summary="Move an alias",
    response_model=AliasMoveShape,
    **may("alias.move", 404, 409, body=True),
)
async def move(by: By, owner: str, slug: str, alias: str, to: AliasMove) -> Response:
    """Let an alias point at a version; 409 names the rules that it does not meet."""
    ref, why = f"{owner}/{slug}@{to.version}", to.override_reason
    return await by.tell(AliasMoveShape, aliases.move, ref, alias, to.reason, override_reason=why)


@router.delete(
    "/models/{owner}/{slug}/aliases/{alias}",
    summary="Remove an alias",
    response_model=AliasMoveShape,
    **may("alias.move", 404),
)
async def remove(
    by: By,
    owner: str,
    slug: str,
    alias: str,
    reason: Annotated[str, Query(max_length=1_000)] = "",
) -> Response:
    """It points nowhere then; its history stays."""
    return await by.tell(AliasMoveShape, aliases.remove, f"{owner}/{slug}", alias, reason)


@router.post(
    "/models/{owner}/{slug}/aliases/{alias}/rollback",
    summary="Roll an alias back",
    response_model=AliasMoveShape,
    **may("alias.move", 404, 409, body=True),
)
async def rollback(by: By, owner: str, slug: str, alias: str, why: Rollback) -> Response:
    """Back to the version it pointed at before its last move."""
    over = why.override_reason
    return await by.tell(
        AliasMoveShape,
        aliases.rollback,
        f"{owner}/{slug}",
        alias,
        why.reason,
        override_reason=over,
    )

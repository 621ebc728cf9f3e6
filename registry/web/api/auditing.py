"""The audit: filtered, in pages, as a file, and whether its chain is whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from registry import audit_lines, system
from registry.core import Registry
from registry.records import Actor, AuditFilter
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.cursors import At, Cut, Listed
from registry.web.api.documented import may
from registry.web.api.said import AuditShape
from registry.web.api.shapes import Actions, Chain

router = admission.router("audit")
_TYPES: dict[audit_lines.Kind, str] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
_FILE: dict[str, Any] = {"content": {t: {"schema": {"type": "string"}} for t in _TYPES.values()}}
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime | None, Query(ge=_FIRST, le=_LAST)]
Word = Annotated[str, Query(max_length=400)]


def _wanted(
    who: Annotated[Word, Query(description="User name.", examples=["alice"])] = "",
    action: Annotated[
        Word, Query(description="Exactly; all that begin so when it ends in a dot.")
    ] = "",
    text: Annotated[Word, Query(description="Anywhere in the subject.")] = "",
    since: Moment = None,
    until: Annotated[Moment, Query(description="Exclusive.")] = None,
) -> AuditFilter:
    return AuditFilter(who, action, text, since, until)


Wanted = Annotated[AuditFilter, Depends(_wanted)]


@router.get("/audit", summary="Audit lines", response_model=Listed[AuditShape], **may("search"))
async def find(by: By, at: At, wanted: Wanted) -> Response:
    """Newest first. All for administrators who signed in with a password, else as `/me/audit`."""
    return await by.tell(Listed[AuditShape], _found, wanted, at)


def _found(reg: Registry, actor: Actor, wanted: AuditFilter, at: Cut) -> dict[str, Any]:
    return at.page(
        reg,
        audit_lines.find(reg, actor, wanted, page=at.number, size=at.size, after=at.after),
    )


@router.get(
    "/audit/actions", summary="Actions of audit lines", response_model=Actions, **may("search")
)
async def actions(by: By) -> Response:
    """Of those lines that you may read, by name."""
    return await by.answer(Actions, lambda: {"items": audit_lines.actions(by.reg, by.actor)})


@router.get(
    "/audit/export",
    summary="Audit lines as a file",
    response_class=Response,
    **may("search", answers={200: {"description": "The newest lines, oldest first.", **_FILE}}),
)
async def export(by: By, wanted: Wanted, kind: audit_lines.Kind = "csv") -> Response:
    """At most 100,000, as CSV in which no cell is a formula, or as one JSON object a line."""
    body = await by.ask(audit_lines.export, wanted, kind)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="audit.{kind}"',
    }
    return Response(body, media_type=_TYPES[kind], headers=headers)


@router.get(
    "/audit/verify", summary="Verify the audit", response_model=Chain, **may("people.govern")
)
async def verify(
    by: By,
    head: Annotated[
        str, Query(max_length=100, description="What this said once: nothing was cut off since.")
    ] = "",
) -> Response:
    """Look at every line; for administrators who signed in with a password."""
    return await by.tell(Chain, system.verify_audit, head)

"""Versions on their way out as one zip: a package, an MLflow model, a repository of a model hub."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from registry import exports
from registry.exports import What
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.documented import may
from registry.web.api.shapes import Link
from registry.web.sending import streamed

router = admission.router("exports")
_WHERE = "/models/{owner}/{slug}/versions/{version}/export/{what}"
_BYTES = {"schema": {"type": "string", "contentMediaType": "application/zip"}}
_ZIP: dict[str, Any] = {"content": {"application/zip": _BYTES}}
Parts = Annotated[
    tuple[str, ...],
    Query(
        max_length=10,
        description=f"Of a package: {', '.join(exports.PARTS)}. Left out: all.",
        examples=[["weights", "config"]],
    ),
]


@router.get(
    _WHERE,
    summary="Export a version",
    response_class=Response,
    **may(
        "model.download", 404, 409, 502, 504,
        answers={200: {"description": "A zip of known length.", **_ZIP}},
    ),
)  # fmt: skip
async def export(
    by: By, owner: str, slug: str, version: str, what: What, part: Parts = ()
) -> Response:
    """One zip, each file hashed on its way; an answer short of its length is not whole."""
    ref = f"{owner}/{slug}@{version}"
    return streamed(await by.ask(exports.open_export, ref, what, part))


@router.post(
    _WHERE + "/link",
    summary="Link to an export",
    response_model=Link,
    status_code=201,
    **may("model.download", 404),
)
async def link(
    by: By, owner: str, slug: str, version: str, what: What, part: Parts = ()
) -> Response:
    """A signed link that downloads the zip without a token, for a while."""
    ref = f"{owner}/{slug}@{version}"
    return await by.answer(
        Link,
        lambda: {
            "path": f"/x/{exports.link(by.reg, by.actor, ref, what, part)}",
            "expires_in_s": by.reg.settings.link_expiry_s,
        },
        201,
    )

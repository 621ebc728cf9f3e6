"""Changing versions: what is said about them, never their files; the trash."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from registry import lineage, metrics, versions
from registry.core import Registry
from registry.records import Actor, Version
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.asked import Metrics, VersionEdit
from registry.web.api.documented import may
from registry.web.api.said import Freed, VersionWhole
from registry.web.api.wanted import ParentTold

router = admission.router("versions")


@router.patch(
    "/models/{owner}/{slug}/versions/{version}",
    summary="Edit a version",
    response_model=VersionWhole,
    **may("version.edit", 404, 409, body=True),
)
async def edit(by: By, owner: str, slug: str, version: str, change: VersionEdit) -> Response:
    """Change what is said about it, or its lifecycle; the file stays as it is."""
    return await by.tell(VersionWhole, _edited, f"{owner}/{slug}@{version}", change)


def _edited(reg: Registry, actor: Actor, ref: str, change: VersionEdit) -> Version:
    told: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set}
    told |= {"schema": told.pop("takes")} if "takes" in told else {}
    if change.metrics is not None:
        told["metrics"] = [metric.record() for metric in change.metrics]
    return versions.edit(reg, actor, ref, **told)


@router.post(
    "/models/{owner}/{slug}/versions/{version}/metrics",
    summary="Log metrics",
    response_model=VersionWhole,
    **may("version.edit", 404, body=True),
)
async def log(by: By, owner: str, slug: str, version: str, more: Metrics) -> Response:
    """Add metrics, or replace those of the same name and data set."""
    return await by.tell(VersionWhole, _logged, f"{owner}/{slug}@{version}", more)


def _logged(reg: Registry, actor: Actor, ref: str, more: Metrics) -> Version:
    metrics.log(reg, actor, ref, [metric.record() for metric in more.metrics])
    return versions.changed(reg, actor, ref)


@router.post(
    "/models/{owner}/{slug}/versions/{version}/parents",
    summary="Say what a version derives from",
    status_code=204,
    **may("version.edit", 404, 409, body=True),
)
async def link(by: By, owner: str, slug: str, version: str, told: ParentTold) -> Response:
    """409 when the parent derives from the version itself."""
    return await by.do(lineage.link, f"{owner}/{slug}@{version}", told.parent, told.relation)


@router.delete(
    "/models/{owner}/{slug}/versions/{version}/parents",
    summary="Take a parent off a version",
    status_code=204,
    **may("version.edit", 404),
)
async def unlink(
    by: By,
    owner: str,
    slug: str,
    version: str,
    parent: Annotated[str, Query(max_length=300, examples=["alice/iris@2"])],
) -> Response:
    """The parent itself stays as it is."""
    return await by.do(lineage.unlink, f"{owner}/{slug}@{version}", parent)


@router.delete(
    "/models/{owner}/{slug}/versions/{version}",
    summary="Put a version into the trash",
    status_code=204,
    **may("version.trash", 404, 409),
)
async def trash(by: By, owner: str, slug: str, version: str) -> Response:
    """Restorable until purged; refused while an alias points at it or versions derive from it."""
    return await by.do(versions.trash, f"{owner}/{slug}@{version}")


@router.post(
    "/models/{owner}/{slug}/versions/{version}/restore",
    summary="Take a version out of the trash",
    response_model=VersionWhole,
    **may("version.restore", 404, 409),
)
async def restore(by: By, owner: str, slug: str, version: str) -> Response:
    """By its number."""
    return await by.tell(VersionWhole, versions.restore, f"{owner}/{slug}@{version}")


@router.post(
    "/models/{owner}/{slug}/versions/{version}/purge",
    summary="Delete a trashed version for good",
    response_model=Freed,
    **may("version.purge", 404, 409),
)
async def purge(by: By, owner: str, slug: str, version: str) -> Response:
    """By its number, which is never used again."""
    ref = f"{owner}/{slug}@{version}"
    return await by.answer(Freed, lambda: {"freed_bytes": versions.purge(by.reg, by.actor, ref)})

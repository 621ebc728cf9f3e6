"""Whether a model can be relied on: its license against others, its scorecard."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from registry import license_checks, models, scorecard
from registry.core import Registry
from registry.records import Actor, LicenseCheck
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.documented import may
from registry.web.api.shapes import Licenses, LicenseShape, ScorecardShape
from registry.web.api.wanted import Project

router = admission.router("trust")


@router.get(
    "/models/{owner}/{slug}/versions/{version}/licenses",
    summary="Licenses of a version and its parents",
    response_model=Licenses,
    **may("model.read", 404),
)
async def of_parents(by: By, owner: str, slug: str, version: str) -> Response:
    """Whether what the version derives from may go on under its license; no legal advice."""
    return await by.tell(Licenses, _licenses, f"{owner}/{slug}@{version}")


def _licenses(reg: Registry, actor: Actor, ref: str) -> dict[str, Any]:
    parents = license_checks.of_parents(reg, actor, ref)
    return {"license": models.get(reg, actor, ref).license, "parents": parents}


@router.post(
    "/models/{owner}/{slug}/license-check",
    summary="Check a model's license against a project's",
    response_model=LicenseShape,
    **may("model.read", 404, 502, body=True),
)
async def for_project(by: By, owner: str, slug: str, project: Project) -> Response:
    """By the project's SPDX expression, the text of its LICENSE, or a link; no legal advice."""
    return await by.tell(LicenseShape, _checked, f"{owner}/{slug}", project)


def _checked(reg: Registry, actor: Actor, model: str, project: Project) -> LicenseCheck:
    theirs = project.license
    if project.text:
        theirs = license_checks.known_text(project.text, "text")
    if project.link:
        theirs = license_checks.behind_link(reg, actor, project.link)
    return license_checks.for_project(reg, actor, model, theirs, project.use)


@router.get(
    "/models/{owner}/{slug}/versions/{version}/scorecard",
    summary="Scorecard of a version",
    response_model=ScorecardShape,
    **may("model.read", 404, 502),
)
async def scores(
    by: By,
    owner: str,
    slug: str,
    version: str,
    links: Annotated[
        bool, Query(description="Look at the link to its code too, where fetching is turned on.")
    ] = False,
) -> Response:
    """Each measure with its evidence and how long it took; what was not measured says why."""
    door = scorecard.with_links if links else scorecard.of_version
    return await by.tell(ScorecardShape, door, f"{owner}/{slug}@{version}")

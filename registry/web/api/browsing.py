"""Reading: models, their versions, metrics, lineage, comparisons."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response

from registry import aliases, compare, lineage, models, search, versions
from registry.core import Registry
from registry.records import Actor, ModelQuery
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.cursors import At, Cut, Listed
from registry.web.api.documented import may
from registry.web.api.said import (
    Aliases,
    ComparisonShape,
    Lineage,
    MetricShape,
    ModelShape,
    ModelWhole,
    VersionShape,
    VersionWhole,
)

router = admission.router("models")
Sort = Literal["updated", "name", "created", "versions", "metric"]
Several = Annotated[tuple[str, ...], Query(max_length=50)]
_REF = "As in `alice/iris@3`, `alice/iris@production` or `alice/iris`."


@router.get(
    "/models", summary="Find models", response_model=Listed[ModelShape], **may("model.list")
)
async def find(
    by: By,
    at: At,
    q: Annotated[
        str,
        Query(
            max_length=500,
            description="Words, `key:value` filters and comparisons, as in the search box.",
            examples=["churn metric.f1>0.9"],
        ),
    ] = "",
    sort: Sort = "updated",
    framework: Several = (),
    format: Several = (),
    task: Several = (),
    status: Several = (),
    alias: Several = (),
    tag: Several = (),
    owner: Several = (),
    license: Several = (),
    trash: Annotated[bool, Query(description="Those in the trash that you manage.")] = False,
) -> Response:
    """Models you may see. Values of one filter are joined by OR (tags by AND), filters by AND."""
    typed = search.parse(q)
    chosen: dict[str, Any] = {
        "frameworks": framework,
        "formats": format,
        "tasks": task,
        "statuses": status,
        "aliases": alias,
        "tags": tag,
        "owners": owner,
        "licenses": license,
    }
    both: dict[str, Any] = {
        name: (*getattr(typed, name), *values) for name, values in chosen.items()
    }
    query = replace(typed, sort=sort, trash=trash, **both)
    return await by.tell(Listed[ModelShape], _found, query, at)


def _found(reg: Registry, actor: Actor, query: ModelQuery, at: Cut) -> dict[str, Any]:
    return at.page(reg, search.find_models(reg, actor, query, at.number, at.size, at.after))


@router.get(
    "/models/{owner}/{slug}",
    summary="One model",
    response_model=ModelWhole,
    **may("model.read", 404),
)
async def get(by: By, owner: str, slug: str) -> Response:
    """A model with its card."""
    return await by.tell(ModelWhole, models.get, f"{owner}/{slug}")


@router.get(
    "/models/{owner}/{slug}/versions",
    summary="Versions of a model",
    response_model=Listed[VersionShape],
    **may("model.read", 404),
)
async def of_model(
    by: By,
    at: At,
    owner: str,
    slug: str,
    trash: Annotated[bool, Query(description="Those in the trash.")] = False,
) -> Response:
    """All versions, newest first."""
    return await by.answer(
        Listed[VersionShape],
        lambda: at.slice(
            by.reg,
            versions.find(by.reg, by.actor, f"{owner}/{slug}", trash=trash),
            key=lambda version: version.number,
        ),
    )


@router.get(
    "/models/{owner}/{slug}/versions/{version}",
    summary="One version",
    response_model=VersionWhole,
    **may("model.read", 404),
)
async def get_version(by: By, owner: str, slug: str, version: str) -> Response:
    """A version by its number, an alias, or `latest`."""
    return await by.tell(VersionWhole, versions.get, f"{owner}/{slug}@{version}")


@router.get(
    "/models/{owner}/{slug}/versions/{version}/metrics",
    summary="Metrics of a version",
    response_model=Listed[MetricShape],
    **may("model.read", 404),
)
async def metrics(by: By, at: At, owner: str, slug: str, version: str) -> Response:
    """Named numbers, by name and data set."""
    ref = f"{owner}/{slug}@{version}"
    return await by.answer(
        Listed[MetricShape],
        lambda: at.slice(by.reg, versions.get(by.reg, by.actor, ref).metrics),
    )


@router.get(
    "/models/{owner}/{slug}/versions/{version}/lineage",
    summary="Lineage of a version",
    response_model=Lineage,
    **may("model.read", 404),
)
async def graph(
    by: By,
    owner: str,
    slug: str,
    version: str,
    depth: Annotated[int, Query(ge=0, le=lineage.MAX_DEPTH)] = 3,
) -> Response:
    """What it derives from and what derives from it, as far as you may see it; at most 200."""
    ref = f"{owner}/{slug}@{version}"
    return await by.tell(Lineage, _kin, ref, depth)


def _kin(reg: Registry, actor: Actor, ref: str, depth: int) -> dict[str, Any]:
    found = lineage.graph(reg, actor, ref, depth)
    names = ("ref", "depth", "status", "framework")
    items = [{name: getattr(one, name) for name in names} | {"parents": one.edges} for one in found]
    return {"items": items}


@router.get(
    "/models/{owner}/{slug}/aliases",
    summary="Aliases of a model",
    response_model=Aliases,
    **may("model.read", 404),
)
async def aliases_of(by: By, at: At, owner: str, slug: str) -> Response:
    """Where they point now, and every move of them."""
    return await by.tell(Aliases, _aliases, f"{owner}/{slug}", at)


def _aliases(reg: Registry, actor: Actor, model: str, at: Cut) -> dict[str, Any]:
    moves = aliases.history(reg, actor, model)
    return {"aliases": models.get(reg, actor, model).aliases, **at.slice(reg, moves)}


@router.get(
    "/compare",
    summary="Compare versions",
    response_model=ComparisonShape,
    **may("model.read", 404),
)
async def compared(
    by: By,
    v: Annotated[
        list[str],
        Query(min_length=1, max_length=compare.MOST, description=_REF,
              examples=[["alice/iris@2", "alice/iris@3"]]),
    ],
    base: Annotated[str, Query(description="One of `v`; left out, the first.")] = "",
) -> Response:  # fmt: skip
    """Versions of any models side by side."""
    return await by.tell(ComparisonShape, compare.versions, v, base)

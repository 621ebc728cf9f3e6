"""Changing models: what is said about them, who may see them, the trash."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from registry import access, models
from registry.core import Registry
from registry.records import Actor, Model
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.asked import ModelEdit, Sharing, Transfer
from registry.web.api.documented import may
from registry.web.api.said import Freed, Grants, ModelWhole

router = admission.router("models")


@router.patch(
    "/models/{owner}/{slug}",
    summary="Edit a model",
    response_model=ModelWhole,
    **may("model.edit", 404, body=True),
)
async def edit(by: By, owner: str, slug: str, change: ModelEdit) -> Response:
    """Change what is said about a model, or who sees it; the address stays."""
    return await by.tell(ModelWhole, _edited, f"{owner}/{slug}", change)


def _edited(reg: Registry, actor: Actor, ref: str, change: ModelEdit) -> Model:
    told: dict[str, Any] = change.model_dump(exclude_unset=True, exclude={"visibility"})
    if told or change.visibility is None:
        edited = models.edit(reg, actor, ref, **told)
    if change.visibility is None:
        return edited
    set_it = models.publish_to_all if change.visibility == "public" else models.make_private
    return set_it(reg, actor, ref)


@router.delete(
    "/models/{owner}/{slug}",
    summary="Put a model into the trash",
    status_code=204,
    **may("model.trash", 404, 409),
)
async def trash(by: By, owner: str, slug: str) -> Response:
    """Restorable until it is purged; refused while `production` points into it."""
    return await by.do(models.trash, f"{owner}/{slug}")


@router.post(
    "/models/{owner}/{slug}/restore",
    summary="Take a model out of the trash",
    response_model=ModelWhole,
    **may("model.restore", 404),
)
async def restore(by: By, owner: str, slug: str) -> Response:
    """As it was before."""
    return await by.tell(ModelWhole, models.restore, f"{owner}/{slug}")


@router.post(
    "/models/{owner}/{slug}/purge",
    summary="Delete a trashed model for good",
    response_model=Freed,
    **may("model.purge", 404, 409),
)
async def purge(by: By, owner: str, slug: str) -> Response:
    """With all its versions; refused while versions of other models derive from it."""
    ref = f"{owner}/{slug}"
    return await by.answer(Freed, lambda: {"freed_bytes": models.purge(by.reg, by.actor, ref)})


@router.post(
    "/models/{owner}/{slug}/transfer",
    summary="Make somebody else the owner",
    response_model=ModelWhole,
    **may("model.transfer", 404, 409, 507, body=True),
)
async def transfer(by: By, owner: str, slug: str, to: Transfer) -> Response:
    """The former owner keeps a manage grant; the address changes."""
    return await by.tell(ModelWhole, models.transfer, f"{owner}/{slug}", to.username)


@router.get(
    "/models/{owner}/{slug}/grants",
    summary="With whom a model is shared",
    response_model=Grants,
    **may("model.share", 404),
)
async def grants(by: By, owner: str, slug: str) -> Response:
    """By user name; for who manages the model."""
    return await by.tell(Grants, _grants, f"{owner}/{slug}")


@router.put(
    "/models/{owner}/{slug}/grants/{username}",
    summary="Share a model",
    response_model=Grants,
    **may("model.share", 404, body=True),
)
async def share(by: By, owner: str, slug: str, username: str, sharing: Sharing) -> Response:
    """Let a person view, edit or manage it; replaces an earlier grant."""
    ref = f"{owner}/{slug}"
    return await by.answer(
        Grants,
        lambda: {"items": access.share(by.reg, by.actor, ref, username, sharing.level)},
    )


@router.delete(
    "/models/{owner}/{slug}/grants/{username}",
    summary="Take a grant back",
    response_model=Grants,
    **may("model.share", 404),
)
async def unshare(by: By, owner: str, slug: str, username: str) -> Response:
    """The model is no longer shared with that person."""
    ref = f"{owner}/{slug}"
    return await by.answer(
        Grants, lambda: {"items": access.unshare(by.reg, by.actor, ref, username)}
    )


def _grants(reg: Registry, actor: Actor, ref: str) -> dict[str, Any]:
    return {"items": access.grants(reg, actor, ref)}

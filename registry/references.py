"""Which version a reference names; statements built once, being on the way to every prediction.

There, building a statement costs more than running it.
"""

from __future__ import annotations

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from registry import models
from registry.errors import Conflict, NotFound
from registry.records import CHAMPION, Actor
from registry.tables import AliasRow, ArtifactRow, ModelRow, TrustRow, UserRow, VersionRow

_ALIVE = (VersionRow.model_id == bindparam("model_id"), VersionRow.deleted_at.is_(None))
_COUNT = select(func.count()).where(*_ALIVE)
_NUMBERED = select(VersionRow).where(
    VersionRow.model_id == bindparam("model_id"), VersionRow.number == bindparam("number")
)
_ALIASED = (
    select(VersionRow)
    .join(AliasRow, AliasRow.version_id == VersionRow.id)
    .where(*_ALIVE, AliasRow.model_id == VersionRow.model_id, AliasRow.name == bindparam("name"))
)
_LAST = select(VersionRow).where(*_ALIVE).order_by(VersionRow.number.desc()).limit(1)
_NEWEST = _LAST.where(VersionRow.status == "ready")
MODEL_FILE = (
    select(ArtifactRow, TrustRow.id)
    .outerjoin(TrustRow, TrustRow.version_id == ArtifactRow.version_id)
    .where(ArtifactRow.version_id == bindparam("version_id"), ArtifactRow.kind == "model")
    .limit(1)
)
"""The model file of a version, and whether anything was ever decided about it."""
_TRASHED = ("version.restore", "version.purge")


def for_action(s: Session, actor: Actor, action: str, ref: str) -> tuple[ModelRow, VersionRow]:
    """The rows named by `owner/slug`, `owner/slug@3`, `@champion` or `@latest`.

    Raises:
        NotFound: No such version, or the actor may not see its model.
        Forbidden: The actor may see it but not do `action`.
        Conflict: The action is about the trash, where the version is not.
    """
    model = models.for_action(s, actor, action, ref)
    selector = ref.partition("@")[2].strip()
    found = version_in(s, model, selector, trash=action in _TRASHED)
    if found is None:
        name = f"version {selector!r} of " if selector else "ready version of "
        if action in _TRASHED and version_in(s, model, selector, trash=False):
            raise Conflict(
                f"version {selector!r} of {models.address(s, model)} is not in the trash"
            )
        raise NotFound(f"there is no {name}{models.address(s, model)}")
    return model, found


def version_in(s: Session, model: ModelRow, selector: str, *, trash: bool) -> VersionRow | None:
    """The version called `3`, `v3`, `champion`, `latest` or "" (champion, else newest ready)."""
    number = selector.removeprefix("v")
    found: VersionRow | None = None
    if number.isascii() and number.isdigit() and len(number) < 10:
        given = {"model_id": model.id, "number": int(number)}
        found = s.execute(_NUMBERED, given).scalar_one_or_none()
        return found if found and (found.deleted_at is not None) == trash else None
    if trash:
        return None
    if selector != "latest":
        named = {"model_id": model.id, "name": selector or CHAMPION}
        found = s.execute(_ALIASED, named).scalar_one_or_none()
    if found is None and selector in ("", "latest"):
        found = s.execute(_NEWEST, {"model_id": model.id}).scalar_one_or_none()
    return found


def head_in(s: Session, model: ModelRow) -> VersionRow | None:
    """The version that speaks for the model: the champion, else the newest."""
    named = {"model_id": model.id, "name": CHAMPION}
    champion: VersionRow | None = s.execute(_ALIASED, named).scalar_one_or_none()
    return champion or s.execute(_LAST, {"model_id": model.id}).scalar_one_or_none()


def count_in(s: Session, model: ModelRow) -> int:
    """How many versions of the model are not in the trash."""
    return s.execute(_COUNT, {"model_id": model.id}).scalar_one()


def addresses_in(s: Session, actor: Actor, version_ids: set[str]) -> dict[str, str]:
    """Id to address of those versions that the actor may see and that are not in the trash."""
    found = s.execute(
        select(VersionRow.id, VersionRow.number, UserRow.username, ModelRow.slug)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .join(UserRow, UserRow.id == ModelRow.owner_id)
        .where(VersionRow.id.in_(version_ids), VersionRow.deleted_at.is_(None))
        .where(models.visible_to(actor))
    )
    return {row_id: f"{owner}/{slug}@{number}" for row_id, number, owner, slug in found}

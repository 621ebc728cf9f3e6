"""A model's license against those of its parents and of a project that wants to use it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import (
    fetching,
    license_texts,
    licenses,
    models,
    policy,
    rates,
    references,
    staging,
)
from registry.core import Registry
from registry.errors import FetchFailed, Forbidden, InvalidInput
from registry.records import Actor, LicenseCheck, ParentLicense
from registry.tables import ModelRow, ParentRow, UserRow, VersionRow

_RAW = ("raw/HEAD/LICENSE", "-/raw/HEAD/LICENSE", "resolve/main/LICENSE", "raw/HEAD/LICENSE.md")


def of_parents(reg: Registry, actor: Actor, ref: str) -> tuple[ParentLicense, ...]:
    """Each parent of a version that the actor may see, against the license of its model.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        model, version = references.for_action(s, actor, "model.read", ref)
        found = s.execute(
            select(UserRow.username, ModelRow.slug, VersionRow.number, ParentRow.relation,
                   ModelRow.license)
            .join(VersionRow, VersionRow.id == ParentRow.parent_id)
            .join(ModelRow, ModelRow.id == VersionRow.model_id)
            .join(UserRow, UserRow.id == ModelRow.owner_id)
            .where(ParentRow.child_id == version.id, models.visible_to(actor))
            .order_by(UserRow.username, ModelRow.slug, VersionRow.number)
        )  # fmt: skip
        return tuple(
            ParentLicense(
                f"{owner}/{slug}@{number}", relation, licenses.check(theirs, model.license)
            )
            for owner, slug, number, relation, theirs in found
        )


def for_parents(
    reg: Registry, actor: Actor, license: str, refs: Sequence[str]
) -> tuple[ParentLicense, ...]:
    """A license that is being chosen, against the parents that are being chosen.

    Raises:
        NotFound: There is no such parent, or the actor may not see it.
    """
    with reg.reading() as s:
        return tuple(_of_parent(s, actor, license, parent) for parent in refs)


def _of_parent(s: Session, actor: Actor, license: str, parent: str) -> ParentLicense:
    model, row = references.for_action(s, actor, "model.read", parent)
    address = f"{models.address(s, model)}@{row.number}"
    return ParentLicense(address, "derived", licenses.check(model.license, license))


def for_project(
    reg: Registry, actor: Actor, model: str, license: str, use: licenses.Use = "part"
) -> LicenseCheck:
    """Whether a project under `license` may hold the model, or be made from it.

    Raises:
        InvalidInput: `license` is no SPDX expression; says which could be meant.
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        ours = models.for_action(s, actor, "model.read", model).license
    licenses.parse(license)
    return licenses.check(ours, license, use)


def recognise(reg: Registry, actor: Actor, staged_id: str) -> str:
    """The SPDX id of an uploaded license file; its text is compared, never interpreted.

    Raises:
        InvalidInput: It is the text of no license that is known here.
        NotFound: The staged file is gone, or it is somebody else's.
    """
    staging.get(reg, actor, staged_id)
    with staging.opened(reg, staged_id) as fd:
        text = os.pread(fd, license_texts.MOST_BYTES, 0).decode("utf-8", "replace")
    return known_text(text)


def behind_link(reg: Registry, actor: Actor, url: str) -> str:
    """The SPDX id of the license file that a link leads to, or of the repository it names.

    Raises:
        LinkRefused: Fetching is off, or this is no address that may be asked.
        FetchFailed: The address is not permitted, or no license was found there.
        InvalidInput: What is there is the text of no license that is known here.
        Forbidden: The actor may not look at models.
        RateLimited: There were too many such questions within the last minute.
    """
    if why := policy.why_not(actor, None, "model.list"):
        raise Forbidden(why)
    fetching.look_at(reg.settings, url)
    rates.spend_link(reg, actor)
    failed = None
    for address in _places(url):
        try:
            reply = fetching.get(reg.settings, address, license_texts.MOST_BYTES)
        except FetchFailed as passing:
            failed = failed or passing
        else:
            return known_text(reply.body.decode("utf-8", "replace"))
    raise failed or FetchFailed("there is no license file")


def _places(url: str) -> list[str]:
    """Where the license file of a link may lie: the usual raw addresses of a repository."""
    base = url.partition("?")[0].partition("#")[0].rstrip("/").removesuffix(".git")
    if re.search(r"licen[cs]e|copying", base.rpartition("/")[2], re.IGNORECASE):
        return [url.replace("/blob/", "/raw/", 1)]
    return [f"{base}/{place}" for place in _RAW]


def known_text(text: str, field: str = "file") -> str:
    """The SPDX id of a license's text; `field` is where it was given.

    Raises:
        InvalidInput: It is the text of no license that is known here.
    """
    if found := license_texts.recognise(text):
        return found
    raise InvalidInput(
        {field: "this is the text of no license that is known here; give its SPDX id instead"}
    )

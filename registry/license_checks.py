"""A model's license against those of its parents and of a project that wants to use it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import (
    fetching,
    license_texts,
    licenses,
    lineage,
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

_ORDER = ("no", "unknown", "yes")
_VERDICTS = {"no": "not compatible", "unknown": "unknown", "yes": "compatible"}
_RAW = ("raw/HEAD/LICENSE", "-/raw/HEAD/LICENSE", "resolve/main/LICENSE", "raw/HEAD/LICENSE.md")


class _Link(NamedTuple):
    """A version, what it is to its child, and the refs between it and where one started."""

    id: str
    ref: str
    relation: str
    license: str
    through: tuple[str, ...]


def of_parents(reg: Registry, actor: Actor, ref: str) -> tuple[ParentLicense, ...]:
    """What a version derives from, parents first, each against the license of its model.

    Of a parent that the actor may not see it is said that there is one, once, and nothing of what
    lies behind it: the license of the version cannot be judged without it.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        model, version = references.for_action(s, actor, "model.read", ref)
        return ancestors_in(s, actor, version.id, model.license)


def ancestors_in(
    s: Session, actor: Actor, version_id: str, license: str
) -> tuple[ParentLicense, ...]:
    """What a version derives from, as `of_parents` has it, against a license."""
    return tuple(_ancestors(s, actor, [_Link(version_id, "", "", license, ())], license))


def verdict(found: Sequence[ParentLicense]) -> str:
    """What ancestors make of a license, in one line; "" when there are none."""
    if not found:
        return ""
    worst = min(found, key=lambda one: _ORDER.index(one.check.compatible))
    said = _VERDICTS[worst.check.compatible]
    if worst.check.compatible == "yes":
        return said
    if not worst.parent:
        return f"{said}: {worst.check.why}"
    theirs = worst.check.source or "nothing"
    return f"{said}: its {worst.kin} {worst.parent} is {theirs}"


def for_parents(
    reg: Registry, actor: Actor, license: str, refs: Sequence[str]
) -> tuple[ParentLicense, ...]:
    """A license that is being chosen, against the parents that are being chosen and theirs.

    Raises:
        NotFound: There is no such parent, or the actor may not see it.
    """
    with reg.reading() as s:
        parents = [_chosen(s, actor, ref) for ref in refs]
        direct = [_held(link, license) for link in parents]
        return (*direct, *_ancestors(s, actor, parents, license))


def _chosen(s: Session, actor: Actor, parent: str) -> _Link:
    model, row = references.for_action(s, actor, "model.read", parent)
    address = f"{models.address(s, model)}@{row.number}"
    return _Link(row.id, address, "derived", model.license, ())


def _ancestors(
    s: Session, actor: Actor, frontier: list[_Link], license: str
) -> Iterator[ParentLicense]:
    """Generation by generation, each version once; what is hidden comes last."""
    met = {link.id for link in frontier}
    hidden = False
    for _ in range(lineage.MAX_DEPTH):
        found, unseen = _parents(s, actor, frontier, met, lineage.MAX_KIN - len(met))
        hidden = hidden or unseen
        met.update(link.id for link in found)
        yield from (_held(link, license) for link in found)
        frontier = found
    if hidden:
        why = "a parent you cannot see has a license of its own: ask the owner whether it agrees"
        yield ParentLicense("", "", LicenseCheck("", license, "unknown", why))
    if frontier or len(met) >= lineage.MAX_KIN:
        why = "it derives from more than is looked at here"
        yield ParentLicense("", "", LicenseCheck("", license, "unknown", why))


def _parents(
    s: Session, actor: Actor, children: list[_Link], met: set[str], room: int
) -> tuple[list[_Link], bool]:
    """The next generation as far as the actor may see it, and whether there is more of it."""
    if not children or room < 1:
        return [], False
    seen = models.visible_to(actor) & VersionRow.deleted_at.is_(None)
    rows = s.execute(
        select(ParentRow, UserRow.username, ModelRow.slug, VersionRow.number, ModelRow.license,
               seen.label("seen"))
        .join(VersionRow, VersionRow.id == ParentRow.parent_id)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .join(UserRow, UserRow.id == ModelRow.owner_id)
        .where(ParentRow.child_id.in_([child.id for child in children]),
               ParentRow.parent_id.not_in(met))
        .order_by(UserRow.username, ModelRow.slug, VersionRow.number)
        .limit(room)
    ).all()  # fmt: skip
    below = {child.id: child for child in children}
    found: dict[str, _Link] = {}
    for row, owner, slug, number, theirs, visible in rows:
        child = below[row.child_id]
        through = (*child.through, child.ref) if child.ref else ()
        link = _Link(row.parent_id, f"{owner}/{slug}@{number}", row.relation, theirs, through)
        if visible:
            found.setdefault(row.parent_id, link)
    return list(found.values()), not all(row.seen for row in rows)


def _held(link: _Link, license: str) -> ParentLicense:
    check = licenses.check(link.license, license)
    return ParentLicense(link.ref, link.relation, check, link.through)


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

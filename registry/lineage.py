"""Derived-from links between versions. Owns `parents`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, models, references
from registry.core import Registry
from registry.errors import Conflict, InvalidInput, NotFound
from registry.records import Actor, Kinship, Relation
from registry.tables import ModelRow, ParentRow, UserRow, VersionRow

RELATIONS: tuple[Relation, ...] = get_args(Relation)
MAX_KIN, MAX_DEPTH, MAX_CHOICES = 200, 20, 500


def link(
    reg: Registry, actor: Actor, ref: str, parent_ref: str, relation: Relation = "derived"
) -> None:
    """Record that a version derives from another, or what it is to a parent it has.

    Raises:
        InvalidInput: There is no such relation, or the parent does not exist for the actor.
        Conflict: The parent derives from the version itself, by the path that is named.
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit it.
    """
    if relation not in RELATIONS:
        raise InvalidInput({"relation": f"must be one of {', '.join(RELATIONS)}"})
    with reg.writing() as s:  # the write lock is held from here: two links cannot close a circle
        model, child = references.for_action(s, actor, "version.edit", ref)
        parent_id = parent_in(s, actor, parent_ref)
        if path := _way_up(s, parent_id, child.id):
            names = _names(s, actor, path)
            said = " derives from ".join(
                names.get(i, "a version not shared with you") for i in path
            )
            raise Conflict(f"that would be a circle: {said}")
        row = s.get(ParentRow, (child.id, parent_id))
        if row is None:
            s.add(ParentRow(child_id=child.id, parent_id=parent_id, relation=relation))
        else:
            row.relation = relation
        subject = f"{models.address(s, model)}@{child.number}"
        audit.record(s, actor, "lineage.link", subject, model_id=model.id, parent=parent_ref,
                     relation=relation)  # fmt: skip


def unlink(reg: Registry, actor: Actor, ref: str, parent_ref: str) -> None:
    """Take a parent off a version.

    Raises:
        NotFound: It is no parent of the version, or the actor may not see one of them.
        Forbidden: The actor may not edit the version.
    """
    with reg.writing() as s:
        model, child = references.for_action(s, actor, "version.edit", ref)
        parent = references.for_action(s, actor, "model.read", parent_ref)[1]
        row = s.get(ParentRow, (child.id, parent.id))
        subject = f"{models.address(s, model)}@{child.number}"
        if row is None:
            raise NotFound(f"{parent_ref} is no parent of {subject}")
        s.delete(row)
        audit.record(s, actor, "lineage.unlink", subject, model_id=model.id, parent=parent_ref)


def graph(reg: Registry, actor: Actor, ref: str, depth: int = 3) -> tuple[Kinship, ...]:
    """A version, what it derives from and what derives from it, nearest first; at most 200.

    What the actor may not see is left out, with all that is reached through it only.

    Args:
        depth: How many generations up and down, from 0 to 20.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        start = references.for_action(s, actor, "model.read", ref)[1].id
        depths = {start: 0}
        up, down = [start], [start]
        for n in range(1, min(max(depth, 0), MAX_DEPTH) + 1):
            up = _next(s, actor, up, depths, -n)
            down = _next(s, actor, down, depths, n)
        return _kin(s, actor, depths)


def choices(reg: Registry, actor: Actor, besides: str = "") -> list[str]:
    """Versions the actor may see, to choose a parent from: those of the newest models first.

    Args:
        besides: A version that is left out.
    """
    with reg.reading() as s:
        found = s.execute(
            _addressed(select(UserRow.username, ModelRow.slug, VersionRow.number))
            .where(models.visible_to(actor), VersionRow.deleted_at.is_(None))
            .order_by(ModelRow.updated_at.desc(), ModelRow.id, VersionRow.number.desc())
            .limit(MAX_CHOICES)
        )
        refs = [f"{owner}/{slug}@{number}" for owner, slug, number in found]
        return [ref for ref in refs if ref != besides]


def known(reg: Registry, actor: Actor, told: Mapping[str, str]) -> tuple[str, ...]:
    """Those of the parents a package tells of that are here, for the actor to see.

    Args:
        told: Ref to the digest of its model file; a version with another file is not meant.
    """
    with reg.reading() as s:
        found = digests_in(s, actor, told)
    return tuple(ref for ref, digest in found.items() if told[ref] in ("", digest))


def digests_in(s: Session, actor: Actor, refs: Iterable[str]) -> dict[str, str]:
    """Ref to the digest of the model file, of those versions that the actor may see."""
    found: dict[str, str] = {}
    for ref in refs:
        with suppress(NotFound):
            version = references.for_action(s, actor, "model.read", ref)[1]
            artifact, _ = s.execute(references.MODEL_FILE, {"version_id": version.id}).one()
            found[ref] = artifact.digest
    return found


def parent_in(s: Session, actor: Actor, ref: str) -> str:
    """The id of a version that the actor names as a parent.

    Raises:
        InvalidInput: It does not exist for the actor.
    """
    try:
        return references.for_action(s, actor, "model.read", ref)[1].id
    except NotFound as missing:
        raise InvalidInput({"parents": missing.message}) from None


def link_in(
    s: Session, child_id: str, parent_ids: Sequence[str], relation: Relation = "derived"
) -> None:
    """Record that a new version derives from others, inside the caller's transaction.

    A new version has no children yet, so no circle can arise here.
    """
    for parent_id in dict.fromkeys(parent_ids):
        s.add(ParentRow(child_id=child_id, parent_id=parent_id, relation=relation))
    s.flush()


def of_versions(s: Session, actor: Actor, version_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Version id to the refs of those parents that the actor may see."""
    rows = s.execute(
        select(ParentRow.child_id, UserRow.username, ModelRow.slug, VersionRow.number)
        .join(VersionRow, VersionRow.id == ParentRow.parent_id)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .join(UserRow, UserRow.id == ModelRow.owner_id)
        .where(ParentRow.child_id.in_(list(version_ids)), models.visible_to(actor))
        .order_by(UserRow.username, ModelRow.slug, VersionRow.number)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for child_id, owner, slug, number in rows:
        found[child_id].append(f"{owner}/{slug}@{number}")
    return {child_id: tuple(refs) for child_id, refs in found.items()}


def has_children(s: Session, version_id: str) -> bool:
    """Whether versions derive from this one; how many would tell of other people's."""
    found = select(ParentRow.child_id).where(ParentRow.parent_id == version_id).limit(1)
    return s.execute(found).first() is not None


def _addressed(query: Any) -> Any:
    """Versions with their model and its owner."""
    return (
        query.select_from(VersionRow)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .join(UserRow, UserRow.id == ModelRow.owner_id)
    )


def _next(
    s: Session, actor: Actor, frontier: list[str], depths: dict[str, int], depth: int
) -> list[str]:
    """The next generation, written into `depths`: parents for a negative depth, else children."""
    near, far = ParentRow.child_id, ParentRow.parent_id
    if depth > 0:
        near, far = far, near
    room = MAX_KIN - len(depths)
    if not frontier or room < 1:
        return []
    found = s.execute(
        _addressed(select(VersionRow.id).distinct())
        .join(ParentRow, far == VersionRow.id)
        .where(near.in_(frontier), VersionRow.id.not_in(list(depths)))
        .where(models.visible_to(actor), VersionRow.deleted_at.is_(None))
        .order_by(VersionRow.created_at.desc(), VersionRow.id)
        .limit(room)
    ).scalars()
    ids: list[str] = list(found)
    depths.update(dict.fromkeys(ids, depth))
    return ids


def _kin(s: Session, actor: Actor, depths: dict[str, int]) -> tuple[Kinship, ...]:
    """The records of what was found, with the links among it."""
    names = _names(s, actor, list(depths))
    links = s.execute(
        select(ParentRow.child_id, ParentRow.parent_id, ParentRow.relation).where(
            ParentRow.child_id.in_(names), ParentRow.parent_id.in_(names)
        )
    )
    edges: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for child_id, parent_id, relation in links:
        edges[child_id].append((names[parent_id], relation))
    rows = s.execute(
        select(VersionRow.id, VersionRow.status, VersionRow.inspection["framework"].as_string())
        .where(VersionRow.id.in_(names))
    )  # fmt: skip
    kin = [
        Kinship(names[i], depths[i], status, framework or "", tuple(sorted(edges[i])))
        for i, status, framework in rows
    ]
    return tuple(sorted(kin, key=lambda one: (abs(one.depth), one.depth, one.ref)))


def _names(s: Session, actor: Actor, ids: Sequence[str]) -> dict[str, str]:
    """Id to ref of those versions that the actor may see."""
    rows = s.execute(
        _addressed(select(VersionRow.id, UserRow.username, ModelRow.slug, VersionRow.number))
        .where(VersionRow.id.in_(ids), models.visible_to(actor))
    )  # fmt: skip
    return {i: f"{owner}/{slug}@{number}" for i, owner, slug, number in rows}


def _way_up(s: Session, start: str, wanted: str) -> list[str]:
    """The shortest chain of parents from one version to another, both included; [] without."""
    came_from: dict[str, str] = {start: ""}
    frontier = [start]
    while frontier and wanted not in came_from:
        rows = s.execute(
            select(ParentRow.child_id, ParentRow.parent_id)
            .where(ParentRow.child_id.in_(frontier))
            .order_by(ParentRow.parent_id)
        ).all()
        frontier = []
        for child_id, parent_id in rows:
            if parent_id not in came_from:
                came_from[parent_id] = child_id
                frontier.append(parent_id)
    path, at = [], wanted if wanted in came_from else ""
    while at:
        path.append(at)
        at = came_from[at]
    return path[::-1]

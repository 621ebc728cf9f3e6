"""Derived-from links between versions. Owns `parents`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import models
from registry.records import Actor, Relation
from registry.tables import ModelRow, ParentRow, UserRow, VersionRow


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


def n_children(s: Session, version_id: str) -> int:
    """How many versions derive from this one."""
    return s.execute(
        select(func.count()).select_from(ParentRow).where(ParentRow.parent_id == version_id)
    ).scalar_one()

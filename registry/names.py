"""Names that are easily mistaken for others: at creation, and over all models. No table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from registry import admins
from registry.confusing import key_of, likeness, looks, nearest, numbers_in
from registry.core import Registry
from registry.governance import Likeness
from registry.records import Actor, Lookalike, SuspiciousPair
from registry.tables import ArtifactRow, ModelRow, UserRow, VersionRow

_ORDER: tuple[Likeness, ...] = (
    "look-alike characters",
    "only separators differ",
    "the same name",
    "nearly the same letters",
)
_REACH = 2  # letters by which two names may differ in length
_MOST_MODELS = 100_000  # the newest; comparing them takes seconds
_BLOCK = 500  # keys in one question


class _Named(NamedTuple):
    id: str
    ref: str
    name: str
    key: str
    created_at: datetime


def alike_in(
    s: Session, seen: ColumnElement[bool], name: str, limit: int = 5
) -> tuple[Lookalike, ...]:
    """Models among those `seen` whose names are easily mistaken for `name`, the worst first."""
    key = key_of(name)
    if not key:
        return ()
    near_by = seen & func.length(ModelRow.name_key).between(len(key) - _REACH, len(key) + _REACH)
    # one text of all keys, which have no blanks: as many rows would take eight times as long
    joined = s.scalar(select(func.aggregate_strings(ModelRow.name_key, "\n")).where(near_by)) or ""
    keys = joined.split("\n")
    each = zip(keys, looks(joined).split("\n"), nearest(key, keys), strict=True)
    look = looks(key)
    wanted = sorted({its_key for its_key, its_look, close in each if close or its_look == look})
    found = [
        Lookalike(f"{owner}/{slug}", why)
        for first in range(0, len(wanted), _BLOCK)
        for owner, slug, other, its_key in s.execute(
            select(UserRow.username, ModelRow.slug, ModelRow.name, ModelRow.name_key)
            .join(UserRow, UserRow.id == ModelRow.owner_id)
            .where(seen, ModelRow.name_key.in_(wanted[first : first + _BLOCK]))
            .order_by(ModelRow.created_at)
        )
        if (why := likeness(name, other, (key, its_key)))
    ]
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.why))[:limit])


def suspicious(reg: Registry, actor: Actor, limit: int = 200) -> tuple[SuspiciousPair, ...]:
    """Pairs of models, private ones among them, whose names are easily mistaken; worst first.

    Of several models with one name, each is paired with the oldest.

    Raises:
        Forbidden: The actor is no admin.
    """
    admins.need(actor)
    with reg.reading() as s:
        models = _all_in(s)
        pairs = sorted(_pairs(models), key=lambda p: (_ORDER.index(p[2]), -_age(p[1])))[:limit]
        sizes = _sizes_in(s, [one.id for older, newer, _ in pairs for one in (older, newer)])
    return tuple(
        SuspiciousPair(
            older=older.ref,
            newer=newer.ref,
            why=why,
            older_bytes=sizes.get(older.id, 0),
            newer_bytes=sizes.get(newer.id, 0),
            created_at=newer.created_at,
        )
        for older, newer, why in pairs
    )


def _age(one: _Named) -> float:
    return one.created_at.timestamp()


def _all_in(s: Session) -> list[_Named]:
    """The newest models, the oldest of them first."""
    rows = s.execute(
        select(ModelRow.id, UserRow.username, ModelRow.slug, ModelRow.name, ModelRow.name_key,
               ModelRow.created_at)
        .join(UserRow, UserRow.id == ModelRow.owner_id)
        .where(ModelRow.deleted_at.is_(None), ModelRow.name_key != "")
        .order_by(ModelRow.created_at.desc(), ModelRow.id)
        .limit(_MOST_MODELS)
    ).all()  # fmt: skip
    return [
        _Named(model_id, f"{owner}/{slug}", name, key, created_at)
        for model_id, owner, slug, name, key, created_at in reversed(rows)
    ]


def _pairs(models: Sequence[_Named]) -> Iterator[tuple[_Named, _Named, Likeness]]:
    """Older, newer, why: those of one key, and those whose keys are one slip apart.

    Two keys one slip apart (a letter put in, left out, replaced, or two swapped) share one of the
    texts that are left when a letter is taken out: time and memory grow with the letters, not with
    the pairs. Names with different numbers do not meet.
    """
    first: dict[str, _Named] = {}
    for one in models:
        older = first.setdefault(looks(one.key), one)
        if older is not one and (why := likeness(older.name, one.name, (older.key, one.key))):
            yield older, one, why
    holders: dict[int, _Named] = {}
    for one in first.values():
        key, digits, near_by = one.key, numbers_in(one.name), dict[str, _Named]()
        for left in {key, *(key[:i] + key[i + 1 :] for i in range(len(key)))}:
            older = holders.setdefault(hash((left, digits)), one)
            if older is not one:
                near_by[older.id] = older
        for older in near_by.values():
            if why := likeness(older.name, one.name, (older.key, one.key)):
                yield older, one, why


def _sizes_in(s: Session, model_ids: Sequence[str]) -> dict[str, int]:
    sizes = (
        select(VersionRow.model_id, func.sum(ArtifactRow.size_bytes))
        .join(ArtifactRow, ArtifactRow.version_id == VersionRow.id)
        .where(VersionRow.model_id.in_(model_ids))
        .group_by(VersionRow.model_id)
    )
    return {model_id: int(n) for model_id, n in s.execute(sizes)}

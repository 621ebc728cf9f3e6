"""Finding models: words, facets with counts, sorting, pages; only what the actor may see."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from registry import models
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, FacetValue, Level, Model, ModelQuery, Page
from registry.shelf import as_models
from registry.tables import AliasRow, GrantRow, ModelRow, TagRow, UserRow

FACETS = ("framework", "format", "task", "status", "alias", "tag", "owner", "license")
_FIELDS = {
    "framework": "frameworks",
    "format": "formats",
    "task": "tasks",
    "status": "statuses",
    "alias": "aliases",
    "tag": "tags",
    "owner": "owners",
    "license": "licenses",
}
_COLUMNS = {
    "framework": ModelRow.head_framework,
    "format": ModelRow.head_format,
    "task": ModelRow.task,
    "status": ModelRow.head_status,
    "license": ModelRow.license,
}
_SHORT = {"sklearn": "scikit-learn", "pytorch": "PyTorch", "torch": "PyTorch", "onnx": "ONNX"}
_SORTS: dict[str, tuple[Any, ...]] = {
    "updated": (ModelRow.updated_at.desc(), ModelRow.id),
    "created": (ModelRow.created_at.desc(), ModelRow.id),
    "name": (func.lower(ModelRow.name), ModelRow.id),
    "versions": (ModelRow.n_versions.desc(), ModelRow.id),
}
_FACET_LIMIT, _MAX_TEXT = 50, 500


def parse(text: str) -> ModelQuery:
    """The words and `key:value` filters typed into the search box.

    Raises:
        InvalidInput: A filter name is unknown or the text is too long.
    """
    if len(text) > _MAX_TEXT:
        raise InvalidInput({"search": f"is longer than {_MAX_TEXT} characters"})
    words: list[str] = []
    found: dict[str, tuple[str, ...]] = {}
    for part in _split(text):
        key, colon, value = part.partition(":")
        if not colon or not value or "/" in key:
            words.append(part)
        elif key.lower() in _FIELDS:
            name = _FIELDS[key.lower()]
            value = _SHORT.get(value.lower(), value) if key == "framework" else value
            found[name] = (*found.get(name, ()), value)
        else:
            known = ", ".join(f"{facet}:" for facet in FACETS)
            raise InvalidInput({"search": f"no filter is called {key!r}; there are {known}"})
    return ModelQuery(text=" ".join(words), **cast("dict[str, Any]", found))


def find_models(
    reg: Registry, actor: Actor, query: ModelQuery, page: int = 1, size: int = 50
) -> Page[Model]:
    """One page of the models that match and that the actor may see."""
    page, size = max(1, page), min(max(1, size), 500)
    with reg.reading() as s:
        where = _conditions(actor, query)
        total = s.execute(_joined(select(func.count())).where(*where)).scalar_one()
        rows = (
            s.execute(
                _joined(select(ModelRow))
                .where(*where)
                .order_by(*_SORTS[query.sort])
                .limit(size)
                .offset((page - 1) * size)
            )
            .scalars()
            .all()
        )
        granted = dict(
            s.execute(
                select(GrantRow.model_id, GrantRow.level).where(
                    GrantRow.user_id == actor.id,
                    GrantRow.model_id.in_([row.id for row in rows]),
                )
            ).all()
        )
        levels = [
            cast("Level", "manage" if row.owner_id == actor.id else granted.get(row.id, "view"))
            for row in rows
        ]
        items = as_models(s, list(zip(rows, levels, strict=True)))
        return Page(tuple(items), total, page, size)


def facets(reg: Registry, actor: Actor, query: ModelQuery) -> dict[str, list[FacetValue]]:
    """Each facet's values with counts, most frequent first.

    A facet's own choice does not narrow its own counts, so that a second value can be added.
    """
    with reg.reading() as s:
        return {facet: _count(s, actor, query, facet) for facet in FACETS}


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an unclosed quote while the person is still typing
        return text.replace('"', " ").replace("'", " ").split()


def _joined(query: Select[Any]) -> Select[Any]:
    return query.select_from(ModelRow).join(UserRow, UserRow.id == ModelRow.owner_id)


def _count(s: Session, actor: Actor, query: ModelQuery, facet: str) -> list[FacetValue]:
    where = _conditions(actor, replace(query, **cast("dict[str, Any]", {_FIELDS[facet]: ()})))
    column: Any
    if facet == "tag":
        column = TagRow.tag
        base = _joined(select(column, func.count())).join(TagRow, TagRow.model_id == ModelRow.id)
    elif facet == "alias":
        column = AliasRow.name
        base = _joined(select(column, func.count())).join(
            AliasRow, AliasRow.model_id == ModelRow.id
        )
    else:
        column = UserRow.username if facet == "owner" else _COLUMNS[facet]
        base = _joined(select(column, func.count())).where(column != "")
    rows = s.execute(
        base.where(*where)
        .group_by(column)
        .order_by(func.count().desc(), column)
        .limit(_FACET_LIMIT)
    )
    return [FacetValue(value, count) for value, count in rows]


def _conditions(actor: Actor, query: ModelQuery) -> list[ColumnElement[bool]]:
    where = [models.visible_to(actor, trash=query.trash), *map(_has_word, query.text.split())]
    for facet, column in _COLUMNS.items():
        if wanted := getattr(query, _FIELDS[facet]):
            where.append(func.lower(column).in_([value.lower() for value in wanted]))
    if query.owners:
        names = [actor.username if name == "me" else name.lower() for name in query.owners]
        where.append(UserRow.username.in_(names))
    where += [
        ModelRow.id.in_(select(TagRow.model_id).where(TagRow.tag == tag.lower()))
        for tag in query.tags
    ]
    if query.aliases:
        named = select(AliasRow.model_id).where(AliasRow.name.in_(query.aliases))
        where.append(ModelRow.id.in_(named))
    return where


def _has_word(word: str) -> ColumnElement[bool]:
    tagged = select(TagRow.model_id).where(TagRow.tag.icontains(word, autoescape=True))
    return or_(
        ModelRow.name.icontains(word, autoescape=True),
        ModelRow.slug.icontains(word, autoescape=True),
        ModelRow.description.icontains(word, autoescape=True),
        UserRow.username.icontains(word, autoescape=True),
        ModelRow.id.in_(tagged),
    )

"""Finding models: words, facets with counts, sorting, pages; only what the actor may see."""

from __future__ import annotations

import json
import operator
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Text, case, func, or_, select, tuple_, type_coerce
from sqlalchemy.orm import Session

from registry import models, queries
from registry.core import Registry
from registry.queries import parse as parse
from registry.records import Actor, FacetValue, Level, MetricFilter, Model, ModelQuery, Page
from registry.shelf import as_models
from registry.tables import (
    AliasRow,
    GrantRow,
    MetricRow,
    ModelRow,
    TagRow,
    UserRow,
    VersionRow,
)

FACETS = tuple(queries.FIELDS)
_FIELDS = queries.FIELDS
_COLUMNS = {
    "framework": ModelRow.head_framework,
    "format": ModelRow.head_format,
    "task": ModelRow.task,
    "status": ModelRow.head_status,
    "license": ModelRow.license,
}
_HEAD = (VersionRow.model_id == ModelRow.id, VersionRow.number == ModelRow.head_number)
_PRIMARY = (
    select(case((MetricRow.higher_is_better.is_(False), MetricRow.value), else_=-MetricRow.value))
    .join(VersionRow, VersionRow.id == MetricRow.version_id)
    .where(*_HEAD, MetricRow.name == ModelRow.primary_metric)
    .order_by(MetricRow.dataset)
    .limit(1)
    .correlate(ModelRow)
    .scalar_subquery()
)
"""The primary metric of a model's head, the better the smaller."""
_COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_SORTS: dict[str, tuple[Any, ...]] = {
    "updated": (ModelRow.updated_at.desc(), ModelRow.id),
    "created": (ModelRow.created_at.desc(), ModelRow.id),
    "name": (func.lower(ModelRow.name), ModelRow.id),
    "versions": (ModelRow.n_versions.desc(), ModelRow.id),
    "metric": (  # only values of one metric can be ordered, so the metrics come one by one
        _PRIMARY.is_(None),
        func.lower(ModelRow.primary_metric),
        _PRIMARY,
        ModelRow.id,
    ),
}
_FACET_LIMIT = 50


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
    where += map(_measures, query.metrics)
    where += map(_takes, query.features)
    return where


def _measures(wanted: MetricFilter) -> ColumnElement[bool]:
    """The head has such a metric, on whatever data set."""
    met = _COMPARE[wanted.op](MetricRow.value, wanted.value)
    heads = (  # read from the index of metrics once, not looked up model by model
        select(VersionRow.model_id, VersionRow.number)
        .join(MetricRow, MetricRow.version_id == VersionRow.id)
        .where(MetricRow.name == wanted.name, met)
    )
    return tuple_(ModelRow.id, ModelRow.head_number).in_(heads)


def _takes(feature: str) -> ColumnElement[bool]:
    """The schema of the head has that column; its text is looked at first, which is quick."""
    stored = type_coerce(VersionRow.schema, Text)
    field = func.json_each(VersionRow.schema, "$.fields").table_valued("value")
    named = (
        select(1).select_from(field).where(func.json_extract(field.c.value, "$.name") == feature)
    )
    head = select(VersionRow.id).where(
        *_HEAD, func.instr(stored, json.dumps(feature)) > 0, named.correlate(VersionRow).exists()
    )
    return head.correlate(ModelRow).exists()


def _has_word(word: str) -> ColumnElement[bool]:
    tagged = select(TagRow.model_id).where(TagRow.tag.icontains(word, autoescape=True))
    return or_(
        ModelRow.name.icontains(word, autoescape=True),
        ModelRow.slug.icontains(word, autoescape=True),
        ModelRow.description.icontains(word, autoescape=True),
        UserRow.username.icontains(word, autoescape=True),
        ModelRow.id.in_(tagged),
    )

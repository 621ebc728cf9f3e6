"""Finding models: words, facets with counts, sorting, pages; only what the actor may see."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import CTE, ColumnElement, Select, case, func, literal, or_, select, union_all

from registry import models, queries
from registry.core import Registry
from registry.keyset import After, By, Order
from registry.queries import parse as parse
from registry.records import Actor, FacetValue, Level, MetricFilter, Model, ModelQuery, Page
from registry.shelf import as_models
from registry.tables import (
    AliasRow,
    FeatureRow,
    GrantRow,
    MetricRow,
    ModelRow,
    RatingRow,
    TagRow,
    UserRow,
)

Chosen = dict[str, list[ColumnElement[bool]]]
FACETS = tuple(queries.FIELDS)
_AT: dict[str, ColumnElement[Any]] = {
    "model": cast("Any", ModelRow.id),
    "owner": cast("Any", UserRow.username),
    "framework": cast("Any", ModelRow.head_framework),
    "format": cast("Any", ModelRow.head_format),
    "task": cast("Any", ModelRow.task),
    "status": cast("Any", ModelRow.head_status),
    "license": cast("Any", ModelRow.license),
}
"""Where the one value of a facet stands; tags and aliases are many."""
_MANY = {"tag": (TagRow.model_id, TagRow.tag), "alias": (AliasRow.model_id, AliasRow.name)}
_PRIMARY = (
    select(case((MetricRow.higher_is_better.is_(False), MetricRow.value), else_=-MetricRow.value))
    .where(MetricRow.version_id == ModelRow.head_id, MetricRow.name == ModelRow.primary_metric)
    .order_by(MetricRow.dataset)
    .limit(1)
    .correlate(ModelRow)
    .scalar_subquery()
)
"""The primary metric of a model's head, the better the smaller."""
_VOTES = (
    select(func.avg(RatingRow.stars))
    .where(RatingRow.model_id == ModelRow.id, RatingRow.user_id != ModelRow.owner_id)
    .correlate(ModelRow)
)
_STARS = _VOTES.scalar_subquery()
_ESTEEM = _VOTES.with_only_columns(
    (func.sum(RatingRow.stars) + 6.0) / (func.count() + 2)
).scalar_subquery()
"""The average with two votes of three stars added, so that one voter does not lead the list."""
_COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_ID: By = (ModelRow.id, "up")
_SORTS: dict[str, Order] = {
    "updated": Order((ModelRow.updated_at, "down"), _ID),
    "created": Order((ModelRow.created_at, "down"), _ID),
    "name": Order((func.lower(ModelRow.name), "up"), _ID),
    "versions": Order((ModelRow.n_versions, "down"), _ID),
    "metric": Order(  # only values of one metric can be ordered, so the metrics come one by one
        (case((_PRIMARY.is_(None), 1), else_=0), "up"),
        (func.lower(ModelRow.primary_metric), "up"),
        (_PRIMARY, "up"),
        _ID,
    ),
    "stars": Order((case((_STARS.is_(None), 1), else_=0), "up"), (_ESTEEM, "down"), _ID),
}
_FACET_LIMIT = 50


def find_models(
    reg: Registry,
    actor: Actor,
    query: ModelQuery,
    page: int = 1,
    size: int = 50,
    after: After = (),
) -> Page[Model]:
    """One page of the models that match and that the actor may see.

    Args:
        after: The `last` of the page before, in this order; then `page` counts for nothing.
    """
    page, size = max(1, page), min(max(1, size), 500)
    with reg.reading() as s:
        where = _conditions(actor, query)
        total = s.execute(_joined(select(func.count())).where(*where)).scalar_one()
        listed = _joined(select(ModelRow)).where(*where)
        rows, last = _SORTS[query.sort].cut(s, listed, after, size, (page - 1) * size)
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
        return Page(tuple(items), total, page, size, last)


def facets(reg: Registry, actor: Actor, query: ModelQuery) -> dict[str, list[FacetValue]]:
    """Each facet's values with counts, most frequent first.

    A facet's own choice does not narrow its own counts, so that a second value can be added.
    """
    found = [column.label(name) for name, column in _AT.items()]
    hits = _joined(select(*found)).where(*_met(actor, query)).cte("hits")
    chosen = _chosen(actor, query, dict(hits.c.items()))
    counts = [_count(hits, facet, chosen) for facet in FACETS]  # the hits are looked for once
    values: dict[str, list[FacetValue]] = {facet: [] for facet in FACETS}
    with reg.reading() as s:
        for facet, value, count in s.execute(union_all(*counts)):
            values[facet].append(FacetValue(value, count))
    return {
        facet: sorted(some, key=lambda found: (-found.count, found.value))
        for facet, some in values.items()
    }


def _joined(query: Select[Any]) -> Select[Any]:
    return query.select_from(ModelRow).join(UserRow, UserRow.id == ModelRow.owner_id)


def _count(hits: CTE, facet: str, chosen: Chosen) -> Select[Any]:
    value: Any
    counted = select(literal(facet), func.count())
    if facet in _MANY:
        model_id, value = _MANY[facet]
        counted = counted.select_from(hits).join(value.class_, model_id == hits.c.model)
    else:
        value = hits.c[facet]
        counted = counted.select_from(hits).where(value != "")
    narrowed = [met for other, all_met in chosen.items() if other != facet for met in all_met]
    most = (
        counted.add_columns(value)
        .where(*narrowed)
        .group_by(value)
        .order_by(func.count().desc(), value)
        .limit(_FACET_LIMIT)
        .subquery()
    )
    kind, count, name = most.c
    return select(kind, name, count)


def _conditions(actor: Actor, query: ModelQuery) -> list[ColumnElement[bool]]:
    chosen = _chosen(actor, query, _AT).values()
    return [*_met(actor, query), *(met for all_met in chosen for met in all_met)]


def _met(actor: Actor, query: ModelQuery) -> list[ColumnElement[bool]]:
    """What holds whichever facets are chosen."""
    return [
        models.visible_to(actor, trash=query.trash),
        *map(_has_word, query.text.split()),
        *map(_measures, query.metrics),
        *map(_takes, query.features),
        *(_COMPARE[wanted.op](_STARS, wanted.value) for wanted in query.stars),
    ]


def _chosen(actor: Actor, query: ModelQuery, at: Mapping[str, ColumnElement[Any]]) -> Chosen:
    """Facet to what its choice asks of the columns `at`."""
    chosen: Chosen = defaultdict(list)
    for facet in FACETS:
        wanted = getattr(query, queries.FIELDS[facet])
        if facet == "owner" and wanted:
            names = [actor.username if name == "me" else name.lower() for name in wanted]
            chosen[facet].append(at[facet].in_(names))
        elif facet in at and wanted:
            chosen[facet].append(func.lower(at[facet]).in_([value.lower() for value in wanted]))
    for tag in query.tags:  # all of them
        tagged = select(TagRow.model_id).where(TagRow.tag == tag.lower())
        chosen["tag"].append(at["model"].in_(tagged))
    if query.aliases:
        named = select(AliasRow.model_id).where(AliasRow.name.in_(query.aliases))
        chosen["alias"].append(at["model"].in_(named))
    return chosen


def _measures(wanted: MetricFilter) -> ColumnElement[bool]:
    """The head has such a metric, on whatever data set; one index holds all that is read."""
    met = _COMPARE[wanted.op](MetricRow.value, wanted.value)
    return ModelRow.head_id.in_(
        select(MetricRow.version_id).where(MetricRow.name == wanted.name, met)
    )


def _takes(feature: str) -> ColumnElement[bool]:
    """The schema of the head has that column."""
    return ModelRow.id.in_(select(FeatureRow.model_id).where(FeatureRow.name == feature))


def _has_word(word: str) -> ColumnElement[bool]:
    tagged = select(TagRow.model_id).where(TagRow.tag.icontains(word, autoescape=True))
    return or_(
        ModelRow.name.icontains(word, autoescape=True),
        ModelRow.slug.icontains(word, autoescape=True),
        ModelRow.description.icontains(word, autoescape=True),
        UserRow.username.icontains(word, autoescape=True),
        ModelRow.id.in_(tagged),
    )

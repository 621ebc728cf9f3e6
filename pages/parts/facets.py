"""Search, facets, sorting and paging of the models list; all of it kept in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import streamlit as st

from pages.parts import text
from registry import search
from registry.records import FacetValue, ModelOrder, ModelQuery

_FIELDS = {
    "framework": "frameworks",
    "task": "tasks",
    "status": "statuses",
    "format": "formats",
    "tag": "tags",
    "alias": "aliases",
    "owner": "owners",
    "license": "licenses",
}
_FIRST = ("framework", "task", "status")
_SORTS = {
    "updated": "Last updated",
    "name": "Name",
    "created": "Newest",
    "versions": "Versions",
    "metric": "Primary metric",
    "stars": "Rating",
}
_VIEWS = {"table": ":material/table_rows: Table", "grid": ":material/grid_view: Grid"}
_MOST = 12
_HELP = """
| type | to find |
|---|---|
| `churn prices` | both words in name, sentence, tags or owner |
| `framework:sklearn owner:me tag:demo` | what fits each filter |
| `metric.f1>0.9` `metric.rmse<=3` | a metric of that name, on any data set |
| `stars>=4` | an average rating of four stars or more |
| `feature:tenure` | a column of that name in the schema |
| `metrics.f1 > 0.9 AND alias = champion` | the same, as in SQL; only AND joins |
| `tags.team = risk` | the tag `team:risk` |

Metrics, columns and frameworks are those of the version that speaks for the model: its champion,
else its newest.
"""
SIZES = {"table": 50, "grid": 24}


def query() -> ModelQuery:
    """What the address asks for: words, filters, order.

    Raises:
        InvalidInput: The search text names an unknown filter.
    """
    asked = search.parse(st.query_params.get("q", ""))
    chosen = {
        field: (*getattr(asked, field), *st.query_params.get_all(name))
        for name, field in _FIELDS.items()
    }
    return replace(asked, sort=order(), trash=in_trash(), **cast("dict[str, Any]", chosen))


def in_trash() -> bool:
    """Whether the trash is looked at."""
    return st.query_params.get("trash") == "1"


def order() -> ModelOrder:
    """The order that the address asks for."""
    said = st.query_params.get("sort", "updated")
    known = said if said in _SORTS else "updated"
    return cast("ModelOrder", known)


def page() -> int:
    """The page number in the address, from 1."""
    said = st.query_params.get("p", "1")
    return int(said) if said.isascii() and said.isdigit() and 0 < len(said) < 7 else 1


def view() -> str:
    """Table or grid, as the address says."""
    said = st.query_params.get("view", "table")
    return said if said in _VIEWS else "table"


def bar() -> None:
    """Search box, order and view in one row."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    _sync("models.q", st.query_params.get("q", ""))
    row.text_input(
        "Search",
        key="models.q",
        type="search",
        icon=":material/search:",
        placeholder="Words, or framework:sklearn  metric.f1>0.9  feature:age  alias:champion",
        label_visibility="collapsed",
        on_change=_keep,
        args=("q", "models.q"),
    )
    with row.popover(":material/help:", help="How to search"):
        st.markdown(_HELP)
    _sync("models.sort", order())
    row.selectbox(
        "Order", list(_SORTS), format_func=_SORTS.__getitem__, key="models.sort", width=170,
        label_visibility="collapsed", on_change=_keep, args=("sort", "models.sort"),
    )  # fmt: skip
    _sync("models.view", view())
    row.segmented_control(
        "View", list(_VIEWS), format_func=_VIEWS.__getitem__, key="models.view", required=True,
        label_visibility="collapsed", on_change=_keep, args=("view", "models.view", False),
    )  # fmt: skip


def rail(counts: Mapping[str, Sequence[FacetValue]]) -> None:
    """The facets with counts, the usual ones open, the others folded."""
    for name in _FIRST:
        _facet(name, counts.get(name, ()))
    rest = [name for name in _FIELDS if name not in _FIRST]
    active = any(st.query_params.get_all(name) for name in rest)
    with st.expander("More filters", expanded=active, type="compact"):
        for name in rest:
            _facet(name, counts.get(name, ()))
    if narrowed():
        st.button(
            "Clear filters", icon=":material/filter_alt_off:", on_click=_clear, type="tertiary"
        )


def narrowed() -> bool:
    """Whether words or filters are in force."""
    return bool(st.query_params.get("q")) or any(st.query_params.get_all(n) for n in _FIELDS)


def pages(total: int, n_pages: int, noun: str = "model") -> None:
    """How many there are, and the other pages."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(text.count(total, noun), width="content")
    if n_pages > 1:
        now = min(page(), n_pages)
        key = f"models.p.{now}"
        row.pagination(
            n_pages, default=now, key=key, on_change=_keep, args=("p", key, False), width="stretch"
        )


def _facet(name: str, values: Sequence[FacetValue]) -> None:
    chosen = st.query_params.get_all(name)
    counts = {value.value: value.count for value in values[:_MOST]}
    counts |= {value: 0 for value in chosen if value not in counts}
    if not counts:
        return
    _sync(f"models.facet.{name}", chosen)
    st.pills(
        name.capitalize(),
        list(counts),
        selection_mode="multi",
        wrap=True,
        format_func=lambda value: f"{text.escape(value, 40)} :gray[{counts[value] or ''}]",
        key=f"models.facet.{name}",
        on_change=_keep,
        args=(name, f"models.facet.{name}"),
    )
    if len(values) > _MOST:
        st.caption(f"and {len(values) - _MOST} more: type {name}:… in the search box")


def _sync(key: str, value: Any) -> None:
    """The address is the truth: the widget follows it, also after a link or the back button."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _keep(name: str, key: str, back_to_first: bool = True) -> None:
    """Write a widget's value into the address; a new filter starts at the first page."""
    value = st.session_state[key]
    defaults = {"sort": "updated", "view": "table", "p": 1}
    if value and value != defaults.get(name):
        st.query_params[name] = value if isinstance(value, list) else str(value)
    else:
        st.query_params.pop(name, None)
    if back_to_first:
        st.query_params.pop("p", None)


def _clear() -> None:
    for name in ("q", "p", *_FIELDS):
        st.query_params.pop(name, None)

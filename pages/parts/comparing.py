"""The compare page's parts: which versions, the base, the verdict, facts side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import charts, tables, text
from registry import search, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Metric, ModelQuery, Schema, Version

MOST = len(charts.SERIES)
_MOST_CHARTS = 12


def chosen(reg: Registry, actor: Actor) -> list[Version]:
    """The versions named by the address, in its order.

    Raises:
        NotFound: One does not exist, or the actor may not see it.
    """
    refs = list(dict.fromkeys(st.query_params.get_all("v")))[:MOST]
    return list(
        {v.id: v for v in (recalled(versions.get, reg, actor, ref) for ref in refs)}.values()
    )


def base_of(found: Sequence[Version]) -> Version:
    """The column that the others are measured against: `?base=`, else the first."""
    said = st.query_params.get("base", "")
    return next((version for version in found if version.ref == said), found[0])


def chips(found: Sequence[Version], base: Version) -> None:
    """One chip per version, with ways to make it the base and to take it away."""
    with st.container(horizontal=True, gap="small"):
        for version in found:
            with st.container(border=True, width="content", gap="xxsmall", horizontal=True,
                              vertical_alignment="center"):  # fmt: skip
                _chip(version, base, alone=len(found) == 1)


def _chip(version: Version, base: Version, *, alone: bool) -> None:
    st.page_link(
        "model.py", label=text.escape(f"{version.model} v{version.number}", 80),
        query_params={"name": version.model, "version": str(version.number)},
    )  # fmt: skip
    if version is base:
        st.badge("base", color="gray")
    else:
        st.button("Make base", key=f"compare.base.{version.id}", type="tertiary",
                  on_click=_rebase, args=(version.ref,))  # fmt: skip
    if not alone:
        st.button("", icon=":material/close:", key=f"compare.drop.{version.id}", type="tertiary",
                  help="Take away", on_click=_drop, args=(version.ref,))  # fmt: skip


def adder(reg: Registry, actor: Actor, found: Sequence[Version]) -> None:
    """Add a version: choose a model, then one of its versions."""
    full = len(found) >= MOST
    place = st.popover(
        "Add version", icon=":material/add:", disabled=full, key="compare.adder", on_change="rerun"
    )
    if not place.open:
        return
    with place:
        models = recalled(search.find_models, reg, actor, ModelQuery(), size=200).items
        refs = list(dict.fromkeys([*(v.model for v in found), *(model.ref for model in models)]))
        model = st.selectbox("Model", refs, key="compare.add.model", index=0 if refs else None)
        taken = {version.ref for version in found}
        listed = recalled(versions.find, reg, actor, model) if model else []
        free = [v for v in listed if v.ref not in taken]
        names = {v.ref: f"v{v.number} {' '.join(v.aliases)}" for v in free}
        ref = st.selectbox("Version", list(names), format_func=names.__getitem__,
                           key="compare.add.version")  # fmt: skip
        st.button("Add", key="compare.add", on_click=_add, args=(ref,), disabled=not ref)


def _add(ref: str) -> None:
    st.query_params["v"] = [*st.query_params.get_all("v"), ref]


def _drop(ref: str) -> None:
    """Take a version out, whichever way the address names it."""
    kept = [v for v in st.query_params.get_all("v") if v != ref]
    st.query_params["v"] = kept
    if st.query_params.get("base") == ref:
        st.query_params.pop("base")


def _rebase(ref: str) -> None:
    st.query_params["base"] = ref


def pin(found: Sequence[Version]) -> None:
    """Write full refs into the address, so that a link means the same after an alias moved."""
    refs = [version.ref for version in found]
    if st.query_params.get_all("v") != refs:
        st.query_params["v"] = refs


def verdict(found: Sequence[Version], base: Version) -> str:
    """One sentence: which version is best at how many of the shared metrics."""
    wins: dict[str, int] = {version.id: 0 for version in found}
    judged = 0
    for name, dataset in tables.metric_names(found):
        rows = [(v, m) for v in found for m in v.metrics if (m.name, m.dataset) == (name, dataset)]
        if len(rows) < len(found) or rows[0][1].higher_is_better is None:
            continue
        if len({m.value for _, m in rows}) > 1:
            judged += 1
            wins[_best(rows).id] += 1
    if not judged:
        return "No metric with a known direction is there for all of them and differs."
    leader = max(found, key=lambda v: (wins[v.id], v is base))
    name = tables.short_name(leader, found)
    n = text.count(judged, "shared metric")
    return f"**{text.escape(name)}** is best at {wins[leader.id]} of {n} that differ."


def _best(rows: Sequence[tuple[Version, Metric]]) -> Version:
    sign = 1 if rows[0][1].higher_is_better else -1
    return max(rows, key=lambda row: sign * row[1].value)[0]


def chart(actor: Actor, found: Sequence[Version], base: Version) -> None:
    """Bars per metric; the base first and neutral, each version in its own colour."""
    order = [base, *[version for version in found if version is not base]]
    names = tables.metric_names(order)[:_MOST_CHARTS]
    if not names:
        return
    labels = tuple(text.clean(tables.short_name(version, order), 40) for version in order)
    grid = st.grid(3, min_column_width=260)
    for position, (name, dataset) in enumerate(names):
        key = (name, dataset)
        values = tuple(
            next((m.value for m in v.metrics if (m.name, m.dataset) == key), None) for v in order
        )
        with grid.container(gap="xxsmall"):
            st.markdown(f"{text.escape(name, 60)} :small[:gray[{text.escape(dataset, 40)}]]")
            figure = charts.metric_bars(actor.id, labels, values)
            charts.show(figure, key=f"compare.chart.{position}", alt=f"{name} of each version")


def facts(found: Sequence[Version], base: Version, *, differing: bool) -> None:
    """Facts, parameters and schema side by side, folded."""
    names = [tables.heading(version, found, base) for version in found]
    with st.expander("Facts", expanded=True):
        _rows(_facts(found), names, differing)
    keys = list(dict.fromkeys(key for v in found for key in v.parameters))[:200]
    parameters = st.expander(
        f"Parameters ({len(keys)})", key="compare.parameters", on_change="rerun"
    )
    if parameters.open:
        with parameters:
            _rows(
                {key: [_said(v.parameters, key) for v in found] for key in keys}, names, differing
            )
    schema = st.expander("Schema", key="compare.schema", on_change="rerun")
    if schema.open:
        columns = [_columns(version.schema) for version in found]
        keys = list(dict.fromkeys(key for one in columns for key in one))[:300]
        with schema:
            _rows({k: [one.get(k, "") for one in columns] for k in keys}, names, differing)


def _rows(rows: dict[str, list[str]], names: Sequence[str], differing: bool) -> None:
    if not tables.differences(rows, names, differing=differing):
        st.caption("No difference." if rows else "Nothing is known.")


def _facts(found: Sequence[Version]) -> dict[str, list[str]]:
    return {
        "Status": [v.status for v in found],
        "Label": [v.label for v in found],
        "Aliases": [", ".join(v.aliases) for v in found],
        "Framework": [f"{v.inspection.framework} {v.inspection.framework_version}" for v in found],
        "Format": [v.inspection.format for v in found],
        "Class": [v.inspection.class_name for v in found],
        "Size": [text.size(v.artifact.size_bytes) for v in found],
        "Digest": [text.short(v.artifact.digest) for v in found],
        "Findings": [str(sum(f.level != "info" for f in v.findings)) for v in found],
        "Published by": [v.created_by for v in found],
        "Published": [text.moment(v.created_at) for v in found],
        "Notes": [v.notes for v in found],
    }


def _said(values: dict[str, object], key: str) -> str:
    return str(values[key]) if key in values else ""


def _columns(schema: Schema | None) -> dict[str, str]:
    """Input name to a word on its type."""
    if schema is None:
        return {}
    if schema.kind == "table":
        return {
            f.name: f.type + (f" of {len(f.categories)}" if f.categories else "")
            + (", may be missing" if f.nullable else "")
            for f in schema.fields
        }  # fmt: skip
    return {t.name: f"{t.dtype} {list(t.shape)}" for t in schema.tensors}

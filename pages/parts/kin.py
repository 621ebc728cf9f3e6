"""The Lineage tab: what a version was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.parts import cards, kin_chart, licensing, notices, text, travel
from registry import access, lineage
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Kinship, Model, Relation, Version

_DEPTHS = (1, 2, 3, 5, 10)
_ADDRESS = "owner/model@3"


def choose(
    reg: Registry, actor: Actor, key: str, told: Mapping[str, str]
) -> tuple[tuple[str, ...], Relation, str]:
    """Parents of a new version and what it is to them, in the upload form.

    Args:
        told: Those that its package tells of; the ones that are not here are given last, as text.
    """
    left, right = st.columns([3, 1])
    known = lineage.known(reg, actor, told)
    options = list(dict.fromkeys([*recalled(lineage.choices, reg, actor), *known]))
    parents = left.multiselect(
        "Derived from", options, list(known), accept_new_options=True,
        key=f"{key}.parents", placeholder=_ADDRESS, help="Versions this one was made from.",
    )  # fmt: skip
    relation = right.selectbox("It was", lineage.RELATIONS, key=f"{key}.relation")
    elsewhere = ", ".join(ref for ref in told if ref not in known)
    if elsewhere:
        why = "kept as text, because no such version is here that you may see"
        st.caption(text.escape(f"The package also names {elsewhere}: {why}.", 600))
    return tuple(parents), relation, elsewhere


def show(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """The graph, the relatives as links, and adding a parent."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    depth = row.segmented_control(
        "Generations", _DEPTHS, default=3, key="model.kin.depth", required=True
    )
    found = recalled(lineage.graph, reg, actor, version.ref, depth or 3)
    if len(found) < 2:
        cards.empty(
            "No relatives that you may see",
            "Say what it was fine-tuned, distilled, converted, retrained or ensembled from.",
            icon="account_tree",
        )
    else:
        _drawn(actor, found)
    if len(found) >= lineage.MAX_KIN:
        st.caption(f"The nearest {lineage.MAX_KIN} are drawn; there may be more.")
    left, right = st.columns(2, gap="large")
    with left:
        _parents(reg, actor, model, version, found)
    with right:
        _children(found)


def _drawn(actor: Actor, found: Sequence[Kinship]) -> None:
    rows = tuple((k.ref, k.depth, k.status, k.framework, k.edges) for k in found)
    figure = kin_chart.family(actor.id, rows)
    n = text.count(len(found) - 1, "relative")
    with st.container(key="wide-kin"):  # frame.css lets it scroll on a phone
        pressed = kin_chart.pick(
            figure, key=f"model.kin.{found[0].ref}.{len(found)}", alt=f"{n} in a graph"
        )
    st.caption(
        f"{n}. What a version derives from stands left of it; names show on hover, press to open."
    )
    if pressed and pressed != found[0].ref:
        travel.go("model.py", _query(pressed))


def _query(ref: str) -> dict[str, str]:
    return {"name": ref.partition("@")[0], "version": ref.partition("@")[2], "tab": "Lineage"}


def _parents(
    reg: Registry, actor: Actor, model: Model, version: Version, found: Sequence[Kinship]
) -> None:
    """Each parent with its relation and a way to take it off; below, a form for another."""
    why = access.allowed(actor, model.level, "version.edit")
    cards.section("Made from")
    for parent, relation in found[0].edges:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("model.py", label=text.escape(parent, 120), query_params=_query(parent))
            st.markdown(cards.chip(relation), width="content")
            if cards.action("Remove", why, key=f"model.kin.off.{parent}", type="tertiary"):
                with notices.shown(stop=False):
                    lineage.unlink(reg, actor, version.ref, parent)
                    cards.done(f"{parent} is no parent any more")
        licensing.in_the_way(reg, actor, version.ref, parent)
    if not found[0].edges:
        st.caption("Nothing is recorded.")
    licensing.in_the_way(reg, actor, version.ref)
    if not why:
        _add(reg, actor, version)


def _add(reg: Registry, actor: Actor, version: Version) -> None:
    with st.form("model.kin.add", border=False):
        row = st.container(horizontal=True, vertical_alignment="bottom")
        parent = row.selectbox(
            "Parent", recalled(lineage.choices, reg, actor, version.ref), index=None,
            accept_new_options=True, placeholder=_ADDRESS, key="model.kin.parent",
        )  # fmt: skip
        relation = row.selectbox("It was", lineage.RELATIONS, key="model.kin.relation", width=150)
        added = row.form_submit_button("Add parent")
    if added:
        with notices.shown(stop=False):
            lineage.link(reg, actor, version.ref, (parent or "").strip(), relation)
            cards.done(f"{parent} is a parent")


def _children(found: Sequence[Kinship]) -> None:
    """What was made from it, with links."""
    cards.section("Made from it")
    here = found[0].ref
    children = [(kin.ref, dict(kin.edges)[here]) for kin in found if here in dict(kin.edges)]
    for ref, relation in children[:20]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("model.py", label=text.escape(ref, 120), query_params=_query(ref))
            st.markdown(cards.chip(relation), width="content")
    if len(children) > 20:
        with st.expander(f"{len(children) - 20} more"):
            for ref, _ in children[20:]:
                st.page_link("model.py", label=text.escape(ref, 120), query_params=_query(ref))
    if not children:
        st.caption("Nothing that you may see.")

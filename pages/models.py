"""/models?q=&framework=&sort=&view=&p=&trash=1: search, narrow down, open, compare, try."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import cards, facets, grids, notices, session, tables, trash, travel
from registry import search
from registry.memory import recalled
from registry.records import Actor, Model

reg, actor = session.require("search")


def listing(found: Sequence[Model]) -> None:
    """One page of models as a table or as cards."""
    if facets.view() == "grid":
        grids.models(found)
        return
    hint = st.empty()
    chosen, opened = tables.models(found, "models.table")
    if opened:
        travel.go("model.py", {"name": opened.ref})
    with hint.container(horizontal=True, vertical_alignment="center"):
        act_on(chosen)


def act_on(chosen: Sequence[Model]) -> None:
    """What can be done with the rows that are ticked."""
    if not chosen:
        st.caption("Press a name to open it; tick two or more to compare them.")
    if len(chosen) == 1:
        cards.go("Open", "model.py", key="models.open", query={"name": chosen[0].ref})
        cards.go("Try", "playground.py", key="models.try", query={"model": chosen[0].ref})
    if len(chosen) > 1:
        refs = [f"{model.ref}@{model.head}" for model in chosen if model.head]
        cards.go(f"Compare {len(refs)}", "compare.py", key="models.compare", query={"v": refs})


def nothing(actor: Actor) -> None:
    """Why the list is empty, and what to do about it."""
    if facets.narrowed():
        cards.empty("Nothing fits", "Take a filter away or use fewer words.", icon="search_off")
        return
    with cards.empty("No models yet", "Upload a model file to begin.", icon="shelves"):
        cards.upload_button(actor, "models.first")


facts = "Put away; restorable until deleted for good" if facets.in_trash() else "All you may see"
with cards.header("Trash" if facets.in_trash() else "Models", facts):
    trash.switch(facets.in_trash())
    cards.upload_button(actor, "models.upload")
if not facets.in_trash():
    facets.bar()

with notices.shown():
    query = facets.query()
    size = facets.SIZES[facets.view()]
    found = recalled(search.find_models, reg, actor, query, page=facets.page(), size=size)
    counts = recalled(search.facets, reg, actor, query)

if query.trash:
    trash.models(reg, actor, found)
    st.stop()

left, right = st.columns([1, 4], gap="medium")
with left:
    facets.rail(counts)
with right:
    if found.items:
        listing(found.items)
        facets.pages(found.total, found.n_pages)
    else:
        nothing(actor)

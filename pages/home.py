"""/: the numbers, what needs attention, what happened, and the person's own models."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import cards, grids, notices, session, text
from registry import activity, cases, overview, search
from registry.memory import recalled
from registry.records import ModelQuery, Totals

reg, actor = session.require("search")


def numbers(totals: Totals) -> None:
    """The four figures at the top."""
    row, days = st.grid(4, min_column_width=150), list(totals.predictions_by_day)
    look: dict[str, Any] = {"border": True, "height": "stretch"}
    row.metric("Models", text.number(totals.models), **look)
    row.metric("Versions ready", text.number(totals.versions_ready), **look)
    row.metric("Storage used", text.size(totals.storage_bytes), **look)
    if any(days):
        look |= {"chart_data": days, "chart_type": "bar", "delta_color": "off"}
    about = "Yours; the bars are the last 14 days."
    row.metric("Predictions today", text.number(totals.predictions_today), help=about, **look)


with notices.shown():
    totals = recalled(overview.totals, reg, actor)
    trouble = recalled(overview.attention, reg, actor, limit=6)
    held = recalled(cases.count, reg, actor)
    recent = recalled(activity.find, reg, actor, size=40).items
    mine = recalled(search.find_models, reg, actor, ModelQuery(owners=(actor.username,)), size=6)

with cards.header(f"Hello {actor.name or actor.username}", "What is in the cabinet today"):
    cards.upload_button(actor, "home.upload")
if held:
    waits = f"{text.count(held, 'version')} in quarantine: your decision"
    st.page_link("quarantine.py", label=waits, icon=":material/shield:")

if not totals.models:
    with cards.empty(
        "The cabinet is empty",
        "Upload a model file. It is read without being run, checked in a sandbox, and ready to "
        "try a few seconds later.",
        icon="shelves",
    ):
        cards.upload_button(actor, "home.first", "Upload your first model")
    st.stop()

numbers(totals)
left, right = st.columns([3, 2], gap="large")
with left:
    cards.section("Your models")
    grids.models(mine.items, columns=2)
    if not mine.total:
        st.caption("You have not published one yet; the models of others are on the Models page.")
    if mine.total > len(mine.items):
        query = {"owner": actor.username}
        st.page_link("models.py", label=f"All {mine.total} of yours", query_params=query)
with right:
    cards.section("Needs attention")
    for version, why in trouble:
        cards.version_line(version, why)
    if not trouble:
        st.markdown(":green[:material/check_circle: Nothing: every version is fine.]")
    cards.section("Recent activity")
    changes = [line for line in recent if line.action.startswith(("model", "version", "alias"))]
    with st.container(gap="xsmall"):
        cards.activity(changes[:8])
    st.page_link("activity.py", label="All activity", icon=":material/arrow_forward:")

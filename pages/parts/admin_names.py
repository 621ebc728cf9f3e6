"""Names over all models that are easily mistaken for each other."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, tables, text
from registry import names
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor


def show(reg: Registry, actor: Actor) -> None:
    """The pairs, the worst first."""
    st.caption(
        "Compared are the names of all models, private ones among them: you see names and sizes "
        "here, nothing else. Names that differ in a number are told apart by it."
    )
    with st.spinner("Comparing names…", show_time=False):
        found = recalled(names.suspicious, reg, actor)
    if not found:
        about = "Look-alike characters, separators and slips of the finger show up here."
        cards.empty("No two names are easily mistaken", about, icon="spellcheck")
        return
    rows = [
        {
            "Newer": text.clean(pair.newer, 100),
            "Easily mistaken for": text.clean(pair.older, 100),
            "Why": text.clean(pair.why),
            "Size of the newer": text.size(pair.newer_bytes),
            "Size of the older": text.size(pair.older_bytes),
            "Made": pair.created_at,
        }
        for pair in found
    ]
    right = st.column_config.TextColumn(alignment="right", width=130)
    st.caption(text.count(len(rows), "pair"))
    st.dataframe(
        rows, hide_index=True, row_height=tables.ROW_PX, height=tables.height(len(rows)),
        key="admin.names", alt="Names that are easily mistaken",
        column_config={
            "Made": st.column_config.DatetimeColumn(format="distance"),
            "Size of the newer": right,
            "Size of the older": right,
        },
    )  # fmt: skip

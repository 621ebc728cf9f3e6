"""/compare?v=owner/slug@1&v=owner/slug@2&base=owner/slug@1: versions side by side."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, comparing, evaluating, notices, session, tables
from registry.records import Actor, Version

reg, actor = session.require("search")


def metrics(actor: Actor, found: list[Version], base: Version, differing: bool) -> None:
    """The metrics table, and a chart of the same numbers."""
    cards.section("Metrics")
    if not tables.metrics(found, base, differing=differing):
        st.caption("No metric differs." if differing else "None of them has metrics yet.")
        return
    comparing.chart(actor, found, base)


with notices.shown():
    found = comparing.chosen(reg, actor)

with cards.header("Compare", "Versions side by side, also of different models"):
    comparing.adder(reg, actor, found)

if not found:
    with cards.empty(
        "Nothing to compare yet",
        "Tick two or more versions on a model's page, or add them here.",
        icon="compare_arrows",
    ):
        cards.go("Choose a model", "models.py", key="compare.models", type="primary")
    st.stop()

comparing.pin(found)
base = comparing.base_of(found)
comparing.chips(found, base)
evaluating.bar(reg, actor, found, "compare")
if len(found) == 1:
    st.caption("Add a second version to compare it with.")
else:
    st.markdown(comparing.verdict(found, base))
differing = st.toggle("Show differences only", key="differing", bind="query-params")
metrics(actor, found, base, differing)
comparing.facts(found, base, differing=differing)

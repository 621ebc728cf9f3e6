"""/compare?v=owner/slug@1&v=owner/slug@2&base=owner/slug@1: versions side by side."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, compare_sections, comparing, evaluating, notices, session

reg, actor = session.require("search")

with notices.shown():
    shown = comparing.chosen(reg, actor)

with cards.header("Compare", "Versions side by side, also of different models"):
    comparing.adder(reg, actor, shown)
    if shown:
        comparing.exporter(shown)

if shown is None:
    with cards.empty(
        "Nothing to compare yet",
        "Tick two or more versions on a model's page, or add them here.",
        icon="compare_arrows",
    ):
        cards.go("Choose a model", "models.py", key="compare.models", type="primary")
    st.stop()

comparing.chips(shown)
comparing.verdict(shown)
evaluating.bar(reg, actor, comparing.versions_of(reg, actor, shown), "compare")
with st.container(horizontal=True, vertical_alignment="center"):
    cards.section("Metrics")
    differing = st.toggle("Show diff only", key="differing", bind="query-params")
compare_sections.metrics(shown, differing=differing)
compare_sections.chart(actor, shown, differing=differing)
compare_sections.folded(reg, actor, shown, differing=differing)

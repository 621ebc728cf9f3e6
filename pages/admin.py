"""/admin?tab=Users&q=ada&role=author&user=ada&p=2: people, quotas, names, rules, the system."""

from __future__ import annotations

import streamlit as st

from pages.parts import admin_names, admin_people, admin_system, cards, notices, session

reg, actor = session.require("admin")

TABS = {
    "Users": admin_people.show,
    "Quotas": admin_people.quotas_of_all,
    "Names": admin_names.show,
    "Permissions": admin_system.permissions,
    "System": admin_system.show,
}

with cards.header("Admin", "People and what they may, names that mislead, the whole system"):
    admin_people.invite(reg, actor)

for tab, shown in zip(
    st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True
):
    if tab.open:
        with tab, notices.shown():
            shown(reg, actor)

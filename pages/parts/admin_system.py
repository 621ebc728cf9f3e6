"""The rules as they are, and the system: what it holds, what it runs on, its reset."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, notices, tables, text
from registry import policy, system
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor

_ORDER = ("search", "predict", "download", "upload", "delete", "admin")


def permissions(_reg: Registry, _actor: Actor) -> None:
    """Roles, and what each action needs."""
    cards.section("Roles", "What a role may at all; single permissions can be taken from a person.")
    st.dataframe(
        [
            {"Role": role} | {name: "✓" if name in has else "" for name in _ORDER}
            for role, has in policy.PERMISSIONS.items()
        ],
        hide_index=True, key="admin.roles", alt="Roles", row_height=tables.ROW_PX,
        column_config={name: st.column_config.TextColumn(alignment="center") for name in _ORDER},
    )  # fmt: skip
    cards.section("Actions", "Each needs the permission and, on a model, the access.")
    lines = policy.lines()
    st.dataframe(
        [
            {
                "Action": line.action,
                "What": line.does,
                "Permission": line.permission,
                "Access": line.level,
                "Remark": line.remark,
            }
            for line in lines
        ],
        hide_index=True, key="admin.actions", alt="Actions", row_height=tables.ROW_PX,
        height=tables.ROW_PX * (len(lines) + 1) + 2,
    )  # fmt: skip


def show(reg: Registry, actor: Actor) -> None:
    """Sizes, versions, the fence, and the button that ends it all."""
    facts = recalled(system.look, reg, actor)
    with st.container(horizontal=True):
        for label, size_bytes in (
            ("Stored files", facts.stored_bytes),
            ("Waiting uploads", facts.staged_bytes),
            ("Database", facts.database_bytes),
            ("Free on the disk", facts.free_bytes),
        ):
            st.metric(label, text.size(size_bytes), border=True)
    left, middle, right = st.columns(3, gap="large")
    with left:
        cards.section("Kept")
        counts = {**facts.counts, "stored files": facts.stored_files}
        cards.facts({name.capitalize(): text.number(n) for name, n in counts.items()})
    with middle:
        cards.section("Runs on")
        cards.facts(facts.libraries)
    with right:
        cards.section("Fence round models")
        for layer, there in facts.fence.items():
            icon = ":green[:material/check_circle:" if there else ":red[:material/cancel:"
            st.markdown(f"{icon} {layer}]")
        if reg.pool.shortfall:
            st.caption(text.escape(reg.pool.shortfall, 600))
        cards.section("Reset", "Deletes everything but your account and the audit.")
        if st.button("Reset the system", key="admin.reset_all", icon=":material/delete_forever:"):
            end(reg, actor)


@st.dialog("Reset the system")
def end(reg: Registry, actor: Actor) -> None:
    """Says what goes, asks for the phrase and the password."""
    st.markdown(
        "All models, versions, files, accounts, tokens and predictions go **for good**. What stays "
        "is your account and the audit, which gets a line about this."
    )
    with st.form("admin.end", border=False):
        phrase = st.text_input(f"Type “{system.PHRASE}”", autocomplete="off")
        secret = st.text_input("Your password", type="password", autocomplete="current-password")
        sent = st.form_submit_button("Delete everything", type="primary")
    if sent:
        with notices.shown(stop=False):
            system.reset(reg, actor, phrase, secret)
            cards.done("Everything is deleted")

"""The administrators' view of people: the list, and who keeps most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.parts import admin_person, cards, filters, notices, tables, text
from registry import accounts, governing, quotas
from registry.core import Registry
from registry.errors import NotFound
from registry.records import ROLES, Actor, Page, Person, Quota

_WHERE = "admin"
_JOINING = {
    "open": "People create their own accounts at the sign-in page.",
    "invite": "People join with an invitation.",
    "closed": "Nobody can join: `VITRINE_REGISTRATION` is closed.",
}


def show(reg: Registry, actor: Actor) -> None:
    """The accounts, a page at a time, and the one that was ticked."""
    grid = st.grid(2, min_column_width=200)
    asked = filters.words(grid, _WHERE, "Find", "q", "user name, name or e-mail")
    role = filters.choice(grid, _WHERE, "Role", "role", ROLES)
    found = governing.find(reg, actor, asked, role=role, page=filters.page())
    row = st.container(horizontal=True, vertical_alignment="center")
    said = f"{text.count(found.total, 'account')}. {_JOINING[reg.settings.registration]}"
    row.caption(f"{said} Tick one to change it." if found.items else said, width="content")
    filters.pages(row, _WHERE, found.number, found.n_pages)
    if not found.items:
        cards.empty("Nobody fits", "Ask for something else.", icon="person_search")
        return
    if chosen := _chosen(reg, actor, found):
        admin_person.show(reg, actor, chosen)


def _chosen(reg: Registry, actor: Actor, found: Page[Person]) -> Person | None:
    """The person whose row is ticked, else whom the address names."""
    rows = _table(found.items)
    if rows and rows[0] < len(found.items):
        st.query_params["user"] = found.items[rows[0]].username
    name = st.query_params.get("user", "")
    try:
        return governing.get(reg, actor, name) if name else None
    except NotFound:
        st.query_params.pop("user", None)
        return None


def _table(found: Sequence[Person]) -> list[int]:
    """The page of people; which rows are ticked."""
    rows: list[dict[str, Any]] = [
        {
            "User": text.clean(one.username, 40),
            "Name": text.clean(one.name, 60),
            "Role": [one.role],
            "May not": list(one.denied),
            "State": "disabled" if one.disabled else "",
            "Last seen": one.seen_at,
            "Models": one.quota.n_models,
            "Keeps": text.size(one.quota.size_bytes),
            "E-mail": text.clean(one.email, 80),
        }
        for one in found
    ]
    seldom = [name for name in ("May not", "State") if not any(row[name] for row in rows)]
    event: Any = st.dataframe(
        rows, hide_index=True, on_select="rerun", selection_mode="single-row",
        row_height=tables.ROW_PX, height=tables.height(len(rows)), key="admin.people",
        alt="Accounts", column_order=[name for name in rows[0] if name not in seldom],
        column_config={
            "User": st.column_config.TextColumn(pinned=True, width=120),
            "Name": st.column_config.TextColumn(width=150),
            "Role": st.column_config.MultiselectColumn(
                options=list(ROLES), color=["gray", "blue", "violet"], width=80
            ),
            "May not": st.column_config.ListColumn(width=150),
            "State": st.column_config.TextColumn(width=80),
            "Last seen": st.column_config.DatetimeColumn(format="distance", width=120),
            "Models": st.column_config.NumberColumn(width=75),
            "Keeps": st.column_config.TextColumn(alignment="right", width=90),
        },
    )  # fmt: skip
    return list(event["selection"]["rows"])


def invite(reg: Registry, actor: Actor) -> None:
    """An invitation, where people need one."""
    if reg.settings.registration == "invite" and st.button(
        "Invite", key="admin.invite", icon=":material/person_add:", type="primary"
    ):
        with notices.shown(stop=False):
            admin_person.once(accounts.invite(reg, actor), "Good for one registration in 7 days.")


def quotas_of_all(reg: Registry, actor: Actor) -> None:
    """The limits for everybody, and who keeps most."""
    st.markdown(f"Everybody may keep **{_limits(reg)}**, unless the Users tab says otherwise.")
    st.caption(
        "Set with `VITRINE_QUOTA_MB` and `VITRINE_QUOTA_MODELS`. Counted are the files of one's "
        "models, whoever added them, the trash included; data sets; uploads not yet published."
    )
    found = quotas.find(reg, actor)
    if not found:
        cards.empty("Nobody keeps anything yet", "Whoever keeps most comes first.", icon="database")
        return
    cards.section("Who keeps most")
    st.dataframe(
        [_share(username, quota) for username, quota in found], hide_index=True,
        row_height=tables.ROW_PX, height=tables.height(len(found)), alt="Who keeps most",
        key="admin.quotas", placeholder="no limit",
        column_config={
            "Used": st.column_config.ProgressColumn(
                min_value=0, max_value=1, format="percent", width="medium"
            ),
            "Keeps": st.column_config.TextColumn(alignment="right"),
            "Limit": st.column_config.TextColumn(alignment="right"),
        },
    )  # fmt: skip


def _share(username: str, quota: Quota) -> dict[str, Any]:
    limit = quota.limit_bytes
    return {
        "User": text.clean(username, 40),
        "Keeps": text.size(quota.size_bytes),
        "Limit": text.size(limit) if limit else None,
        "Used": min(1.0, quota.size_bytes / limit) if limit else None,
        "Models": quota.n_models,
        "Most models": quota.limit_models or None,
    }


def _limits(reg: Registry) -> str:
    mb, models = reg.settings.quota_mb, reg.settings.quota_models
    size = text.size(mb << 20) if mb else "any amount"
    return f"{size} in {text.count(models, 'model') if models else 'any number of models'}"

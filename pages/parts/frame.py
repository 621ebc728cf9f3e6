"""Around every page: the menu, the banner and the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.parts import authenticator, mark, text, travel, who
from registry import cases, jobs, policy
from registry.memory import recalled
from registry.records import Actor

Entry = tuple[str, str, str, bool]
_NEEDS = {"upload.py": "upload", "audit.py": "admin", "admin.py": "admin"}
_ACCOUNT, _OUT = "Account", "Sign out"


def navigation(pages: Mapping[str, Sequence[Entry]], actor: Actor | None) -> StreamlitPage:
    """The page that was asked for.

    All pages are registered for everybody, so that an address survives signing in; whoever is
    not signed in sees no menu, and each page asks by itself who may open it.
    """
    sections = {
        name: [_page(entry, actor, first=not (name or i)) for i, entry in enumerate(entries)]
        for name, entries in pages.items()
    }
    return st.navigation(sections, position="sidebar" if actor else "hidden", expanded=True)


def around(actor: Actor) -> None:
    """What a signed-in person sees beside every page."""
    mark.corner()
    with st.sidebar.container(key="frame.person"):
        chosen = st.menu_button(
            text.escape(actor.name or actor.username, most=40),
            [_ACCOUNT, _OUT],
            icon=":material/account_circle:",
            key="frame.menu",
            type="tertiary",
        )
    if chosen == _ACCOUNT:
        travel.go("account.py", {})
    if chosen == _OUT:
        authenticator.Authenticate().logout(location="unrendered")
        st.rerun()
    if who.registry().pool.weak:
        st.warning(
            "**Weak sandbox.** This machine cannot lock models in (it lacks Landlock or seccomp). "
            "Upload only files that you trust.",
            icon=":material/gpp_maybe:",
        )


def _page(entry: Entry, actor: Actor | None, *, first: bool) -> StreamlitPage:
    file, title, icon, listed = entry
    may = actor is None or _may_open(actor, file)
    if file == "jobs.py" and actor:
        running = len(recalled(jobs.find, who.registry(), actor, only_open=True))
        title = f"{title} ({running})" if running else title
    if file == "quarantine.py" and actor:
        held = recalled(cases.count, who.registry(), actor)
        title = f"{title} ({held})" if held else title
        may = bool(held) or "admin" in policy.permissions(actor)
    return st.Page(
        file,
        title=title,
        icon=f":material/{icon}:",
        default=first,
        visibility="visible" if listed and may else "hidden",
    )


def _may_open(actor: Actor, file: str) -> bool:
    """Whether the page is worth showing in this person's menu."""
    return _NEEDS.get(file, "search") in policy.permissions(actor)

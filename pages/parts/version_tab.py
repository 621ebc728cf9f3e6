"""The Versions tab: the table, what can be done with the one selected, aliases, trash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from pages.parts import (
    cards,
    conversion,
    evaluating,
    golden,
    notices,
    promoting,
    reports,
    speed,
    tables,
    text,
    trash,
)
from registry import access, aliases, gates, golden_cases, timings, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import CHAMPION, LIFECYCLES, Actor, Model, Version

_LIFE = {
    "active": "Active: works as usual",
    "deprecated": "Deprecated: still works, and warns",
    "archived": "Archived: hidden, does not predict",
}


def show(
    reg: Registry, actor: Actor, model: Model, found: Sequence[Version], chosen: Version
) -> None:
    """Table, actions on what is selected, aliases with their history, trash."""
    place = st.container(horizontal=True, vertical_alignment="center")
    selected = tables.versions(
        found, model.primary_metric, "model.versions",
        speeds=recalled(timings.of_model, reg, actor, model.ref),
        golden=recalled(golden_cases.tally, reg, actor, model.ref),
    )  # fmt: skip
    subject = selected[0] if len(selected) == 1 else chosen
    with place:
        if len(selected) > 1:
            refs = [version.ref for version in reversed(selected)]
            cards.go(f"Compare {len(refs)}", "compare.py", key="model.compare", query={"v": refs},
                     type="primary")  # fmt: skip
        else:
            _actions(reg, actor, model, subject)
    st.caption(
        f"{text.count(len(found), 'version')}. Tick one to act on it, two or more to compare them."
    )
    evaluating.bar(reg, actor, selected[::-1] or [subject], "model")
    if subject.status == "quarantined":
        reports.held(actor, model, subject, "model.versions.quarantine")
    if subject.notes:
        st.markdown(f"**v{subject.number}:** {text.escape(subject.notes, 1000)}")
    left, right = st.columns(2, gap="large")
    with left:
        golden.show(reg, actor, model, subject)
        _aliases(reg, actor, model, found)
    with right:
        speed.show(reg, actor, model, subject)
    put_away(reg, actor, model)


def put_away(reg: Registry, actor: Actor, model: Model) -> None:
    """The versions in the trash, folded; nothing when there are none."""
    gone = recalled(versions.find, reg, actor, model.ref, trash=True)
    if gone:
        with st.expander(f"Trash ({len(gone)})", icon=":material/delete:"):
            trash.versions(reg, actor, model, gone)


def _actions(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """Buttons for one version, disabled with the reason where they cannot be pressed."""
    st.markdown(f"**v{version.number}** {cards.badge(version.status)}", width="content")
    why = access.allowed(actor, model.level, "alias.move")
    not_ready = "" if version.status == "ready" else f"it is {version.status}, not ready"
    is_champion = "it is the champion already" if CHAMPION in version.aliases else ""
    if cards.action("Make champion", why or not_ready or is_champion, key="model.champion",
                    icon=":material/trophy:"):  # fmt: skip
        with notices.shown(stop=False):
            promoting.champion(reg, actor, model, version)
    if cards.action("Promote", why or not_ready, key="model.promote", icon=":material/moving:"):
        promoting.ask(reg, actor, model, version)
    edit = access.allowed(actor, model.level, "version.edit")
    if cards.action("Edit", edit, key="model.edit", icon=":material/edit:"):
        _edit(reg, actor, version)
    conversion.button(reg, actor, model.level, version, key="model.convert")
    bin_it = access.allowed(actor, model.level, "version.trash")
    if cards.action("Trash", bin_it, key="model.version.trash", icon=":material/delete:"):
        _ask_trash(reg, actor, version)


@st.dialog("Edit a version")
def _edit(reg: Registry, actor: Actor, version: Version) -> None:
    """What is said about it; its file never changes."""
    st.markdown(f"**{text.escape(version.ref)}**")
    label = st.text_input("Label", version.label, key="edit.label", placeholder="1.0.0")
    notes = st.text_area("Notes", version.notes, key="edit.notes", height=120)
    life = st.radio(
        "Lifecycle", LIFECYCLES, index=LIFECYCLES.index(version.lifecycle),
        format_func=_LIFE.__getitem__, key="edit.lifecycle",
    )  # fmt: skip
    links = {
        name: st.text_input(name.capitalize(), version.links.get(name, ""), key=f"edit.{name}")
        for name in ("source", "dataset", "code")
    }
    if st.button("Save", type="primary", key="edit.save"):
        with notices.shown(stop=False):
            said: dict[str, Any] = {"label": label or "", "notes": notes or "", "lifecycle": life}
            versions.edit(reg, actor, version.ref, links=links, **said)
            cards.done(f"v{version.number} saved")


@st.dialog("Move to the trash")
def _ask_trash(reg: Registry, actor: Actor, version: Version) -> None:
    st.markdown(
        f"**{text.escape(version.ref)}**, {text.size(version.size_bytes)}. It no longer predicts; "
        f"you can restore it for {reg.settings.trash_days:g} days. Its number is not used again."
    )
    if st.button("Move to the trash", type="primary", key="trash.go"):
        with notices.shown(stop=False):
            versions.trash(reg, actor, version.ref)
            cards.done(f"v{version.number} is in the trash")


def _aliases(reg: Registry, actor: Actor, model: Model, found: Sequence[Version]) -> None:
    """Where each alias points, with roll-back; who moved what when."""
    cards.section("Aliases")
    moves, rules = aliases.history(reg, actor, model.ref), gates.get(reg, actor, model.ref)
    why = access.allowed(actor, model.level, "alias.move")
    if not model.aliases:
        st.caption("None yet. The champion is what answers when no version is named.")
    for alias, number in sorted(model.aliases.items(), key=lambda item: item[0] != CHAMPION):
        past = {move.to_number for move in moves if move.alias == alias} - {number, None}
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{cards.alias_chips([alias])} → **v{number}**", width=260)
            no_past = "" if past else "it never pointed anywhere else"
            if cards.action("Roll back", why or no_past, key=f"alias.{alias}.rollback",
                            icon=":material/undo:"):  # fmt: skip
                with notices.shown(stop=False):
                    back = aliases.rollback(reg, actor, model.ref, alias)
                    cards.done(f"{alias} is v{back.to_number} again")
            guarded = gates.guarding(rules, alias) and access.allowed(
                actor, model.level, "alias.override"
            )
            fixed = f"rules guard it: {guarded}" if guarded else ""
            if cards.action("Remove", why or fixed, key=f"alias.{alias}.remove", type="tertiary"):
                with notices.shown(stop=False):
                    aliases.remove(reg, actor, model.ref, alias)
                    cards.done(f"{alias} is removed")
    if moves:
        with st.expander(f"History ({len(moves)})", icon=":material/history:"):
            tables.moves(moves)
            _at(reg, actor, model, sorted({move.alias for move in moves}))


def _at(reg: Registry, actor: Actor, model: Model, names: Sequence[str]) -> None:
    """What was champion on 3 March?"""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    index = names.index(CHAMPION) if CHAMPION in names else 0
    alias = row.selectbox("What was", names, index=index, key="alias.at.name", width=180)
    when = row.datetime_input("at (UTC)", value=None, key="alias.at.when", width=240)
    if when:
        number = aliases.at(reg, actor, model.ref, alias or "", _utc(when))
        row.markdown(f"**v{number}**" if number else "nothing", width="content")


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC)

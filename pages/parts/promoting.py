"""Promote a version: where to, what the gate says before the click, and overriding it."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from pages.parts import cards, notices, text
from registry import access, aliases, gates
from registry.core import Registry
from registry.records import CHAMPION, STAGES, Actor, Model, RuleResult, Version


def champion(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """Make it the champion at once when the gate lets it through, else ask."""
    if all(result.passed for result in gates.check(reg, actor, version.ref, CHAMPION)):
        aliases.move(reg, actor, version.ref, CHAMPION)
        cards.done(f"v{version.number} is the champion")
    ask(reg, actor, model, version, CHAMPION)


@st.dialog("Promote a version")
def ask(
    reg: Registry, actor: Actor, model: Model, version: Version, alias: str = STAGES[0]
) -> None:
    """Alias and reason; the rules that guard the alias, with figures."""
    st.markdown(f"**{text.escape(version.ref)}**")
    names = [*STAGES, CHAMPION]
    chosen = st.selectbox(
        "To", names, index=names.index(alias), key=f"promote.alias.{alias}",
        accept_new_options=True, help="A stage, or a name of your own: letters, digits, _ and -.",
    ) or ""  # fmt: skip
    with notices.shown():
        results = gates.check(reg, actor, version.ref, chosen)
    closed = verdicts(results)
    reason = st.text_input("Reason", key="promote.reason", placeholder="Why now", max_chars=300)
    override = _override(actor, model) if closed else ""
    label = "Override and promote" if closed else "Promote"
    why = "the gate is closed" if closed and not override else ""
    if cards.action(label, why, type="primary", key="promote.go"):
        with notices.shown(stop=False):
            aliases.move(
                reg, actor, version.ref, chosen, reason or "", override_reason=override
            )  # fmt: skip
            cards.done(f"{chosen} is v{version.number}")


def _override(actor: Actor, model: Model) -> str:
    """Why the gate may be overridden; only for those who may."""
    why = access.allowed(actor, model.level, "alias.override")
    said = st.text_input(
        "Override because", key="promote.override", max_chars=1000, disabled=bool(why),
        placeholder=why or "Kept in the history and the audit", help=text.escape(why) or None,
    )  # fmt: skip
    return "" if why else (said or "").strip()


def verdicts(results: Iterable[RuleResult]) -> int:
    """Each rule green or red with its figures; gives how many are not met."""
    results = list(results)
    failed = sum(not result.passed for result in results)
    if results:
        n = text.count(len(results), "rule")
        head = f"{failed} of {n} not met" if failed else f"{n} met"
        colour = "red" if failed else "green"
        icon = ":material/block:" if failed else ":material/verified:"
        st.markdown(f":{colour}-badge[{icon} {head}]")
    for result in sorted(results, key=lambda result: result.passed):
        verdict(result)
    return failed


def verdict(result: RuleResult) -> None:
    """One rule in a line."""
    said = text.escape(result.said, 500)  # begins with the name of a metric, often
    if result.passed:
        st.markdown(f":green[:material/check_circle:] {said}")
    else:
        st.markdown(f":red[:material/cancel:] {said}")

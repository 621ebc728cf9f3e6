"""The promotion gate in the Settings tab: its rules, and what the newest version makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from pages.parts import cards, notices, promoting, tables, text
from registry import access, gates, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import CHAMPION, STAGES, Actor, Model, Rule, RuleKind, Version
from registry.tables import new_id

_KINDS: dict[RuleKind, str] = {
    "metric": "A metric is",
    "not_worse": "Not worse than the champion",
    "golden": "Golden cases pass",
    "scan": "The scan is clean",
    "latency": "Answers within",
}
_ON_METRIC = ("metric", "not_worse")
Drafts = list[tuple[str, Rule]]


def show(reg: Registry, actor: Actor, model: Model) -> None:
    """The rules one below the other, each with what the newest version makes of it now."""
    why = access.allowed(actor, model.level, "gate.edit")
    cards.section(
        "Promotion gate",
        "What a version must meet before an alias moves to it. Managers can override it.",
    )
    saved = recalled(gates.get, reg, actor, model.ref)
    found = recalled(versions.find, reg, actor, model.ref)
    newest = next((version for version in found if version.status == "ready"), None)
    key = f"gate.{model.id}"
    drafts = _drafts(key, saved)
    edited = [_row(reg, actor, name, rule, found, newest, why) for name, rule in drafts]
    if not drafts:
        st.caption("No rules: aliases move as whoever edits the model wishes.")
    elif newest:
        st.caption(f"Beside each rule: what the newest version, v{newest.number}, makes of it.")
    _actions(reg, actor, model, key, edited, saved, why)


def _drafts(key: str, saved: tuple[Rule, ...]) -> Drafts:
    """The rules as they are being edited, each with a name for its widgets; saved ones at first."""
    before, drafts = st.session_state.get(key, (None, []))
    if before != saved:
        drafts = [(new_id()[:8], rule) for rule in saved]
        st.session_state[key] = (saved, drafts)
    found: Drafts = drafts
    return found


def _row(
    reg: Registry, actor: Actor, name: str, rule: Rule, found: Sequence[Version],
    newest: Version | None, why: str,
) -> Rule:  # fmt: skip
    """One rule as widgets; gives it as edited."""
    key, off = f"gate.rule.{name}", bool(why)
    with st.container(border=True, gap="small"):
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        kind = row.selectbox(
            "Rule", list(_KINDS), index=list(_KINDS).index(rule.kind), disabled=off,
            format_func=_KINDS.__getitem__, key=f"{key}.kind", width=230,
        )  # fmt: skip
        with row:
            rule = _figures(replace(rule, kind=kind), key, found, off=off)
        known = [*STAGES, CHAMPION]
        guarded = row.multiselect(
            "Guards", list(dict.fromkeys([*known, *rule.aliases])), list(rule.aliases),
            key=f"{key}.aliases", disabled=off, width=260, accept_new_options=True,
        )  # fmt: skip
        rule = replace(rule, aliases=tuple(guarded))
        foot = st.container(horizontal=True, vertical_alignment="center")
        if newest:
            with foot.container(width="stretch"):
                promoting.verdict(gates.preview(reg, actor, newest.ref, [rule])[0])
        foot.button(
            "Remove", key=f"{key}.remove", icon=":material/close:", type="tertiary", disabled=off,
            on_click=_remove, args=(key.removeprefix("gate.rule."),),
        )  # fmt: skip
    return rule


def _figures(rule: Rule, key: str, found: Sequence[Version], *, off: bool) -> Rule:
    """What the kind of rule needs: metric, comparison, number."""
    if rule.kind in _ON_METRIC:
        measured = {name for name, _ in tables.metric_names(found)}
        names = sorted(measured | ({rule.metric} if rule.metric else set()))
        metric = st.selectbox(
            "Metric", names, index=names.index(rule.metric) if rule.metric else None, width=190,
            key=f"{key}.metric", disabled=off, accept_new_options=True, placeholder="which",
            format_func=lambda name: text.clean(name, 60),
        )  # fmt: skip
        sets = sorted({d for n, d in tables.metric_names(found) if n == metric and d})
        rule = replace(rule, metric=metric or "")
        if sets or rule.dataset:
            options = list(dict.fromkeys(["", *sets, rule.dataset]))
            dataset = st.selectbox(
                "On", options, index=options.index(rule.dataset), key=f"{key}.dataset", width=130,
                format_func=lambda name: text.clean(name, 40) or "every data set", disabled=off,
            )  # fmt: skip
            rule = replace(rule, dataset=dataset)
    if rule.kind == "metric":
        ops = list(gates.OPERATORS)
        op = st.selectbox("Is", ops, ops.index(rule.op), key=f"{key}.op", disabled=off, width=80)
        rule = replace(rule, op=op)  # type: ignore[arg-type]
    if rule.kind in (*_ON_METRIC, "latency"):
        label = {"metric": "Value", "not_worse": "By more than", "latency": "p95 below, ms"}
        value = st.number_input(
            label[rule.kind], value=float(rule.value), key=f"{key}.value", disabled=off, width=150,
            format="%.6g", step=1.0 if rule.kind == "latency" else 0.01,
        )  # fmt: skip
        rule = replace(rule, value=float(value or 0.0))
    return rule


def _remove(name: str) -> None:
    for key, state in st.session_state.items():
        if str(key).startswith("gate.") and isinstance(state, tuple):
            saved, drafts = state
            st.session_state[key] = (saved, [draft for draft in drafts if draft[0] != name])


def _add(key: str, edited: list[Rule]) -> None:
    saved, drafts = st.session_state[key]
    fresh: RuleKind = next((k for k in _KINDS if k not in {rule.kind for rule in edited}), "metric")
    value = 100.0 if fresh == "latency" else 0.0
    st.session_state[key] = (saved, [*drafts, (new_id()[:8], Rule(fresh, value=value))])


def _actions(
    reg: Registry, actor: Actor, model: Model, key: str, edited: list[Rule],
    saved: tuple[Rule, ...], why: str,
) -> None:  # fmt: skip
    same = "nothing is changed" if tuple(edited) == saved else ""
    with st.container(horizontal=True):
        st.button(
            "Add a rule", key="gate.add", icon=":material/add:", disabled=bool(why),
            help=text.escape(why) or None, on_click=_add, args=(key, edited),
        )  # fmt: skip
        if cards.action("Save rules", why or same, key="gate.save", type="primary"):
            with notices.shown(stop=False):
                gates.edit(reg, actor, model.ref, edited)
                cards.done("Rules saved")

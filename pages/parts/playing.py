"""The playground's head: which versions answer, in which mode, and what their workers do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import cards, notices, tables, text
from registry import asking, predict, search, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Model, ModelQuery, Version

MODES = ("Form", "Batch", "What-if", "JSON")
_MOST_MODELS = 200
_MODEL, _VERSIONS = "playground.model", "playground.versions"
_WARM = {
    "cold": ("gray", ":material/mode_off_on:"),
    "loading": ("blue", ":material/progress_activity:"),
    "warm": ("green", ":material/local_fire_department:"),
}


def choose(reg: Registry, actor: Actor) -> list[Version]:
    """Model and up to four versions, kept in the address; the champion unless others are chosen.

    Returns:
        The versions in the order chosen, those of other models among them; [] when there is none.
    """
    query = ModelQuery(statuses=("ready",))
    found = recalled(search.find_models, reg, actor, query, size=_MOST_MODELS).items
    wanted = st.query_params.get("model", "")
    refs = list(dict.fromkeys([*([wanted] if wanted else []), *(model.ref for model in found)]))
    if not refs:
        return []
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    names = {model.ref: _title(model) for model in found}
    _follow(_MODEL, refs[0] if wanted else _sticky(refs))
    ref = left.selectbox(
        "Model", refs, format_func=lambda r: names.get(r, r), key=_MODEL, on_change=_keep_model
    )
    listed = recalled(versions.find, reg, actor, ref)
    chosen = _chosen(reg, actor, listed, st.query_params.get_all("version"))
    if not chosen:
        return []
    options = {version.ref: version for version in (*listed, *chosen)}
    _follow(_VERSIONS, [version.ref for version in chosen])
    right.multiselect(
        "Versions", list(options), format_func=lambda r: _label(options[r], ref), key=_VERSIONS,
        on_change=_keep_versions, max_selections=asking.MOST,
        help="Up to four answer the same input. The first one makes the form.",
    )  # fmt: skip
    return chosen


def _chosen(
    reg: Registry, actor: Actor, listed: Sequence[Version], asked: Sequence[str]
) -> list[Version]:
    """The versions that the address names, else the champion or what stands in for it."""
    by_name = {str(version.number): version for version in listed}
    by_name |= {alias: version for version in listed for alias in version.aliases}
    found = []
    for said in asked:
        if "@" in said:
            found.append(recalled(versions.get, reg, actor, said))
        elif version := by_name.get(said.removeprefix("v")):
            found.append(version)
    first = next((version for version in listed if version.can_predict), None)
    start = by_name.get("champion") or first or next(iter(listed), None)
    unique = list({version.ref: version for version in found}.values())[: asking.MOST]
    return unique or ([start] if start else [])


def _sticky(refs: Sequence[str]) -> str:
    """The model chosen before, while it is still there."""
    before = st.session_state.get(_MODEL)
    return str(before) if before in refs else refs[0]


def _follow(key: str, value: Any) -> None:
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _keep_model() -> None:
    st.query_params["model"] = st.session_state[_MODEL]
    st.query_params.pop("version", None)


def _keep_versions() -> None:
    """The address names versions of the model by number, those of other models in full."""
    model = st.session_state[_MODEL]
    st.query_params["model"] = model
    refs = st.session_state[_VERSIONS]
    st.query_params["version"] = [ref.removeprefix(f"{model}@") for ref in refs]


def _title(model: Model) -> str:
    return text.clean(f"{model.name} · {model.ref}", 90)


def _label(version: Version, model: str) -> str:
    name = f"v{version.number}" if version.model == model else f"{version.model} v{version.number}"
    parts = [name, version.label, *version.aliases]
    if not version.can_predict:
        parts.append("does not predict")
    return text.clean(" · ".join(part for part in parts if part), 80)


def mode() -> tuple[str, DeltaGenerator]:
    """How the input is given, kept in the address, and the place beside it for `workers`."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    chosen = row.segmented_control(
        "Input as", MODES, default=MODES[0], required=True, key="mode", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or MODES[0], row.container(width="stretch")


def workers(reg: Registry, actor: Actor, chosen: Sequence[Version]) -> None:
    """Which versions a worker has loaded, and the button that loads the others ahead."""
    runnable = [version for version in chosen if version.can_predict]
    states = {version.ref: predict.state(reg, actor, version.ref) for version in runnable}
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="right", gap="small"
    ):
        for version in runnable:
            colour, icon = _WARM[states[version.ref]]
            name = f"{text.escape(tables.short_name(version, runnable))} " if chosen[1:] else ""
            st.markdown(f":{colour}-badge[{icon} {name}{states[version.ref]}]", width="content")
        cold = [ref for ref, state in states.items() if state == "cold"]
        if cold and st.button("Warm up", key="playground.warm"):
            with notices.shown(stop=False), st.spinner("Loading"):
                took_ms = sum(predict.warm(reg, actor, ref) for ref in cold)
                cards.done(f"Warm after {text.duration(took_ms)}")

"""The playground's left side: which version answers, its worker, and the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import cards, forms, notices, text
from registry import predict, search, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Model, ModelQuery, Schema, Version

_MOST_MODELS = 200
_WORDS = {
    "cold": ":gray-badge[:material/mode_off_on: cold]",
    "loading": ":blue-badge[:material/progress_activity: loading]",
    "warm": ":green-badge[:material/local_fire_department: warm]",
}
ANSWER = "playground.answer"


def choose(reg: Registry, actor: Actor) -> tuple[Version | None, DeltaGenerator]:
    """Model and version, kept in the address; the champion unless another is chosen.

    Returns:
        The version, and the place beside it where `worker` is shown after the answer.
    """
    query = ModelQuery(statuses=("ready",))
    found = recalled(search.find_models, reg, actor, query, size=_MOST_MODELS).items
    wanted = st.query_params.get("model", "")
    refs = list(dict.fromkeys([*([wanted] if wanted else []), *(model.ref for model in found)]))
    if not refs:
        return None, st.container()
    left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
    names = {model.ref: _title(model) for model in found}
    _follow("playground.model", refs[0] if wanted else _sticky(refs))
    ref = left.selectbox(
        "Model", refs, format_func=lambda r: names.get(r, r), key="playground.model",
        on_change=_keep_model,
    )  # fmt: skip
    listed = recalled(versions.find, reg, actor, ref)
    chosen = _version(listed, st.query_params.get("version", ""))
    if chosen is None:
        return None, right
    _follow("playground.version", chosen.number)
    labels = {version.number: _label(version) for version in listed}
    middle.selectbox(
        "Version", list(labels), format_func=labels.__getitem__, key="playground.version",
        on_change=_keep_version,
    )  # fmt: skip
    return chosen, right


def _sticky(refs: Sequence[str]) -> str:
    """The model chosen before, while it is still there."""
    before = st.session_state.get("playground.model")
    return str(before) if before in refs else refs[0]


def _follow(key: str, value: Any) -> None:
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _keep_model() -> None:
    st.query_params["model"] = st.session_state["playground.model"]
    st.query_params.pop("version", None)
    st.session_state.pop(ANSWER, None)


def _keep_version() -> None:
    st.query_params["model"] = st.session_state["playground.model"]
    st.query_params["version"] = str(st.session_state["playground.version"])
    st.session_state.pop(ANSWER, None)


def _title(model: Model) -> str:
    return text.clean(f"{model.name} · {model.ref}", 90)


def _label(version: Version) -> str:
    parts = [f"v{version.number}", version.label, *version.aliases]
    if not version.can_predict:
        parts.append("does not predict")
    return text.clean(" · ".join(part for part in parts if part), 80)


def _version(listed: Sequence[Version], said: str) -> Version | None:
    by_name = {str(version.number): version for version in listed}
    by_name |= {alias: version for version in listed for alias in version.aliases}
    first = next((version for version in listed if version.can_predict), None)
    start = by_name.get("champion") or first or next(iter(listed), None)
    return by_name.get(said.removeprefix("v"), start)


def worker(reg: Registry, actor: Actor, version: Version) -> None:
    """Whether a worker has it loaded, and the button that loads it ahead."""
    state = predict.state(reg, actor, version.ref)
    with st.container(horizontal=True, vertical_alignment="center", height=44, border=False):
        st.markdown(_WORDS[state], width="content")
        if state == "cold" and st.button("Warm up", key="playground.warm"):
            with notices.shown(stop=False), st.spinner("Loading"):
                took_ms = predict.warm(reg, actor, version.ref)
                cards.done(f"Warm after {text.duration(took_ms)}")


def chips(schema: Schema, key: str) -> None:
    """Examples to click, and Clear."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for position, (name, row) in enumerate(forms.examples(schema).items()):
            st.button(
                name, key=f"playground.example.{position}", icon=":material/lightbulb:",
                on_click=forms.use, args=(schema, key, row),
            )  # fmt: skip
        st.button("Clear", key="playground.clear", type="tertiary",
                  on_click=forms.clear, args=(schema, key))  # fmt: skip


def ask(reg: Registry, actor: Actor, version: Version, schema: Schema, mode: str) -> Any:
    """The input as the chosen mode takes it; None until it is submitted."""
    key = f"playground.{version.id}"
    if mode == "JSON":
        with st.form("playground.json", border=False):
            said = forms.raw(schema, key)
            sent = st.form_submit_button("Submit", type="primary", icon=":material/play_arrow:")
        return forms.parse(said) if sent else None
    if schema.kind == "table":
        with st.form("playground.form", border=False):
            row = forms.table(schema, key)
            sent = st.form_submit_button("Submit", type="primary", icon=":material/play_arrow:")
        return [row] if sent else None
    given = forms.tensors(reg, actor, version, schema, key)
    sent = st.button(
        "Submit", type="primary", icon=":material/play_arrow:", key="playground.submit"
    )
    return forms.numbers(given) if sent else None

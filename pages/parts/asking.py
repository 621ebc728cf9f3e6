"""The playground's left side: the input, as a form of the schema or as JSON."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import forms
from registry.core import Registry
from registry.records import Actor, Schema, Version


def form(reg: Registry, actor: Actor, version: Version, mode: str) -> Any:
    """Examples, Clear and the input as the chosen mode takes it; None until it is submitted."""
    schema = version.schema
    assert schema is not None, "a version that predicts has a schema"
    key = f"playground.{version.id}"
    _chips(schema, key)
    if mode == "JSON":
        with st.form("playground.json", border=False):
            said = forms.raw(schema, key)
            sent = _submit()
        return forms.parse(said) if sent else None
    if schema.kind == "table":
        with st.form("playground.form", border=False):
            row = forms.table(schema, key)
            sent = _submit()
        return [row] if sent else None
    given = forms.tensors(reg, actor, version, schema, key)
    sent = st.button(
        "Submit", type="primary", icon=":material/play_arrow:", key="playground.submit"
    )
    return forms.numbers(given) if sent else None


def _submit() -> bool:
    return st.form_submit_button("Submit", type="primary", icon=":material/play_arrow:")


def _chips(schema: Schema, key: str) -> None:
    """Examples to click, and Clear."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for position, (name, row) in enumerate(forms.examples(schema).items()):
            st.button(
                name, key=f"playground.example.{position}", icon=":material/lightbulb:",
                on_click=forms.use, args=(schema, key, row),
            )  # fmt: skip
        st.button("Clear", key="playground.clear", type="tertiary",
                  on_click=forms.clear, args=(schema, key))  # fmt: skip

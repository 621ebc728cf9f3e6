"""Versions of other models beside those of the playground's own, where they take the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.parts import text
from registry import asking, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Version


def adder(
    reg: Registry, actor: Actor, model: str, names: Mapping[str, str], chosen: Sequence[Version]
) -> None:
    """Choose another model, then one of its versions.

    Args:
        names: Address of every model that can be chosen, to its title.
        chosen: The versions that answer already; the first one's kind of input is what counts.
    """
    full = len(chosen) >= asking.MOST
    place = st.popover(
        "Other model", icon=":material/add:", disabled=full, key="playground.others",
        on_change="rerun", help="At most four versions" if full else None, width="stretch",
    )  # fmt: skip
    if not place.open:
        return
    with place:
        refs = [ref for ref in names if ref != model]
        other = st.selectbox("Of the model", refs, format_func=names.__getitem__,
                             key="playground.others.model")  # fmt: skip
        fitting = _fitting(reg, actor, other, chosen) if other else {}
        ref = st.selectbox("The version", list(fitting), format_func=fitting.__getitem__,
                           key="playground.others.version")  # fmt: skip
        if not fitting:
            st.caption("No version of it takes this kind of input.")
        st.button("Add", key="playground.others.add", type="primary", disabled=not ref,
                  on_click=_add, args=(model, chosen, ref))  # fmt: skip


def _fitting(reg: Registry, actor: Actor, model: str, chosen: Sequence[Version]) -> dict[str, str]:
    """Versions that predict from the same kind of input, with their names."""
    schema, taken = chosen[0].schema, {version.ref for version in chosen}
    return {
        v.ref: text.clean(" · ".join((f"v{v.number}", *v.aliases)), 60)
        for v in recalled(versions.find, reg, actor, model)
        if v.can_predict and v.schema and schema and v.schema.kind == schema.kind
        if v.ref not in taken
    }


def _add(model: str, chosen: Sequence[Version], ref: str) -> None:
    refs = [*(version.ref for version in chosen), ref]
    st.query_params["model"] = model
    st.query_params["version"] = [one.removeprefix(f"{model}@") for one in refs]

"""The top of a model's page: name, facts, actions, what is being checked right now."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import cards, notices, text, travel
from registry import access, models, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Model, Version

_POLL_S = 1.0


def show(reg: Registry, actor: Actor, model: Model, chosen: Version | None) -> None:
    """Title, facts, and the actions: try, upload a version, the rest in a menu."""
    address = f"`{model.ref}`"
    with cards.header(model.name, f"{address} {cards.model_facts(model)}"):
        why = access.allowed(actor, model.level, "model.predict")
        why = why or (chosen.why_no_predictions if chosen else "it has no ready version yet")
        if cards.action("Try", why, key="model.try", icon=":material/play_arrow:", type="primary"):
            query = {"model": model.ref, "version": str(chosen.number)} if chosen else {}
            travel.go("playground.py", query)
        why = access.allowed(actor, model.level, "version.add")
        if cards.action("Upload version", why, key="model.upload", icon=":material/upload:"):
            travel.go("upload.py", {"model": model.ref})
        _menu(reg, actor, model)
    if model.description:
        st.markdown(text.escape(model.description, 1000))
    if model.tags:
        st.markdown(" ".join(cards.chip(tag, icon=":material/sell:") for tag in model.tags))


def _menu(reg: Registry, actor: Actor, model: Model) -> None:
    choices = {"Compare versions": _compare, "Move to the trash": _ask_trash}
    pressed = st.menu_button(":material/more_horiz:", list(choices), key="model.menu")
    if pressed:
        choices[pressed](reg, actor, model)


def _compare(reg: Registry, actor: Actor, model: Model) -> None:
    found = [v for v in recalled(versions.find, reg, actor, model.ref) if v.status != "checking"][
        :6
    ]
    travel.go("compare.py", {"v": [v.ref for v in reversed(found)]})


@st.dialog("Move to the trash")
def _ask_trash(reg: Registry, actor: Actor, model: Model) -> None:
    """What goes with it, and for how long it can be taken back."""
    found = recalled(versions.find, reg, actor, model.ref)
    size = text.size(sum(version.size_bytes for version in found))
    n = text.count(len(found), "version")
    st.markdown(
        f"**{text.escape(model.name)}** with {n}, {size}. Nobody can open it any more; you can "
        f"restore it for {reg.settings.trash_days:g} days."
    )
    why = access.allowed(actor, model.level, "model.trash")
    if cards.action("Move to the trash", why, key="model.trash", type="primary"):
        with notices.shown(stop=False):
            models.trash(reg, actor, model.ref)
            st.toast("Moved to the trash", icon=":material/delete:")
            travel.go("models.py", {})  # None would refuse: `tab` is bound


def pick(model: Model, found: Sequence[Version]) -> Version | None:
    """The version the page talks about: named by the address, else champion, else newest ready."""
    if not found:
        return None
    numbers = {version.number: version for version in found}
    said = st.query_params.get("version", "")
    ready = [version.number for version in found if version.status == "ready"]
    start = model.champion or next(iter(ready), found[0].number)
    number = int(said) if said.isdigit() and int(said) in numbers else start
    return numbers.get(number, found[0])


def chooser(found: Sequence[Version], chosen: Version, tab: str) -> None:
    """Choose another version for this tab; written into the address."""
    key = f"model.version.{tab}"
    st.session_state[key] = chosen.number
    names = {version.number: _name(version) for version in found}
    st.selectbox(
        "Version", list(names), format_func=names.__getitem__, key=key, width=340,
        on_change=_keep, args=(key,),
    )  # fmt: skip


def _name(version: Version) -> str:
    aliases = f" · {', '.join(version.aliases)}" if version.aliases else ""
    label = f" · {version.label}" if version.label else ""
    return text.clean(f"v{version.number}{label}{aliases} · {version.status}", 90)


def _keep(key: str) -> None:
    st.query_params["version"] = str(st.session_state[key])


def follow(reg: Registry, actor: Actor, model: Model, found: Sequence[Version]) -> None:
    """Watch versions that are being checked; the page is shown anew when one is done."""
    waiting = tuple(version.number for version in found if version.status == "checking")
    if waiting:
        st.fragment(_watch, run_every=_POLL_S)(reg, actor, model.ref, waiting)


def _watch(reg: Registry, actor: Actor, ref: str, waiting: tuple[int, ...]) -> None:
    with notices.shown():
        found = recalled(versions.find, reg, actor, ref)
    still = tuple(version.number for version in found if version.status == "checking")
    if still != waiting:
        st.rerun()
    names = text.listing([f"v{number}" for number in still])
    st.status(f"{names} is loaded once in a sandbox to see whether it works", state="running")

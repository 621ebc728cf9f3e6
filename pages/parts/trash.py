"""What was put away: restore it, or delete it for good after typing its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from pages.parts import cards, notices, text
from registry import access
from registry import models as registered
from registry import versions as numbered
from registry.core import Registry
from registry.records import Actor, Model, Page, Version


def switch(open_now: bool) -> None:
    """Between the models and the trash."""
    if open_now:
        cards.go("Back to models", "models.py", key="models.back", icon=":material/arrow_back:")
    else:
        icon = ":material/delete:"
        cards.go("Trash", "models.py", key="models.trash", query={"trash": "1"}, icon=icon)


def models(reg: Registry, actor: Actor, found: Page[Model]) -> None:
    """The models in the trash, each with what it would take with it."""
    if not found.items:
        days = f"{reg.settings.trash_days:g}"
        cards.empty("The trash is empty", f"What is put here stays for {days} days.", icon="delete")
    for model in found.items:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            about = f"{model.ref} · {text.count(model.n_versions, 'version')}"
            _said(model.name, about, reg, model.deleted_at)
            why = access.allowed(actor, model.level, "model.restore")
            if cards.action("Restore", why, key=f"trash.{model.id}.restore"):
                with notices.shown(stop=False):
                    registered.restore(reg, actor, model.ref)
                    cards.done(f"{model.name} is back")
            why = access.allowed(actor, model.level, "model.purge")
            if cards.action("Delete for good", why, key=f"trash.{model.id}.purge"):
                _confirm(model.ref, partial(registered.purge, reg, actor, model.ref))


def versions(reg: Registry, actor: Actor, model: Model, found: Sequence[Version]) -> None:
    """The versions of a model in the trash."""
    for version in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            _said(f"v{version.number}", text.size(version.size_bytes), reg, version.deleted_at)
            why = access.allowed(actor, model.level, "version.trash")
            if cards.action("Restore", why, key=f"trash.{version.id}.restore"):
                with notices.shown(stop=False):
                    numbered.restore(reg, actor, version.ref)
                    cards.done(f"v{version.number} is back")
            why = access.allowed(actor, model.level, "version.purge")
            if cards.action("Delete for good", why, key=f"trash.{version.id}.purge"):
                _confirm(version.ref, partial(numbered.purge, reg, actor, version.ref))


def _said(name: str, about: str, reg: Registry, deleted_at: object) -> None:
    days = f"{reg.settings.trash_days:g} days"
    when = f"put away {text.ago(deleted_at)}, restorable for {days}"  # type: ignore[arg-type]
    st.markdown(
        f"**{text.escape(name, 80)}**  \n:small[:gray[{text.escape(about, 120)} · {when}]]",
        width="stretch",
    )


@st.dialog("Delete for good")
def _confirm(ref: str, purge: Callable[[], int]) -> None:
    """Cannot be undone: the address is typed before the button works."""
    st.markdown(
        f"**{text.escape(ref)}** and its files are deleted for good. Nobody can bring them back; "
        "files that other versions share stay."
    )
    typed = st.text_input("Type the address to confirm", key="trash.typed", live=True)
    why = "" if typed == ref else "type the address first"
    if cards.action("Delete for good", why, type="primary", key="trash.confirm"):
        with notices.shown(stop=False):
            freed = purge()
            cards.done(f"{ref} is deleted, {text.size(freed)} freed")

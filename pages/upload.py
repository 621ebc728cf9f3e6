"""/upload?model=owner/slug&draft=id: bring model files, see what is in them, publish versions."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, drafts, importing, notices, packed, session, travel
from registry.core import Registry
from registry.records import Actor, Details, Draft

reg, actor = session.require("upload")


def work_on(reg: Registry, actor: Actor, draft: Draft, last: bool) -> None:
    """One draft: what was read, what the person says, publish."""
    drafts.read(draft)
    where = drafts.place(reg, actor, draft)
    said = drafts.details(reg, actor, draft, where)
    result = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        key = f"upload.{draft.id}.publish"
        if cards.action("Publish version", where.why_not, key=key, type="primary"):
            with result, notices.shown(stop=False):
                send(reg, actor, draft, said, last)
        drop(reg, actor, draft.id)
        st.caption("Nothing is published before this.")


def send(reg: Registry, actor: Actor, draft: Draft, said: Details, last: bool) -> None:
    """Publish; the page moves to the model when no other draft waits."""
    version = drafts.send(reg, actor, draft, said)
    if last:
        travel.go("model.py", {"name": version.model, "tab": "Versions"})
    st.toast(f"Published as version {version.number}", icon=":material/check_circle:")
    st.rerun()


def drop(reg: Registry, actor: Actor, draft_id: str) -> None:
    """Throw an upload away."""
    if st.button("Discard", key=f"upload.{draft_id}.discard"):
        with notices.shown(stop=False):
            drafts.discard(reg, actor, draft_id)
        drafts.forget(draft_id)
        st.rerun()


cards.header("Upload", "A file in, a version out: inspected without being run.")
with notices.shown():
    ids = drafts.collect(reg)
importing.show(reg, actor)
if not ids:
    drafts.teach()

places = st.tabs(drafts.titles(ids)) if len(ids) > 1 else [st.container()]
opened = {draft_id: drafts.look(reg, actor, draft_id) for draft_id in ids}
for (draft_id, found), place in zip(opened.items(), places, strict=False):
    with place, notices.shown(stop=False):
        if isinstance(found, Draft):
            work_on(reg, actor, found, last=drafts.n_open(ids) == 1)
        else:
            notices.show(found)
            packed.choose(found, draft_id)
            drop(reg, actor, draft_id)

"""Choose a file that the operator laid into the server's folder, where it is offered."""

from __future__ import annotations

import streamlit as st

from pages.parts import drafts, notices, text
from registry import server_folder
from registry.core import Registry
from registry.records import Actor, FolderFile

_SIZE = 10


def show(reg: Registry, actor: Actor) -> None:
    """The files of the folder, folded; nothing where none is offered."""
    if not server_folder.is_on(reg):
        return
    place = st.expander(
        "From the server's folder", icon=":material/folder_open:", key="upload.folder",
        on_change="rerun",
    )  # fmt: skip
    if not place.open:
        return
    with place, notices.shown(stop=False):
        _listing(reg, actor)


def _listing(reg: Registry, actor: Actor) -> None:
    st.caption("For what is too large for a browser: the operator of this server puts it there.")
    wanted = st.text_input("Find by name", key="upload.folder.text", placeholder="part of a name")
    key = f"upload.folder.page.{wanted}"
    number = int(st.session_state.get(key) or 1)
    page = server_folder.find(reg, actor, wanted or "", number, _SIZE)
    if not page.items:
        st.caption("No such file is there." if wanted else "The folder is empty.")
    for file in page.items:
        with st.container(horizontal=True, vertical_alignment="center"):
            _file(reg, actor, file)
    if page.n_pages > 1:
        st.pagination(page.n_pages, key=key)


def _file(reg: Registry, actor: Actor, file: FolderFile) -> None:
    about = f"{text.size(file.size_bytes)} · {text.ago(file.modified_at)}"
    st.markdown(f"**{text.escape(file.path, 200)}**  \n:small[:gray[{about}]]", width="stretch")
    most = reg.settings.max_upload_mb
    why = f"above the limit of {most} MB" if file.size_bytes > most << 20 else ""
    if st.button("Import", key=f"upload.folder.{file.path}", disabled=bool(why), help=why or None):
        bar, about = st.progress(0.0), f"Reading {text.escape(file.path, 60)}"

        def progress(share: float) -> None:
            bar.progress(share, about)

        staged = server_folder.take(reg, actor, file.path, progress)
        drafts.add(staged)
        st.rerun()

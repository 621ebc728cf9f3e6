"""Choose a file that lies where the server can read it, and see it come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from pages.parts import drafts, notices, text
from registry import imports, jobs, server_bucket, server_folder, staging
from registry.core import Registry
from registry.records import Actor, FolderFile, Import, ImportPlace, Page

_SIZE = 10
_EVERY_S = 0.5
_OPEN = ("queued", "running")
_FOLDED = "upload.server"
_ASKED = "upload.imports"
"""In the session: ids of what was asked for in this visit, and is not opened yet."""


class _Place(NamedTuple):
    """How a place is called, what is in it, and how it is searched."""

    name: str
    about: str
    hint: str
    limit: int
    is_on: Callable[[Registry], bool]
    find: Callable[[Registry, Actor, str, int, int], Page[FolderFile]]


_PLACES: dict[ImportPlace, _Place] = {
    "folder": _Place(
        "Folder", "The operator of this server puts files there.", "part of a path",
        server_folder.MOST_FILES, server_folder.is_on, server_folder.find,
    ),
    "bucket": _Place(
        "Bucket", "Objects of the S3 bucket that this server imports from.",
        "beginning of a key", server_bucket.MOST_LISTED, server_bucket.is_on, server_bucket.find,
    ),
}  # fmt: skip


def show(reg: Registry, actor: Actor) -> None:
    """What is coming in, and the files of each place, folded; nothing where none is offered."""
    places = [place for place, told in _PLACES.items() if told.is_on(reg)]
    if not places:
        return
    with notices.shown(stop=False):
        busy = any(one.state in _OPEN for one in imports.find(reg, actor))
        st.fragment(_coming, run_every=_EVERY_S if busy else None)(reg, actor, busy)
    folded = st.expander(
        "From the server", icon=":material/folder_open:", key=_FOLDED, on_change="rerun"
    )
    if not folded.open:
        return
    with folded, notices.shown(stop=False):
        st.caption("For what is too large for a browser.")
        if len(places) > 1:
            places = [_chosen(places)]
        _listing(reg, actor, places[0])


def _chosen(places: list[ImportPlace]) -> ImportPlace:
    return st.segmented_control(
        "Place", places, default=places[0], required=True, key="upload.server.place",
        format_func=lambda place: _PLACES[place].name,
    )  # fmt: skip


def _coming(reg: Registry, actor: Actor, busy: bool) -> None:
    """Each import under way with its progress; one that is here is opened as a draft."""
    found = imports.find(reg, actor)
    asked: set[str] = st.session_state.setdefault(_ASKED, set())
    for one in found:
        if one.state == "done" and one.id in asked:
            _open(reg, actor, one)
    if busy and not any(one.state in _OPEN for one in found):
        st.rerun()
    opened = st.query_params.get_all("draft")
    for one in found:
        if one.state in _OPEN:
            _progress(reg, actor, one)
        elif one.state == "done" and one.id not in opened:
            with st.container(horizontal=True, vertical_alignment="center"):
                _said(one, "is here, not published yet")
                if st.button("Open", key=f"upload.import.open.{one.id}"):
                    _open(reg, actor, one)
        elif one.state == "failed" and one.id in asked:
            with st.container(horizontal=True, vertical_alignment="center"):
                _said(one, f"was not imported: {one.message}")
                if st.button("Hide", key=f"upload.import.hide.{one.id}"):
                    asked.discard(one.id)
                    st.rerun()


def _said(one: Import, what: str) -> None:
    words = f"**{text.escape(one.path, 200)}** {text.escape(what, 300)}"
    st.markdown(words, width="stretch")


def _progress(reg: Registry, actor: Actor, one: Import) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        said = f": {text.escape(one.message)}" if one.message else ""
        st.progress(one.progress, f"Importing {text.escape(one.path, 60)}{said}")
        if st.button("Cancel", key=f"upload.import.cancel.{one.id}"):
            jobs.cancel(reg, actor, one.job_id)
            st.rerun()


def _open(reg: Registry, actor: Actor, one: Import) -> None:
    st.session_state[_ASKED].discard(one.id)
    drafts.add(staging.get(reg, actor, one.id))
    st.session_state[_FOLDED] = False  # else the files would stand before the draft
    st.rerun()


def _listing(reg: Registry, actor: Actor, place: ImportPlace) -> None:
    told = _PLACES[place]
    st.caption(told.about)
    wanted = st.text_input("Find", key=f"upload.server.text.{place}", placeholder=told.hint)
    key = f"upload.server.page.{place}.{wanted}"
    number = int(st.session_state.get(key) or 1)
    page = told.find(reg, actor, wanted or "", number, _SIZE)
    if not page.items:
        st.caption("No such file is there." if wanted else "Nothing is there.")
    for file in page.items:
        with st.container(horizontal=True, vertical_alignment="center"):
            _file(reg, actor, place, file)
    if page.n_pages > 1:
        st.pagination(page.n_pages, key=key)
    if page.items:
        more = "; the first are listed, look for the others" if page.total >= told.limit else ""
        st.caption(f"{text.count(page.total, 'file')}{more}")


def _file(reg: Registry, actor: Actor, place: ImportPlace, file: FolderFile) -> None:
    about = f"{text.size(file.size_bytes)} · {text.ago(file.modified_at)}"
    st.markdown(f"**{text.escape(file.path, 200)}**  \n:small[:gray[{about}]]", width="stretch")
    most = reg.settings.max_upload_mb
    why = f"above the limit of {most} MB" if file.size_bytes > most << 20 else ""
    key = f"upload.server.{place}.{file.path}"
    if st.button("Import", key=key, disabled=bool(why), help=why or None):
        asked = imports.start(reg, actor, place, file.path)
        st.session_state.setdefault(_ASKED, set()).add(asked.id)
        st.rerun()

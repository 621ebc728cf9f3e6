"""Uploaded files: what the widget holds is a pointer made by the upload gate."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.parts import who
from registry import staging
from registry.core import Registry
from registry.errors import NotSignedIn
from registry.records import Actor, Staged

_POINTER = b'{"vitrine"'
_LONGEST_POINTER = 4096


def staged(file: UploadedFile) -> Staged:
    """The staged file behind an uploaded one, the same at every run.

    Where no gate stands (tests without a server) the widget holds the bytes: they are staged here.

    Raises:
        InvalidInput: The pointer is not this person's, or too old.
        NotFound: The file was published or discarded meanwhile.
        TooLarge, StorageFull, RateLimited, Forbidden, BrokenArtifact: As `staging.receive` says.
    """
    actor = who.current()
    if actor is None:
        raise NotSignedIn("sign in to upload")
    reg = who.registry()
    blob = file.getbuffer()
    if len(blob) <= _LONGEST_POINTER and bytes(blob[: len(_POINTER)]) == _POINTER:
        return staging.from_pointer(reg, actor, bytes(blob))
    return _received(reg, actor, file)


def _received(reg: Registry, actor: Actor, file: UploadedFile) -> Staged:
    key = f"uploads.{file.file_id}"
    if key in st.session_state:
        return staging.get(reg, actor, st.session_state[key])
    with staging.receive(reg, actor, file.name) as incoming:
        incoming.write(file.getbuffer())
        found = incoming.finish()
    st.session_state[key] = found.id
    return found

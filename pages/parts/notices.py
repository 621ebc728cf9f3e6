"""What a person reads when something did not work: what happened, why, what to do now."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
import structlog

from pages.parts import reports, text
from registry.errors import (
    Busy,
    Conflict,
    Forbidden,
    GateClosed,
    InvalidInput,
    NotFound,
    NotInstalled,
    NotSignedIn,
    OutOfMemory,
    PredictionFailed,
    PredictionTimeout,
    QuotaExceeded,
    RateLimited,
    RegistryError,
    Rejected,
    SeveralModels,
    StorageFull,
    StoreError,
    UnsafeArtifact,
    WorkerCrashed,
)

_log = structlog.get_logger(__name__)
# Class, title, icon, what to do now; the first that fits is shown.
_KINDS: tuple[tuple[type[RegistryError], str, str, str], ...] = (
    (NotFound, "Not found", "search_off", "Check the address, or ask its owner to share it."),
    (NotSignedIn, "Not signed in", "lock", ""),
    (Forbidden, "Not allowed", "lock", ""),
    (
        GateClosed,
        "The gate is closed",
        "block",
        "Whoever manages the model can override it, in the dialog to promote, with a reason.",
    ),
    (Conflict, "This does not fit", "sync_problem", ""),
    (SeveralModels, "Which model?", "help", ""),
    (Rejected, "File refused", "block", "Nothing of it was kept."),
    (
        PredictionTimeout,
        "Too slow",
        "timer_off",
        "Nobody else was kept waiting. Try fewer rows or a smaller input; if its own example takes "
        "as long, tell its owner.",
    ),
    (
        OutOfMemory,
        "Out of memory",
        "memory",
        "Try fewer rows or a smaller input; an administrator can give workers more.",
    ),
    (
        WorkerCrashed,
        "The model crashed",
        "error",
        "It ran in a sandbox, so nothing else was touched; the next question starts it afresh. "
        "Try its example: if that works, the input is what it cannot take; if not, tell its owner.",
    ),
    (
        PredictionFailed,
        "No prediction",
        "error",
        "Try its example: if that works, the input is what it cannot take; if not, tell its owner.",
    ),
    (
        Busy,
        "Busy",
        "hourglass",
        "What you entered is still there.",
    ),
    (RateLimited, "Too many tries", "hourglass", ""),
    (NotInstalled, "Not installed", "extension_off", ""),
    (QuotaExceeded, "Your share is used up", "data_usage", ""),
    (StorageFull, "No room", "hard_drive", "Nothing was kept. Ask an administrator to make room."),
    (StoreError, "Stored bytes are damaged", "heart_broken", "Tell an administrator."),
)


@contextmanager
def shown(*, stop: bool = True) -> Iterator[None]:
    """Show an error of the registry where it happened.

    Args:
        stop: End the run after it (the page needs what failed); False: go on below the block.
    """
    try:
        yield
    except RegistryError as error:
        show(error)
        if stop:
            st.stop()


def show(error: RegistryError) -> None:
    """One error as a notice; messages may hold user text, so nothing in them is markup."""
    if isinstance(error, InvalidInput):
        lines = [f"- **{_field(name)}** {_text(why)}" for name, why in error.problems.items()]
        st.error("Check what you entered:\n\n" + "\n".join(lines), icon=":material/edit_note:")
        return
    kind = next((k for k in _KINDS if isinstance(error, k[0])), None)
    title, icon, now = kind[1:] if kind else ("This did not work", "error", "Try again.")
    said = "" if isinstance(error, UnsafeArtifact) else _sentence(error.message)  # below, in full
    parts = (f"**{title}.**", said, now)
    st.error(" ".join(part for part in parts if part), icon=f":material/{icon}:")
    if isinstance(error, UnsafeArtifact):
        reports.show(error.report)
    if isinstance(error, PredictionFailed) and error.log.strip():
        with st.expander("What the model said"):
            st.code(error.log[-4000:], language=None, wrap_lines=True)


def ended(outcome: str) -> str:
    """How a prediction ended, in the words of its notice: `outcome` is "ok" or a class of error."""
    titles = {kind.__name__: title.lower() for kind, title, *_ in _KINDS}
    return titles.get(outcome, {"ok": "ok", "InvalidInput": "input refused"}.get(outcome, "failed"))


def broke(error: Exception) -> bool:
    """Streamlit's handler of what a page did not expect: logged, and shown as an id to quote."""
    if isinstance(error, RegistryError):
        show(error)
        return True
    error_id = secrets.token_hex(4)
    _log.error("page broke", error_id=error_id, error=type(error).__name__)
    st.error(
        "**Something broke on our side.** Nothing you entered is at fault. Reload the page; if it "
        f"happens again, tell an administrator this id: `{error_id}`",
        icon=":material/bug_report:",
    )
    return True


def _field(name: str) -> str:
    return _text(name[:1].upper() + name[1:])


def _sentence(message: str) -> str:
    said = message[:1].upper() + message[1:]
    return _text(said if said.endswith((".", "?", "…")) else said + ".")


def _text(value: str) -> str:
    return text.escape(value, most=2000)

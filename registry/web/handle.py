"""The process-wide registry handle: one per server, set by the launcher or a test."""

from __future__ import annotations

import threading

from registry.core import Registry, open_registry

_lock = threading.Lock()
_current: Registry | None = None


def use(reg: Registry | None) -> None:
    """Make this the registry of the process; None forgets it."""
    global _current
    with _lock:
        _current = reg


def get() -> Registry:
    """The registry of the process, opened from the settings at first need."""
    global _current
    with _lock:
        if _current is None:
            _current = open_registry()
        return _current

"""Functions that a pickle may call, watched wherever it puts them: none may become data.

What is called while a file is loaded has its arguments looked at. Kept as a value, the same
function is called later, by whoever gets it and with anything: `getattr` alone leads from any
function to `exec`. To look at states when they are set is not enough: lists are filled afterwards.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_FILL = {
    pickle.APPEND: 1, pickle.APPENDS: 0, pickle.SETITEM: 2, pickle.SETITEMS: 0, pickle.LIST: 0,
    pickle.DICT: 0, pickle.ADDITEMS: 0, pickle.FROZENSET: 0,
}  # fmt: skip
_TUPLES = {pickle.TUPLE: 0, pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}
_TARGETS = (pickle.APPEND, pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS, pickle.ADDITEMS)
Handler = Callable[[Any], None]


class Watch:
    """Such functions, and the tuples that hold them, by identity."""

    def __init__(self) -> None:
        self._held: dict[int, Any] = {}

    def add(self, value: Any) -> None:
        """Watch it, and keep it alive, so that nothing else gets its identity."""
        self._held[id(value)] = value

    def holds(self, values: Iterable[Any]) -> bool:
        """Whether one of these is watched."""
        return bool(self._held) and not self._held.keys().isdisjoint(map(id, values))


def watched(dispatch: Mapping[int, Handler]) -> dict[int, Handler]:
    """The handlers of a machine with a `watch`, and methods `misplaced` and `fills(target)`."""
    filling = {o[0]: _filling(dispatch[o[0]], n, o in _TARGETS) for o, n in _FILL.items()}
    tuples = {o[0]: _making(dispatch[o[0]], n) for o, n in _TUPLES.items()}
    return {**dispatch, **filling, **tuples}


def _filling(handle: Handler, count: int, has_target: bool) -> Handler:
    """Count is how many values lie on the stack; 0 is all since the mark."""

    def fill(self: Any) -> None:
        if self.watch.holds(self.stack[-count:] if count else self.stack):
            self.misplaced()
        if has_target:
            self.fills(self.stack[-count - 1] if count else self.metastack[-1][-1])
        handle(self)

    return fill


def _making(handle: Handler, count: int) -> Handler:
    def make(self: Any) -> None:
        found = self.watch.holds(self.stack[-count:] if count else self.stack)
        handle(self)
        if found:
            self.watch.add(self.stack[-1])

    return make

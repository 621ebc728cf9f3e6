"""Workers that wait for their model: forked, locked in and warmed ahead, one a group.

A standby takes one model, ever. Whoever finds none forks for itself, as without standbys.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from registry.errors import RegistryError
from registry.sandbox.process import Worker

_LATER_S = 0.05


class Standbys:
    """At most one waiting worker a group, made in the background, one after another.

    Args:
        make: Forks a worker of a group and warms it.
    """

    def __init__(self, make: Callable[[str], Worker]) -> None:
        self._make = make
        self._turn = threading.Lock()
        self._ready: dict[str, Worker] = {}
        self._wanted: deque[str] = deque()  # the first is being made
        self._closed = False
        self._maker: threading.Thread | None = None

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of those that wait, by group."""
        with self._turn:
            return {group: worker.pid for group, worker in self._ready.items()}

    def take(self, group: str) -> Worker | None:
        """The waiting worker, which is the caller's from now on; None when there is none."""
        with self._turn:
            worker = self._ready.pop(group, None)
        if worker is None or worker.alive:
            return worker
        worker.end()  # its zygote died, and took it along
        return None

    def refill(self, group: str) -> None:
        """See to it that one waits again soon; does not wait for it."""
        with self._turn:
            if self._closed or not group or group in self._ready or group in self._wanted:
                return
            self._wanted.append(group)
            if len(self._wanted) > 1:
                return
        self._begin()

    def close(self) -> None:
        """End those that wait; one that is being made ends when it is done."""
        with self._turn:
            self._closed = True
            waiting = list(self._ready.values())
            self._ready.clear()
        for worker in waiting:
            worker.end()

    def wait(self, timeout_s: float) -> None:
        """After `close`, wait for the one that is being made to end."""
        if self._maker is not None:
            self._maker.join(timeout_s)

    def _begin(self) -> None:
        self._maker = threading.Thread(target=self._fill, name="standby", daemon=True)
        self._maker.start()

    def _fill(self) -> None:
        """Make one for the first group that wants it; the next has a thread of its own."""
        time.sleep(_LATER_S)  # let whoever took the last one have its answer first
        group = self._wanted[0]
        worker: Worker | None = None
        try:
            with contextlib.suppress(RegistryError, OSError):
                worker = self._make(group)  # else the next request forks, and says what is wrong
        finally:
            if self._keep(group, worker):
                self._begin()

    def _keep(self, group: str, worker: Worker | None) -> bool:
        """Put a new worker where it waits; whether another group wants one."""
        with self._turn:
            if worker is not None and not self._closed:
                self._ready[group], worker = worker, None
            self._wanted.popleft()
            if self._closed:
                self._wanted.clear()
            more = bool(self._wanted)
        if worker is not None:
            worker.end()
        return more

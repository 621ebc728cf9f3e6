"""Places for loaded models: counted, shared, and given up by the version used longest ago."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from registry.errors import Busy, RegistryError
from registry.records import Schema, WarmState
from registry.sandbox.process import Worker


@dataclass
class Slot:
    """One version's place. `lock` is held while its worker loads or answers."""

    version_id: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    worker: Worker | None = None
    schema: Schema | None = None
    failure: RegistryError | None = None
    loading: bool = False
    users: int = 0
    n_predictions: int = 0
    load_ms: float = 0.0

    @property
    def state(self) -> WarmState:
        if self.loading:
            return "loading"
        return "warm" if self.worker is not None and not self.worker.ended else "cold"

    def end(self) -> None:
        """End the worker; only for who holds the lock, or when nobody uses the slot."""
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.end()


class Slots:
    """At most `size` slots, least recently used first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._turn = threading.Lock()
        self._freed = threading.Condition(self._turn)
        self._waiting = 0
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._closed = False

    def take(self, version_id: str, deadline: float) -> Slot:
        """The slot of a version, made if need be in place of an unused one; give it back.

        Raises:
            Busy: All slots were in use until the deadline.
        """
        with self._turn:
            while (slot := self._slots.get(version_id)) is None and not self._room():
                self._wait(deadline)
            if self._closed:
                raise Busy("the server is stopping")
            victim = None
            if slot is None:
                if len(self._slots) >= self._size:
                    victim = next(other for other in self._slots.values() if not other.users)
                    del self._slots[victim.version_id]
                slot = self._slots[version_id] = Slot(version_id)
            slot.users += 1
            self._slots.move_to_end(version_id)
        if victim is not None:
            victim.end()
        return slot

    def give_back(self, slot: Slot) -> None:
        """Stop using a slot; an empty or dropped one goes."""
        with self._turn:
            slot.users -= 1
            unused = slot.users == 0
            if unused and slot.worker is None:
                self._remove(slot)
            gone = self._slots.get(slot.version_id) is not slot
            if self._waiting:
                self._freed.notify_all()
        if unused and gone:
            slot.end()

    def fail(self, slot: Slot, failure: RegistryError) -> None:
        """Loading failed: those who wait for this slot share the failure, later ones try anew."""
        with self._turn:
            slot.failure = failure
            self._remove(slot)
            self._freed.notify_all()

    def drop(self, version_id: str) -> None:
        """Forget a version's slot; its worker ends as soon as nobody uses it."""
        with self._turn:
            slot = self._slots.pop(version_id, None)
            unused = slot is not None and slot.users == 0
            self._freed.notify_all()
        if slot is not None and unused:
            slot.end()

    def get(self, version_id: str) -> Slot | None:
        with self._turn:
            return self._slots.get(version_id)

    def all(self) -> list[Slot]:
        """The slots, the one used last at the end."""
        with self._turn:
            return list(self._slots.values())

    def close(self) -> None:
        """End unused workers; the others end when they are given back."""
        with self._turn:
            self._closed = True
            unused = [slot for slot in self._slots.values() if slot.users == 0]
            self._slots.clear()
            self._freed.notify_all()
        for slot in unused:
            slot.end()

    def _wait(self, deadline: float) -> None:
        """Until a slot may have become free; only for who holds the turn."""
        self._waiting += 1
        try:
            if not self._freed.wait(deadline - time.monotonic()):
                raise Busy("all workers are in use; try again in a moment")
        finally:
            self._waiting -= 1

    def _room(self) -> bool:
        some = len(self._slots) < self._size or any(not s.users for s in self._slots.values())
        return some or self._closed

    def _remove(self, slot: Slot) -> None:
        if self._slots.get(slot.version_id) is slot:
            del self._slots[slot.version_id]

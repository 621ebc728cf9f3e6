"""One version alone in a worker of its own, to be measured from outside."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from registry.sandbox import descriptors, questions
from registry.sandbox.contract import ModelSpec
from registry.sandbox.process import Worker

if TYPE_CHECKING:
    from registry.formats.contract import Inputs


class Alone:
    """A worker with one version loaded, and what it was before.

    Args:
        worker: A fresh one, warmed without a model.

    Raises:
        RegistryError: As `Worker.ask`; it does not load.
    """

    def __init__(self, worker: Worker, spec: ModelSpec, load_timeout_s: float) -> None:
        self._worker = worker
        self._empty, self._peak_before = resident(worker.pid)
        self._most = 0
        with descriptors.opened(spec) as fd:
            started = time.perf_counter()
            told = questions.told(spec)
            questions.task(worker, "load", load_timeout_s, told, fd, format=spec.format)
            self.load_ms = (time.perf_counter() - started) * 1e3

    def ask(self, inputs: Inputs, timeout_s: float) -> float:
        """Milliseconds one question takes, packing and unpacking included.

        Raises:
            RegistryError: As `Worker.ask`.
        """
        started = time.perf_counter()
        kind, head, parts = questions.encoded(inputs)
        reply = self._worker.ask(kind, head, parts, timeout_s=timeout_s)
        questions.decoded(self._worker, reply)
        return (time.perf_counter() - started) * 1e3

    def peak_bytes(self) -> int:
        """Most memory held so far beyond the empty worker, as the kernel counts it.

        Where loading our own tiny models once took more than this one ever did, the peak is hidden:
        then the most that was seen at the calls of this function.
        """
        now, peak = resident(self._worker.pid)
        seen = peak if peak > self._peak_before else now
        self._most = max(self._most, seen - self._empty)
        return self._most


def resident(pid: int) -> tuple[int, int]:
    """Resident memory of a process now and at its peak, in bytes; zeros where nobody tells.

    Source: proc(5), /proc/pid/status, VmRSS and VmHWM.
    """
    found = {"VmRSS": 0, "VmHWM": 0}
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in found:
                found[name] = int(value.split()[0]) << 10
    return found["VmRSS"], found["VmHWM"]

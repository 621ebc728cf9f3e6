"""Zygotes as the web process sees them: started by exec, asked to fork and to end workers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.errors import Busy
from registry.sandbox import syscalls, wire
from registry.sandbox.limits import Layers, Limits

SCRIPT = str(Path(__file__).with_name("zygote.py"))
_IMPORT_S, _ORDER_S = 180.0, 30.0


def probe() -> Layers:
    """What the kernel of this host offers, found out in a process of its own."""
    if not syscalls.LINUX:
        return Layers()
    asked = subprocess.run(
        [sys.executable, "-I", "-B", SCRIPT, "probe"],
        env=_environment(1),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_ORDER_S,
        check=False,
    )
    try:
        return Layers(**json.loads(asked.stdout))
    except (ValueError, TypeError):
        return Layers()


class Litter:
    """One running zygote and its workers; gone for good once anything about it fails."""

    def __init__(self, group: str, layers: Layers, threads: int) -> None:
        ours, theirs = socket.socketpair()
        orders = {"group": group, "layers": asdict(layers), "threads": threads}
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-B", SCRIPT, str(theirs.fileno()), json.dumps(orders)],
                    env=_environment(threads),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        self._channel = wire.Channel(ours)
        self._group = group
        self._turn = threading.Lock()
        self._broken = False
        self.pid = self._process.pid
        self.missing: list[str] = []

    def wait(self) -> None:
        """Wait until everything is imported.

        Raises:
            Busy: It ended before, or takes too long.
        """
        try:
            told = self._channel.receive(time.monotonic() + _IMPORT_S)
            self.missing = list(json.loads(told.head)["missing"])
        except (wire.Closed, wire.Odd, wire.TooLate) as failed:
            self.kill()
            raise Busy(f"the workers for {self._group} models could not be started") from failed

    @property
    def alive(self) -> bool:
        return not self._broken and self._process.poll() is None

    def kill(self) -> None:
        """End the zygote and its workers at once; `close` still has to be called."""
        self._broken = True
        self._process.kill()

    def fork(self, limits: Limits) -> tuple[int, wire.Channel, int]:
        """A locked worker: its process id, our end of its channel and of its stderr.

        Raises:
            Closed: The zygote is gone.
        """
        ours, theirs = socket.socketpair()
        errors_read, errors_write = os.pipe()
        os.set_blocking(errors_read, False)
        os.set_blocking(errors_write, False)  # a talkative model must not wait for a reader
        try:
            order = {"order": "fork", **asdict(limits)}
            pid = int(self._ask(order, [theirs.fileno(), errors_write])["pid"])
        except BaseException:
            ours.close()
            os.close(errors_read)
            raise
        finally:
            theirs.close()
            os.close(errors_write)
        return pid, wire.Channel(ours), errors_read

    def end(self, pid: int) -> int | None:
        """Kill one worker; how it ended as `waitpid` says, None when nobody knows."""
        try:
            status = self._ask({"order": "end", "pid": pid}, ())["status"]
        except wire.Closed:
            return None
        return None if status is None else int(status)

    def close(self) -> None:
        """End the zygote and all its workers, and let go of it."""
        self.kill()
        with self._turn:
            self._channel.close()
        self._process.wait()

    def _ask(self, order: dict[str, Any], fds: list[int] | tuple[()]) -> dict[str, Any]:
        deadline = time.monotonic() + _ORDER_S
        with self._turn:
            try:
                head = json.dumps(order).encode()
                reply = wire.ask(self._channel, wire.TASK, head, fds=fds, deadline=deadline)
                answered: dict[str, Any] = json.loads(reply.head)
            except (wire.Closed, wire.Odd, wire.TooLate) as failed:
                self.kill()
                raise wire.Closed from failed
        return answered


class _Place:
    """Where the zygote of one group is, or will be; held while one is being started."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.litter: Litter | None = None


class Nursery:
    """One zygote a group: started at first need, and again whenever it has died.

    Args:
        layers: What the kernel gives; None finds out when first asked.
    """

    def __init__(self, groups: Iterable[str], threads: int, layers: Layers | None = None) -> None:
        self._places = {group: _Place() for group in groups}
        self._threads = threads
        self._layers = layers
        self._probing = threading.Lock()
        self._closed = False

    @property
    def layers(self) -> Layers:
        """What the kernel gives."""
        with self._probing:
            if self._layers is None:
                self._layers = probe()
            return self._layers

    def litter(self, group: str) -> Litter:
        """The running zygote of a group; waits for its imports when it is new.

        Raises:
            Busy: It could not be started, or the server is stopping.
        """
        place, layers = self._places[group], self.layers
        with place.turn:
            if self._closed:
                raise Busy("the server is stopping")
            if place.litter is not None and not place.litter.alive:
                place.litter.close()
                place.litter = None
            if place.litter is None:
                place.litter = Litter(group, layers, self._threads)
                place.litter.wait()
            return place.litter

    def close(self) -> None:
        """End all zygotes, and with them their workers."""
        self._closed = True
        for place in self._places.values():
            if place.litter is not None:
                place.litter.kill()  # also one that is still importing
            with place.turn:
                if place.litter is not None:
                    place.litter.close()


def _environment(threads: int) -> dict[str, str]:
    """All that a zygote and its workers inherit: constants, nothing of the server's own."""
    return {
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "PATH": "/nonexistent",
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "MALLOC_ARENA_MAX": "2",
        "JOBLIB_MULTIPROCESSING": "0",
        "ORT_DISABLE_TELEMETRY": "1",
        "TORCHINDUCTOR_CACHE_DIR": "/",
    }

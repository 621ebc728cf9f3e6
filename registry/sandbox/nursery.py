"""Zygotes as the web process sees them: started by exec, asked to fork and to end workers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.errors import Busy
from registry.sandbox import syscalls, wire
from registry.sandbox.limits import Layers, Limits

_SCRIPT = str(Path(__file__).with_name("zygote.py"))
_IMPORT_S, _ORDER_S, _END_S = 180.0, 30.0, 10.0


def probe() -> Layers:
    """What the kernel of this host offers, found out in a process of its own."""
    if not syscalls.LINUX:
        return Layers()
    asked = subprocess.run(
        [sys.executable, "-I", "-B", _SCRIPT, "probe"],
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
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", _SCRIPT, str(theirs.fileno()), json.dumps(orders)],
                env=_environment(threads),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel = wire.Channel(ours)
        self._turn = threading.Lock()
        self.pid = self._process.pid
        self.missing: list[str] = []
        try:
            told = self._channel.receive(time.monotonic() + _IMPORT_S)
            self.missing = list(json.loads(told.head)["missing"])
        except (wire.Closed, wire.Odd, wire.TooLate) as failed:
            self.close()
            raise Busy(f"the workers for {group} models could not be started") from failed

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

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
        """End the zygote and all its workers."""
        with self._turn:
            self._channel.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, order: dict[str, Any], fds: list[int] | tuple[()]) -> dict[str, Any]:
        deadline = time.monotonic() + _ORDER_S
        with self._turn:
            try:
                head = json.dumps(order).encode()
                reply = wire.ask(self._channel, wire.TASK, head, fds=fds, deadline=deadline)
                answered: dict[str, Any] = json.loads(reply.head)
            except (wire.Odd, wire.TooLate) as failed:
                self._process.kill()
                raise wire.Closed from failed
        return answered


class Nursery:
    """The zygote of one group: started at first need, and again whenever it has died."""

    def __init__(self, group: str, layers: Layers, threads: int) -> None:
        self._made_of = (group, layers, threads)
        self._turn = threading.Lock()
        self._litter: Litter | None = None
        self._closed = False

    def litter(self) -> Litter:
        """The running zygote; waits for its imports when it is new.

        Raises:
            Busy: It could not be started.
        """
        with self._turn:
            if self._closed:
                raise Busy("the server is stopping")
            if self._litter is not None and not self._litter.alive:
                self._litter.close()
                self._litter = None
            if self._litter is None:
                self._litter = Litter(*self._made_of)
            return self._litter

    def close(self) -> None:
        with self._turn, contextlib.suppress(OSError):
            self._closed = True
            if self._litter is not None:
                self._litter.close()


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

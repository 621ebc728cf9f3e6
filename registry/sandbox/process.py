"""One worker as the web process sees it: asked with a deadline, believed in nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from registry import errors
from registry.errors import (
    InvalidInput,
    NotInstalled,
    OutOfMemory,
    PredictionFailed,
    PredictionTimeout,
    RegistryError,
    WorkerCrashed,
)
from registry.formats import restricted
from registry.formats.text import clean
from registry.sandbox import wire
from registry.sandbox.limits import Limits
from registry.sandbox.nursery import Litter
from registry.sandbox.wire import Body, Message

_LOG_BYTES, _MAX_DATA = 8 << 10, 8 << 20
_PLAIN_ERRORS = ("UnknownFormat", "BrokenArtifact", "TooLarge", "PredictionFailed")
_ENDS: dict[int, str] = {
    signal.SIGXCPU: "it used up its CPU time",
    signal.SIGKILL: "it was killed, most likely for lack of memory",
    signal.SIGSEGV: "it crashed (segmentation fault)",
    signal.SIGBUS: "it crashed (bus error)",
    signal.SIGABRT: "it aborted",
    signal.SIGFPE: "it crashed (arithmetic error)",
    signal.SIGILL: "it crashed (illegal instruction)",
}
# Frameworks that say in their own words that an allocation failed: PyTorch's allocator on a CPU,
# ONNX Runtime's arena, and what C++ says.
_NO_MEMORY = ("can't allocate memory", "Failed to allocate memory", "bad_alloc", "bad allocation")
_NOT_LOCKED = 70
_MOST_BLOCKS = 8
_DRAIN_EVERY = 16  # answers; until then the pipe keeps 64 KiB of what the model says


class Worker:
    """A locked child process. One question at a time: the caller holds a lock."""

    def __init__(self, litter: Litter, limits: Limits) -> None:
        self._litter, self._limits = litter, limits
        self.pid, self._channel, self._errors = litter.fork(limits)
        self._log = bytearray()
        self._answers = 0
        self.ended = False
        self.busy_s = 0.0
        """Time spent answering: no less than the CPU time used per thread."""

    @property
    def alive(self) -> bool:
        """Whether it waits for a question, as it should between two."""
        return not self.ended and self._channel.idle()

    def ask(
        self,
        kind: int,
        head: bytes,
        parts: Sequence[Body] = (),
        *,
        fds: Sequence[int] = (),
        timeout_s: float,
    ) -> Message:
        """Put a question and wait for the answer; a worker that misbehaves is ended.

        Raises:
            PredictionTimeout: No answer in time.
            WorkerCrashed: It ended, or its answer broke the protocol.
            RegistryError: What the worker says went wrong.
        """
        started = time.monotonic()
        deadline = started + timeout_s
        try:
            reply = wire.ask(self._channel, kind, head, parts, fds=fds, deadline=deadline)
        except wire.TooLate:
            late = PredictionTimeout(timeout_s)
            late.log = self.end_and_log()[1]
            raise late from None
        except wire.Odd as odd:
            self.refuse(odd)
        except wire.Closed:
            self._crashed()
        except BaseException:
            self.end()
            raise
        self.busy_s += time.monotonic() - started
        self._answers += 1
        if self._answers % _DRAIN_EVERY == 0 or reply.kind == wire.FAILED:
            self._drain()
        if reply.kind == wire.FAILED:
            self._failed(reply)
        return reply

    def data(self, reply: Message) -> Any:
        """The plain data of a reply.

        Raises:
            WorkerCrashed: It is none.
        """
        try:
            if len(reply.body) > _MAX_DATA:
                raise ValueError("too much")
            return _scrubbed(json.loads(bytes(reply.body)))
        except (ValueError, RecursionError) as bad:
            self.refuse(bad)

    def refuse(self, why: Exception) -> NoReturn:
        """End a worker whose answer is not allowed.

        Raises:
            WorkerCrashed: Always.
        """
        _, log = self.end_and_log()
        crashed = WorkerCrashed("the model's worker gave an answer that is not allowed")
        crashed.log = log
        raise crashed from why

    def end(self) -> int | None:
        """Kill it and let go of everything; its status as `waitpid` says."""
        if self.ended:
            return None
        self.ended = True
        try:
            status = self._litter.end(self.pid)
            self._drain()
        finally:
            self._channel.close()
            os.close(self._errors)
        return status

    def kill(self) -> None:
        """End the process while somebody waits for its answer, and finds it gone."""
        self._litter.end(self.pid)

    def end_and_log(self) -> tuple[int | None, str]:
        """`end`, and the tail of what it wrote to stderr."""
        status = self.end()
        return status, self.log()

    def log(self) -> str:
        """The tail of what it wrote to stderr since asked last: hostile text."""
        text = bytes(self._log).decode("utf-8", "replace")
        self._log.clear()
        return "".join(c for c in text if c.isprintable() or c in "\n\t").strip()

    def memory_bytes(self) -> int:
        """Memory that is its own, not shared with its zygote; 0 when nobody knows."""
        with contextlib.suppress(OSError, ValueError):
            lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
            return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))
        with contextlib.suppress(OSError, ValueError, IndexError):
            return max(_resident(self.pid) - _resident(self._litter.pid), 0)
        return 0

    def _crashed(self) -> NoReturn:
        status, log = self.end_and_log()
        number = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        if status is None:
            why = "it ended with its zygote"
        elif number is not None:
            why = _ENDS.get(number, f"it was ended by signal {number}")
        elif os.WEXITSTATUS(status) == _NOT_LOCKED:
            why = "the fence round it could not be closed"
        else:
            why = f"it exited by itself with status {os.WEXITSTATUS(status)}"
        crashed = WorkerCrashed(f"the model's worker is gone: {why}", number)
        crashed.log = log
        raise crashed

    def _failed(self, reply: Message) -> NoReturn:
        told = self.data(reply)
        told = told if isinstance(told, dict) else {}
        name, text = told.get("error"), clean(str(told.get("message", "")))
        log = self.log()
        if name == "MemoryError" or any(words in text for words in _NO_MEMORY):
            self.end()
            most = self._limits.memory_bytes >> 20
            raise OutOfMemory(f"it needs more memory than a worker may take ({most} MiB)", log)
        raise _rebuilt(name, text, log, told)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MOST_BLOCKS):  # a model may write faster than we read, for ever
                self._log += os.read(self._errors, 1 << 16)
                del self._log[:-_LOG_BYTES]


def _rebuilt(name: Any, text: str, log: str, told: dict[str, Any]) -> RegistryError:
    """The error a worker named, if it is one that workers may raise."""
    problems, package = told.get("problems"), told.get("package")
    if name == "InvalidInput" and isinstance(problems, dict):
        return InvalidInput({clean(str(k)): clean(str(v)) for k, v in problems.items()})
    if name == "NotInstalled" and isinstance(package, str):
        return NotInstalled(clean(package))
    if name == "UnsafeArtifact":
        refused = told.get("names")
        refused = refused if isinstance(refused, list) else []
        return restricted.unsafe([str(n) for n in refused], text.removeprefix("refused: "))
    if name == "PredictionFailed":
        return PredictionFailed(text, log)
    if name in _PLAIN_ERRORS:
        rebuilt: RegistryError = getattr(errors, name)(text)
        return rebuilt
    return PredictionFailed(f"the model failed: {text}", log)


def _scrubbed(value: Any) -> Any:
    """Plain data whose every text can be encoded."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value


def _resident(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGESIZE")

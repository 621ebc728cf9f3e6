"""How far a worker is while it reads a file: a small shared page that it writes and we poll.

The page is as hostile as any answer: of a fixed size, read at most a few times a second, checked,
and for show alone. The report comes as the reply, like ever.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError

from registry import codec
from registry.records import Finding, Reading
from registry.sandbox import wire
from registry.sandbox.process import Worker

T = TypeVar("T")
Watch = Callable[[Reading], None]
"""Told again and again, in the caller's own thread, what a reader has seen so far."""

SIZE = 16 << 10
_EVERY_S = 0.25
_MAX_SHOWN = 10
_LENGTH = struct.Struct("<I")


class Board:
    """The page as the worker sees it."""

    def __init__(self, fd: int) -> None:
        self._page = mmap.mmap(fd, SIZE, access=mmap.ACCESS_WRITE)
        os.close(fd)

    def write(self, scanner: str, n: int, of: int, findings: Sequence[Finding]) -> None:
        """Say which scanner begins, as the n-th of how many, and what was found before."""
        told = Reading(scanner, n, of, findings=tuple(findings[-_MAX_SHOWN:]))
        data = json.dumps(codec.dump(told)).encode()
        if len(data) <= SIZE - _LENGTH.size:
            self._page[: _LENGTH.size + len(data)] = _LENGTH.pack(len(data)) + data


def watched(worker: Worker, fd: int, watch: Watch, ask: Callable[[int], T]) -> T:
    """The answer of `ask(descriptor of the page)`; meanwhile `watch` is told how far it is.

    When `watch` raises, because whoever watches has gone, the worker is ended.

    Args:
        fd: The file that is read: the worker's copy moves its position.
    """
    size_bytes, last = os.fstat(fd).st_size, Reading()
    with wire.memory_file(SIZE) as (page, shared), ThreadPoolExecutor(1) as asking:
        asked = asking.submit(ask, page)
        try:
            while not wait([asked], _EVERY_S).done:
                last = _read(shared, last)
                at = min(os.lseek(fd, 0, os.SEEK_CUR), size_bytes)
                watch(replace(last, done_bytes=at, size_bytes=size_bytes))
        except BaseException:
            worker.kill()
            raise
        return asked.result()


def _read(shared: mmap.mmap, last: Reading) -> Reading:
    """What the page says; the last that was readable while it is being written."""
    (length,) = _LENGTH.unpack(shared[: _LENGTH.size])
    try:
        told = json.loads(bytes(shared[_LENGTH.size : _LENGTH.size + min(length, SIZE)]))
        found = codec.load(Reading, told)
    except (ValueError, RecursionError, ValidationError):
        return last
    return replace(found, findings=found.findings[:_MAX_SHOWN])

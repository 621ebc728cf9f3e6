"""One conversion by one worker: load, convert, hand the bytes over, end.

A worker may not grow files, so it says how large its result is, and gets a memory file of just
that size to write it into. It has ended before anybody reads a byte, so that nothing changes what
was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from registry.formats import convert
from registry.records import Finding
from registry.sandbox import descriptors, questions, wire
from registry.sandbox.contract import Made, ModelSpec
from registry.sandbox.process import Worker
from registry.sandbox.wire import Message, Odd
from registry.settings import Settings

_MAX_FINDINGS = 20


@contextmanager
def made(
    worker: Worker, spec: ModelSpec, target: str, most_bytes: int, settings: Settings
) -> Iterator[Made]:
    """What a fresh worker makes of a version; the worker is used up.

    Raises:
        RegistryError: As `Worker.ask`.
    """
    order: dict[str, Any] = {"format": spec.format, "target": target, "most": most_bytes}
    with descriptors.opened(spec) as fd:
        if convert.needs_loading(target):
            told, wait_s = questions.told(spec), settings.load_timeout_s
            questions.task(worker, "load", wait_s, told, fd, format=spec.format)
            reply = questions.task(worker, "convert", settings.convert_timeout_s, **order)
        else:
            reply = questions.task(worker, "convert", settings.convert_timeout_s, b"", fd, **order)
    with handed_over(worker, reply, most_bytes, settings.convert_timeout_s) as found:
        yield found


@contextmanager
def handed_over(
    worker: Worker, reply: Message, most_bytes: int, timeout_s: float
) -> Iterator[Made]:
    """The bytes that a worker has announced; it has ended when they are seen.

    Raises:
        RegistryError: As `Worker.ask`.
    """
    size_bytes, findings = _announced(worker, reply, most_bytes)
    with wire.memory_file(size_bytes) as (file, shared):
        questions.task(worker, "hand_over", timeout_s, b"", file)
        worker.end()
        yield Made(shared, findings)


def _announced(worker: Worker, reply: Message, most_bytes: int) -> tuple[int, tuple[Finding, ...]]:
    told = worker.data(reply)
    told = told if isinstance(told, dict) else {}
    size_bytes, listed = told.get("size_bytes"), told.get("findings")
    if type(size_bytes) is not int or not 0 < size_bytes <= most_bytes:
        worker.refuse(Odd("a result of a size out of bounds"))
    found = listed[:_MAX_FINDINGS] if isinstance(listed, list) else []
    return size_bytes, tuple(questions.record(Finding, worker, each) for each in found)

"""Files on their way into a worker: read-only descriptors, and no data folder in its reach."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.sandbox.contract import ModelSpec
from registry.sandbox.limits import readable_paths


def checked(fd: int) -> int:
    """The descriptor, if a worker cannot write through it.

    Raises:
        ValueError: It is open for writing.
    """
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
        raise ValueError("a worker only gets read-only descriptors")
    return fd


@contextmanager
def opened(spec: ModelSpec) -> Iterator[int]:
    """A fresh descriptor of the artifact, closed here once the worker has its own.

    Raises:
        StoreError: The bytes are missing or differ.
    """
    fd = spec.open()
    try:
        yield checked(fd)
    finally:
        os.close(fd)


def refuse_readable(home: Path) -> None:
    """Make sure that workers cannot read the data folder.

    Raises:
        ValueError: It lies in a folder of Python's or of ours.
    """
    place = home.resolve()
    for path in map(Path, readable_paths()):
        if place.is_relative_to(path):
            raise ValueError(f"VITRINE_HOME must not be in {path}: workers read there")

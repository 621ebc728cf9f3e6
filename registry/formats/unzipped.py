"""What lies in the members of a strictly read zip: streamed, counted and checked on the way."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from registry.formats.text import clean
from registry.formats.zips import DEFLATED, STORED, Member, odd

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

MAX_RATIO = 300
MAX_INFLATED = 4 << 30
MAX_IN_MEMORY = 1 << 30
_ALWAYS_FINE = 16 << 20  # so little may be all zeros: it does no harm
_BLOCK = 1 << 20


class Budget:
    """How much may still come out of an archive."""

    def __init__(self, left: int = MAX_INFLATED) -> None:
        self.left = left

    @classmethod
    def of(cls, members: list[Member]) -> Budget:
        """In proportion to what went in."""
        packed = sum(member.packed for member in members)
        return cls(min(MAX_INFLATED, _ALWAYS_FINE + MAX_RATIO * packed))


def content(file: BinaryIO, member: Member, budget: Budget) -> Iterator[bytes]:
    """A member's bytes in blocks; size and check sum are settled when the last one is taken.

    Raises:
        Odd: More or other bytes come out than the headers say, or too many.
    """
    if member.size > max(_ALWAYS_FINE, MAX_RATIO * member.packed):
        odd("zip-bomb", f"{clean(member.name)} grows more than {MAX_RATIO} times")
    crc = size = 0
    blocks = _inflated if member.method == DEFLATED else _stored
    for block in blocks(file, member):
        crc, size = zlib.crc32(block, crc), size + len(block)
        if member.method == DEFLATED:
            budget.left -= len(block)
        if size > member.size or budget.left < 0:
            odd("zip-bomb", f"{clean(member.name)} grows beyond the size it tells, or any need")
        yield block
    if (crc, size) != (member.crc, member.size):
        odd("zip-crc", f"{clean(member.name)} is damaged: its check sum or size is wrong")


def _stored(file: BinaryIO, member: Member) -> Iterator[bytes]:
    left, position = member.packed, member.data
    while left:
        file.seek(position)  # whoever takes the blocks may read elsewhere in between
        block = file.read(min(left, _BLOCK))
        if not block:
            return
        left, position = left - len(block), position + len(block)
        yield block


def _inflated(file: BinaryIO, member: Member) -> Iterator[bytes]:
    machine, rest = zlib.decompressobj(-15), member.packed
    try:
        for packed in _stored(file, member):
            rest, pending = rest - len(packed), packed
            while pending and not machine.eof:
                block = machine.decompress(pending, _BLOCK)
                pending = machine.unconsumed_tail
                if block:
                    yield block
            if machine.eof:
                break
        while not machine.eof and (block := machine.decompress(b"", _BLOCK)):
            yield block
    except zlib.error:
        odd("zip-crc", f"{clean(member.name)} is damaged: it cannot be inflated")
    if not machine.eof or machine.unused_data or rest:
        odd("zip-gap", f"{clean(member.name)} ends before or after its compressed bytes")


def opened(file: BinaryIO, member: Member, budget: Budget) -> BinaryIO:
    """A member as a file of its own: a window where it is stored, else inflated in memory.

    Raises:
        Odd: It is damaged, or too large to inflate.
    """
    if member.method == STORED:
        return window(file, member.data, member.size)
    if member.size > MAX_IN_MEMORY:
        odd("zip-bomb", f"{clean(member.name)} is too large to be kept compressed")
    whole = io.BytesIO()
    for block in content(file, member, budget):
        whole.write(block)
    whole.seek(0)
    return whole


def window(file: BinaryIO, start: int, size: int) -> BinaryIO:
    """Part of a file as a file of its own."""
    return cast(BinaryIO, io.BufferedReader(_Window(file, start, size)))


class _Window(io.RawIOBase):
    """Part of a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the start")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._position)
        data = self._file.read(max(0, min(len(view), self._size - self._position)))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

"""The bytes of a pickle: read in bounded blocks, with the time and the inflation kept in mind."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import BinaryIO

MAX_RATIO = 300
_FREE = 8 << 20  # inflated bytes that need no ratio: small files of zeros are no bomb
_BLOCK = 1 << 20
_SMALL = 4096


@dataclass
class Limits:
    """How much of a file is read before the walk is given up."""

    seconds: float = 55.0
    opcodes: int = 200_000_000
    ratio: int = MAX_RATIO


class Source:
    """A stream that stops when it takes too long or grows too much.

    Args:
        packed_bytes: Size of the compressed file that is being inflated; 0 when it is none.
    """

    def __init__(self, file: BinaryIO, limits: Limits, packed_bytes: int = 0) -> None:
        self._file = file
        self.opcodes = limits.opcodes
        self._deadline = time.monotonic() + limits.seconds
        self._ratio = limits.ratio
        self._most = max(limits.ratio * packed_bytes, _FREE) if packed_bytes else 0
        self._seen = 0
        self._next = b""
        self.readline = self._line

    def check(self) -> None:
        """Stop where a limit is reached.

        Raises:
            ValueError: It is.
        """
        if time.monotonic() > self._deadline or self.opcodes < 0:
            raise ValueError("it has too many small objects to be read in the time allowed")
        if self._most and self._seen > self._most:
            raise ValueError(f"it inflates to more than {self._ratio} times its size")

    def peek(self) -> bytes:
        """The next byte, which stays; b"" at the end."""
        self._next = self._next or self._file.read(1)
        return self._next

    def read(self, size: int) -> bytes:
        """At most `size` bytes, fewer at the end."""
        if self._next and size:
            first, self._next = self._next, b""
            return first + self.read(size - 1)
        if size <= _SMALL:
            return self._file.read(size)
        parts = []
        while size > 0:
            part = self._block(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over bytes.

        Raises:
            EOFError: There are fewer.
        """
        while size > 0:
            part = self._block(size)
            if not part:
                raise EOFError("array data ends early")
            size -= len(part)

    def _block(self, size: int) -> bytes:
        part = self._file.read(min(size, _BLOCK))
        self._seen += len(part)
        self.check()
        return part

    def _line(self) -> bytes:
        line = self._file.readline(_BLOCK)
        self._seen += len(line)
        return line

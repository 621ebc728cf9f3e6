"""Opens what joblib compresses, as a stream: nothing is inflated ahead."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from lz4.frame import LZ4FrameDecompressor

from registry.errors import BrokenArtifact
from registry.formats.marks import HEAD_BYTES, is_pickle
from registry.formats.source import MAX_RATIO
from registry.formats.text import refusal

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

# Source: joblib 1.6, joblib/compressor.py
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x5d\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"ZF", "ZF"),
    (b"\x78", "zlib"),
)
_MAX_DICTIONARY = 256 << 20  # bytes; xz -9 uses 64 MiB
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, RuntimeError)
"""Whatever reading damaged streams raises; lz4 has no error of its own."""

_MAX_RATIO = {"lz4": 100}  # it cannot grow more than 255 times, so that 300 would never be reached


def kind_of(head: bytes) -> str:
    """Name of the compression that these first bytes show, or ""."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def opened(file: BinaryIO, kind: str) -> BinaryIO:
    """The inflated content from its start.

    Raises:
        BrokenArtifact: Written by a joblib before 0.10.
    """
    file.seek(0)
    if kind in _INFLATE:
        return cast(BinaryIO, io.BufferedReader(_Inflated(file, _INFLATE[kind]()), 1 << 16))
    if kind == "ZF":
        raise BrokenArtifact(
            refusal(
                "a joblib file in the layout from before 2015",
                "Its loader follows paths written in the file, so it is not opened here",
                "Load it with the joblib that wrote it and save it again with joblib 1.2 or newer",
            )
        )
    return file


def inflated(file: BinaryIO) -> tuple[BinaryIO, str]:
    """A pickle from its start, inflated where it is compressed, and how it is ("" = not).

    Raises:
        BrokenArtifact: It is in the layout of a joblib before 0.10.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    kind = "" if is_pickle(head) else kind_of(head)
    return opened(file, kind), kind


def most_ratio(kind: str) -> int:
    """How many times its size an honest file of this compression may grow."""
    return _MAX_RATIO.get(kind, MAX_RATIO)


def peek(file: BinaryIO, kind: str, size: int = 64) -> bytes:
    """The first inflated bytes; b"" when they cannot be read."""
    try:
        return opened(file, kind).read(size)
    except (*DAMAGE, BrokenArtifact):
        return b""


class _Inflated(io.RawIOBase):
    """One compressed stream that ends where the file ends, as joblib writes it.

    What the libraries pass over, further streams and bytes after the end, is refused.
    """

    def __init__(self, file: BinaryIO, inflate: Any) -> None:
        self._file = file
        self._inflate = inflate
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill some of the buffer.

        Raises:
            EOFError: The stream ends early.
            ValueError: Bytes follow it.
        """
        view = memoryview(buffer).cast("B")
        while not self._inflate.eof:
            out = self._inflate.decompress(self._more(), len(view))
            self._pending = getattr(self._inflate, "unconsumed_tail", b"")
            if out:
                view[: len(out)] = out
                return len(out)
        if self._inflate.unused_data or self._file.read(1):
            raise ValueError("bytes after the end of the compressed data")
        return 0

    def _more(self) -> bytes:
        if self._pending or not getattr(self._inflate, "needs_input", True):
            return self._pending
        data = self._file.read(1 << 16)
        if not data:
            raise EOFError("the compressed stream ends early")
        return data


_INFLATE: dict[str, Callable[[], Any]] = {
    "zlib": zlib.decompressobj,
    "gzip": lambda: zlib.decompressobj(31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_MAX_DICTIONARY),
    "lzma": lambda: lzma.LZMADecompressor(memlimit=_MAX_DICTIONARY),
    "lz4": LZ4FrameDecompressor,
}

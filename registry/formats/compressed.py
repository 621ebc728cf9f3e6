"""Opens what joblib compresses, as a stream: nothing is inflated ahead."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import lzma
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from registry.errors import BrokenArtifact, NotInstalled
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
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


def kind_of(head: bytes) -> str:
    """Name of the compression that these first bytes show, or ""."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def opened(file: BinaryIO, kind: str) -> BinaryIO:
    """The inflated content from its start.

    Raises:
        NotInstalled: lz4 is not here.
        BrokenArtifact: Written by a joblib before 0.10.
    """
    file.seek(0)
    if kind == "zlib":
        return cast(BinaryIO, io.BufferedReader(_Zlib(file), 1 << 16))
    if kind == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    if kind == "bz2":
        return cast(BinaryIO, bz2.BZ2File(file))
    if kind in ("xz", "lzma"):
        return cast(BinaryIO, lzma.LZMAFile(file))
    if kind == "lz4":
        return _lz4(file)
    if kind == "ZF":
        raise BrokenArtifact(
            refusal(
                "a joblib file in the layout from before 2015",
                "Its loader follows paths written in the file, so it is not opened here",
                "Load it with the joblib that wrote it and save it again with joblib 1.2 or newer",
            )
        )
    return file


def peek(file: BinaryIO, kind: str, size: int = 64) -> bytes:
    """The first inflated bytes; b"" when they cannot be read."""
    try:
        return opened(file, kind).read(size)
    except (*DAMAGE, NotInstalled, BrokenArtifact):
        return b""


def _lz4(file: BinaryIO) -> BinaryIO:
    if importlib.util.find_spec("lz4") is None:
        raise NotInstalled("lz4")
    frame: Any = importlib.import_module("lz4.frame")
    return cast(BinaryIO, frame.LZ4FrameFile(file, mode="rb"))


class _Zlib(io.RawIOBase):
    """A bare zlib stream, which the standard library cannot open as a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj()
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._inflate.eof:
            data = self._pending or self._file.read(1 << 16)
            if not data:
                raise EOFError("the compressed stream ends early")
            out = self._inflate.decompress(data, len(view))
            self._pending = self._inflate.unconsumed_tail
            if out:
                view[: len(out)] = out
                return len(out)
        return 0

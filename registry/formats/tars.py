"""Tar archives of one library's making: plain files of known names, every byte accounted for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

from registry.formats.text import clean

BLOCK, RECORD = 512, 20 * 512  # Python fills the last record up
_REGULAR = (b"0", b"\0")
_MAX_MEMBERS, _MAX_NOTES = 16, 1 << 16
_HARMLESS = {"mtime", "atime", "ctime", "uid", "gid", "uname", "gname"}
"""Notes (PAX records) that change neither name nor size nor kind of the member behind them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A member: its name, where its bytes start, how many there are."""

    name: str
    start: int
    size: int


def is_tar(head: bytes) -> bool:
    """Whether a tar reader would take these first bytes for a member, whatever else they are.

    Readers go by the check sum alone, so that a file can be another format as well.
    """
    block = head[:BLOCK]
    if len(block) < BLOCK or not any(block):
        return False
    try:
        return _number(block[148:156]) == _check_sum(block)
    except ValueError:
        return False


def first_name(head: bytes) -> str:
    """What the first header calls its member."""
    return head[:100].partition(b"\0")[0].decode("latin-1")


def parts(file: BinaryIO, known: frozenset[str]) -> dict[str, Part]:
    """The members by name, read in the one way that is beyond doubt.

    Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block".

    Raises:
        ValueError: A member is a link, a folder or a device, has another name than those known, or
            one for the second time; a header lies about itself; bytes lie where none belong.
    """
    end, at = file.seek(0, os.SEEK_END), 0
    found: dict[str, Part] = {}
    while any(block := _read(file, at, BLOCK)):
        name, kind, size = _header(block)
        start, at = at + BLOCK, at + BLOCK + -(-size // BLOCK) * BLOCK
        if at > end:
            raise ValueError(f"{clean(name)} is longer than the file")
        if any(_read(file, start + size, -size % BLOCK)):
            raise ValueError(f"bytes hide behind {clean(name)}")
        if kind == b"x":
            _refuse_notes(_read(file, start, min(size, _MAX_NOTES + 1)))
            continue
        if kind not in _REGULAR:
            raise ValueError(f"{clean(name)} is a link, a folder or another thing than a file")
        if name not in known or name in found:
            raise ValueError(f"a member is called {clean(name)}, or so for the second time")
        found[name] = Part(name, start, size)
        if len(found) > _MAX_MEMBERS:
            raise ValueError("it has too many members")
    _refuse_rest(file, at, end)
    return found


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    data = file.read(size)
    if len(data) < size:
        raise ValueError("it ends early")
    return data


def _header(block: bytes) -> tuple[str, bytes, int]:
    """(name, kind, size in bytes)."""
    if block[257:265] != b"ustar\x0000" or not is_tar(block):
        raise ValueError("a header is damaged, or of a kind that only some programs read")
    if any(block[345:500]):
        raise ValueError("a name that goes on elsewhere in its header")
    name, _, rest = block[:100].partition(b"\0")
    if any(rest):
        raise ValueError("bytes hide behind a name")
    return name.decode("latin-1"), block[156:157], _number(block[124:136])


def _number(field: bytes) -> int:
    """An octal number, as text."""
    text = field.strip(b" \0")
    if not text.isdigit():
        raise ValueError("a number that only some programs read")
    return int(text, 8)


def _check_sum(block: bytes) -> int:
    return sum(block[:148]) + 8 * 0x20 + sum(block[156:])


def _refuse_notes(data: bytes) -> None:
    """Refuse notes that give the next member another name, size or meaning."""
    if len(data) > _MAX_NOTES:
        raise ValueError("too many notes")
    while data:
        length, _, _ = data.partition(b" ")
        size = int(length) if length.isdigit() and len(length) < 6 else 0
        record = data[:size]
        key, is_one, _ = record[len(length) + 1 :].partition(b"=")
        if not is_one or record[-1:] != b"\n" or key.decode("latin-1") not in _HARMLESS:
            raise ValueError(f"a note about {clean(key.decode('latin-1'), 40) or 'nothing'}")
        data = data[size:]


def _refuse_rest(file: BinaryIO, at: int, end: int) -> None:
    """Refuse anything but zeros behind the last member, and an end that is none."""
    if end % RECORD or not 2 * BLOCK <= end - at < 2 * BLOCK + RECORD:
        raise ValueError("it ends early, or far behind its last member")
    if any(_read(file, at, end - at)):
        raise ValueError("bytes follow behind its end")

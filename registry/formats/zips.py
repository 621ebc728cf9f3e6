"""Zip files read strictly: every byte accounted for, so that only one reading is possible.

torch, Python and C libraries read crafted archives differently: the first or the last of two
members, names with or without case, check sums looked at or not. What passes here reads alike.
Source: APPNOTE.TXT 6.3.10, §4.3 and §4.5.3; members as torch 2.13 (miniz), NumPy and Python
3.11 write them.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from registry.formats.text import clean

MAX_MEMBERS = 5000
MAX_NAME = 1000
STORED, DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_DESCRIPTOR = 0x0008
_UTF8 = 0x0800
_KNOWN_FLAGS = _DESCRIPTOR | _UTF8 | 0x0006  # the last two: how hard the writer tried
_LONG, _SHORT = 0xFFFFFFFF, 0xFFFF
_ZIP64, _OTHER_NAME = 0x0001, 0x7075
_ORDINARY = (0, stat.S_IFREG, stat.S_IFDIR)
_DRIVE = re.compile(r"[A-Za-z]:")


class Odd(Exception):
    """The archive could be read in more than one way, or is larger than it may be.

    Attributes:
        rule: Of the finding, such as "zip-duplicate".
        what: What was seen; safe to show.
    """

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(what)
        self.rule, self.what = rule, what


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name, how it is packed and where its bytes lie."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    at: int
    """Where its local header starts."""
    data: int = 0
    """Where its bytes start."""

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


def members(file: BinaryIO) -> list[Member]:
    """All members, in the order of their bytes, with both headers compared; contents unread.

    Raises:
        Odd: The archive does not fill the file, or its parts disagree.
    """
    count, start, size = _end(file)
    found = sorted(_listed(file, count, start, size), key=lambda member: member.at)
    _names_differ(found)
    if (found[0].at if found else start) != 0:
        odd("zip-start", "the file does not begin with the first member of the archive")
    ends = [member.at for member in found[1:]] + [start]
    return [_placed(file, member, end) for member, end in zip(found, ends, strict=True)]


def odd(rule: str, what: str) -> NoReturn:
    """Stop reading."""
    raise Odd(rule, what)


def _at(file: BinaryIO, position: int, layout: str) -> tuple[int, ...]:
    length = struct.calcsize(layout)
    file.seek(position)
    data = file.read(length)
    if len(data) < length:
        odd("zip-layout", "a header lies beyond the end of the file")
    return struct.unpack(layout, data)


def _end(file: BinaryIO) -> tuple[int, int, int]:
    """(members, start, size) of the list of members, from the end record, in both sizes of it."""
    total = file.seek(0, os.SEEK_END)
    last = total - 22
    if last < 0:
        odd("zip-layout", "the archive has no end record")
    mark, disk, first, here, count, size, start, comment = _at(file, last, "<IHHHHIIH")
    if mark != 0x06054B50 or comment:
        odd("zip-trailing", "the archive does not end at its end record")
    long = _long_end(file, last)
    if long:
        position, *numbers = long
        told = (disk, first, here, count, size, start)
        most = (_SHORT, _SHORT, _SHORT, _SHORT, _LONG, _LONG)
        for short, sentinel, true in zip(told, most, numbers, strict=True):
            if short not in (sentinel, true):
                odd("zip-mismatch", "the two end records disagree")
        disk, first, here, count, size, start = numbers
        last = position
    if disk or first or here != count:
        odd("zip-layout", "the archive is one part of several")
    if start + size != last:
        odd("zip-layout", "the list of members is not where the end record says")
    if count > MAX_MEMBERS:
        odd("zip-members", f"the archive has {count:,} members; at most {MAX_MEMBERS:,} are read")
    return count, start, size


def _long_end(file: BinaryIO, last: int) -> tuple[int, ...]:
    """Position and numbers of the zip64 end record; () without one."""
    if last < 20 + 56:
        return ()
    mark, disk, position, disks = _at(file, last - 20, "<IIQI")
    if mark != 0x07064B50:
        return ()
    if position + 56 != last - 20 or disk or disks != 1:
        odd("zip-layout", "the zip64 end record is not where it should be")
    mark, length, _, _, *numbers = _at(file, position, "<IQHHIIQQQQ")
    if mark != 0x06064B50 or length != 44:
        odd("zip-layout", "the zip64 end record is damaged")
    return (position, *numbers)


def _listed(file: BinaryIO, count: int, start: int, size: int) -> Iterator[Member]:
    """The members as the list at the end has them."""
    position = start
    for _ in range(count):
        (mark, _, _, flags, method, _, crc, packed, length, n_name, n_extra, n_comment, disk, _,
         mode, at) = _at(file, position, "<IHHHHIIIIHHHHHII")  # fmt: skip
        if mark != 0x02014B50 or disk or position + 46 + n_name + n_extra > start + size:
            odd("zip-layout", "the list of members is damaged")
        raw, extra = file.read(n_name), _extra(file.read(n_extra))
        length, packed, at = _widened(extra, length, packed, at)
        name = _name(raw, flags)
        _plain(name, flags, method, mode)
        yield Member(name, raw, flags, method, crc, packed, length, at)
        position += 46 + n_name + n_extra + n_comment
    if position != start + size:
        odd("zip-layout", "the list of members is longer than its members")


def _extra(data: bytes) -> dict[int, bytes]:
    """Extra fields by number."""
    found: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            odd("zip-layout", "an extra field is damaged")
        kind, length = struct.unpack_from("<HH", data, position)
        if kind in found or position + 4 + length > len(data):
            odd("zip-layout", "an extra field is damaged or repeated")
        found[kind] = data[position + 4 : position + 4 + length]
        position += 4 + length
    if _OTHER_NAME in found:
        odd("zip-name", "a member has a second name")
    return found


def _widened(extra: dict[int, bytes], *short: int) -> tuple[int, ...]:
    """Numbers of 32 bits, those that are full replaced by zip64's."""
    wide = extra.get(_ZIP64, b"")
    result = []
    for value in short:
        if value != _LONG or _ZIP64 not in extra:
            result.append(value)
            continue
        if len(wide) < 8:
            odd("zip-layout", "a zip64 field is too short")
        result.append(struct.unpack_from("<Q", wide)[0])
        wide = wide[8:]
    return tuple(result)


def _name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        odd("zip-name", "a member's name is no text")


def _plain(name: str, flags: int, method: int, mode: int) -> None:
    """Refuse what no model file needs: links, codes, foreign paths."""
    shown = clean(name)
    parts = name.removesuffix("/").split("/")
    if not name or len(name) > MAX_NAME or "\\" in name or _DRIVE.match(name):
        odd("zip-name", f"the name {shown} is no plain path")
    if any(part in ("", ".", "..") for part in parts):
        odd("zip-name", f"the name {shown} leads out of the archive or goes round about")
    if clean(name, MAX_NAME) != name:
        odd("zip-name", f"the name {shown} has characters that do not show")
    if flags & _ENCRYPTED:
        odd("zip-encrypted", f"{shown} is encrypted")
    if flags & ~_KNOWN_FLAGS:
        odd("zip-layout", f"{shown} is marked in a way that no model library writes")
    if method not in (STORED, DEFLATED):
        odd("zip-method", f"{shown} is compressed in a way that model loaders cannot read")
    if stat.S_IFMT(mode >> 16) not in _ORDINARY:
        odd("zip-link", f"{shown} is a link or a device, not a file")


def _names_differ(found: list[Member]) -> None:
    seen: dict[str, str] = {}
    for member in found:
        key = unicodedata.normalize("NFKC", member.name).casefold().removesuffix("/")
        if key in seen:
            odd("zip-duplicate", f"{clean(member.name)} is there twice ({clean(seen[key])})")
        seen[key] = member.name


def _placed(file: BinaryIO, member: Member, after: int) -> Member:
    """The member with its bytes found, its local header and descriptor being those of the list."""
    shown = clean(member.name)
    mark, _, flags, method, _, crc, packed, size, n_name, n_extra = _at(
        file, member.at, "<IHHHIIIIHH"
    )
    if mark != 0x04034B50:
        odd("zip-layout", f"{shown} has no header where the list says")
    if member.at + 30 + n_name + n_extra > after:
        odd("zip-overlap", f"{shown} lies over another member")
    raw, extra = file.read(n_name), _extra(file.read(n_extra))
    size, packed = _widened(extra, size, packed)
    if (raw, flags, method) != (member.raw_name, member.flags, member.method):
        odd("zip-mismatch", f"the two headers of {shown} disagree on what it is")
    later = bool(flags & _DESCRIPTOR)
    told, true = (crc, packed, size), (member.crc, member.packed, member.size)
    if told != true and not (later and not any(told)):
        odd("zip-mismatch", f"the two headers of {shown} disagree on its size or check sum")
    if (member.method == STORED and member.packed != member.size) or (
        member.is_folder and member.size
    ):
        odd("zip-mismatch", f"{shown} is stored as it is, but has two sizes")
    data = member.at + 30 + n_name + n_extra
    rest = after - data - member.packed
    if rest < 0:
        odd("zip-overlap", f"{shown} reaches into what follows it")
    if later:
        file.seek(data + member.packed)
        if file.read(min(rest, 25)) not in _descriptors(member):
            odd("zip-gap", f"{shown} is not followed by its own check sum")
    elif rest:
        odd("zip-gap", f"bytes lie hidden behind {shown}")
    return Member(member.name, raw, flags, method, *true, member.at, data)


def _descriptors(member: Member) -> list[bytes]:
    """The four ways to write a check sum and sizes behind a member."""
    made = [struct.pack("<IQQ", member.crc, member.packed, member.size)]
    if max(member.packed, member.size) < _LONG:
        made.append(struct.pack("<III", member.crc, member.packed, member.size))
    return made + [b"PK\x07\x08" + plain for plain in made]

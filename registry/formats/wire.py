"""A small reader of protobuf's wire layout, for files whose libraries are not here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

BYTES = 2
_FIXED = {1: 8, 5: 4}


def top_fields(file: BinaryIO, limit: int) -> dict[int, int]:
    """Field numbers at the top of a message and their wire types; {} when it is no protobuf.

    The last field may be cut off: a truncated file still shows what it was.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    seen: dict[int, int] = {}
    for _ in range(limit):
        at = file.tell()
        if at >= size:
            return seen
        tag = _varint(file)
        if tag is None or not 0 < tag >> 3 < 20_000:
            return {}
        number, kind = tag >> 3, tag & 7
        if seen.setdefault(number, kind) != kind or not _skip(file, kind):
            return {}
    return seen


def _skip(file: BinaryIO, kind: int) -> bool:
    if kind == 0:
        return _varint(file) is not None
    if kind in _FIXED:
        file.seek(_FIXED[kind], os.SEEK_CUR)
        return True
    length = _varint(file) if kind == BYTES else None
    if length is None or length >= 1 << 40:
        return False
    file.seek(length, os.SEEK_CUR)
    return True


def _varint(file: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return value
    return None


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of a message held in memory; fixed-size values come as bytes.

    Raises:
        ValueError: It is no protobuf, or ends early.
    """
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _number(data, at)
            yield number, value
            continue
        length, at = (_FIXED[kind], at) if kind in _FIXED else _length(data, at, kind)
        if at + length > len(data):
            raise ValueError("a field reaches beyond its message")
        yield number, data[at : at + length]
        at += length


def parts(data: bytes, number: int) -> Iterator[bytes]:
    """Every value of one field that is text, bytes or a message.

    Raises:
        ValueError: As for `fields`; also when the field holds something else.
    """
    for found, value in fields(data):
        if found == number:
            if not isinstance(value, bytes):
                raise ValueError("a number where a message should be")
            yield value


def _length(data: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind != BYTES:
        raise ValueError("a wire type that protobuf no longer has")
    return _number(data, at)


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number ends early")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ValueError("a number is too long")

"""A flatbuffer read field by field, every offset checked."""

from __future__ import annotations

import struct

from registry.formats.text import clean

MAX_LISTED = 100_000


class Buffer:
    """A flatbuffer; struct.error says that an offset leaves it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _at(self, position: int, layout: str) -> int:
        if position < 0:
            raise ValueError("an offset points before the file")
        value: int = struct.unpack_from(layout, self._data, position)[0]
        return value

    def follow(self, position: int) -> int:
        """Where the offset at `position` points."""
        return position + self._at(position, "<I")

    def _field(self, table: int, number: int) -> int:
        """Where a field's value lies; 0 when the table leaves it out."""
        vtable = table - self._at(table, "<i")
        slot = 4 + 2 * number
        offset = self._at(vtable + slot, "<H") if slot < self._at(vtable, "<H") else 0
        return table + offset if offset else 0

    def __len__(self) -> int:
        return len(self._data)

    def table(self, table: int, number: int) -> int:
        """Where a table within the table lies; 0 when it is left out."""
        at = self._field(table, number)
        return self.follow(at) if at else 0

    def number(self, table: int, number: int, layout: str) -> int:
        """A number, or 0 when the table leaves it out."""
        at = self._field(table, number)
        return self._at(at, layout) if at else 0

    def string(self, table: int, number: int) -> str:
        """Text, or "" when the table leaves it out."""
        at = self._field(table, number)
        if not at:
            return ""
        start = self.follow(at)
        size = self._at(start, "<I")
        return clean(self._data[start + 4 : start + 4 + min(size, 1000)].decode("utf-8", "replace"))

    def vector(self, table: int, number: int) -> tuple[int, int]:
        """Where a list's entries start, and how many there are."""
        at = self._field(table, number)
        if not at:
            return 0, 0
        start = self.follow(at)
        return start + 4, self._at(start, "<I")

    def _short(self, table: int, number: int) -> tuple[int, int]:
        start, size = self.vector(table, number)
        if size > MAX_LISTED:
            raise ValueError(f"a list of {size:,} entries")
        return start, size

    def numbers(self, table: int, number: int) -> list[int]:
        """Whole numbers of 32 bits."""
        start, size = self._short(table, number)
        return [self._at(start + 4 * i, "<i") for i in range(size)]

    def tables(self, table: int, number: int) -> list[int]:
        """Where the tables of a list lie."""
        start, size = self._short(table, number)
        return [self.follow(start + 4 * i) for i in range(size)]

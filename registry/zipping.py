"""A zip that is written while it is read: stored members, nothing held but one block.

Its length is known beforehand, so that whoever receives it sees when it was cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from zipfile import ZIP64_LIMIT, ZipFile, ZipInfo

from registry.errors import StoreError

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes whenever they are asked for
_PLAIN_FILE = 0o100644 << 16
_MOST_SHORT = 0xFFFF


@dataclass(frozen=True)
class Entry:
    """One member: its path, its size in bytes, and how to read it from its beginning."""

    name: str
    size_bytes: int
    read: Callable[[], Iterable[bytes]]


def entry_of(name: str, content: str | bytes) -> Entry:
    """A member that is in memory already."""
    data = content.encode() if isinstance(content, str) else content
    return Entry(name, len(data), lambda: (data,))


def stream(entries: Sequence[Entry]) -> Iterator[bytes]:
    """The bytes of the archive, `length(entries)` of them.

    Raises:
        StoreError: A member is not as long as it said; what was sent is no whole archive.
    """
    sink = _Sink()
    with ZipFile(sink, "w") as archive:  # type: ignore[call-overload]  # only writes are asked
        for entry in entries:
            info = ZipInfo(entry.name, _EPOCH)
            info.external_attr, info.file_size = _PLAIN_FILE, entry.size_bytes
            left = entry.size_bytes
            with archive.open(info, "w", force_zip64=_is_long(entry)) as member:
                for block in entry.read():
                    left -= len(block)
                    if left < 0:
                        break
                    member.write(block)
                    yield from sink.taken()
                if left:
                    raise StoreError(f"{entry.name} is not as long as it should be: refused")
            yield from sink.taken()
    yield from sink.taken()


def length(entries: Iterable[Entry]) -> int:
    """Size of the archive in bytes.

    Source: APPNOTE.TXT 6.3.10, §4.3.7, §4.3.9, §4.3.12, §4.3.14-16, as Python's zipfile writes it.
    """
    position = listed = count = 0
    for entry in entries:
        name, long = len(entry.name.encode()), _is_long(entry)
        wide = 2 * (entry.size_bytes > ZIP64_LIMIT) + (position > ZIP64_LIMIT)
        listed += 46 + name + (4 + 8 * wide if wide else 0)
        position += 30 + name + entry.size_bytes + (20 + 24 if long else 16)
        count += 1
    large = position > ZIP64_LIMIT or listed > ZIP64_LIMIT or count > _MOST_SHORT
    return position + listed + 22 + (56 + 20 if large else 0)


def _is_long(entry: Entry) -> bool:
    return entry.size_bytes * 1.05 > ZIP64_LIMIT


class _Sink:
    """Where the archive is written to: cannot be sought in, and forgets what was taken."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._blocks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self) -> Iterator[bytes]:
        """What was written since, once."""
        blocks, self._blocks = self._blocks, []
        yield from blocks

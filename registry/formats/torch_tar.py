"""The tar files that torch wrote before 0.2: a pickle, and two tables it refers to by number.

Source: torch 2.13, torch/serialization.py, `_legacy_load.legacy_load`
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import reductions, tars
from registry.formats.machine import DAMAGE, DryRun
from registry.formats.seen import Seen
from registry.formats.source import Limits, Source
from registry.formats.stubs import Global, Storage, Weight, lengths
from registry.formats.tars import Part
from registry.formats.text import clean, refusal
from registry.formats.unzipped import window
from registry.formats.weighing import refuse_bombs

NAMES = frozenset({"sys_info", "pickle", "tensors", "storages"})
_FIRST = NAMES | {"././@PaxHeader", "./PaxHeaders/sys_info"}
WHY = (
    "no safe loader reads the tar files of torch before 0.2: make it safe, which copies the "
    "weights into a safetensors file, or save it again with a newer torch"
)
_MAX_TENSORS, _MAX_DIMENSIONS = 100_000, 64


@dataclass
class Tar:
    """What such a file says.

    Attributes:
        seen: Its pickle, tensors in place of the numbers that stand for them.
        tables: Pickles beside it that are more than plain data.
        places: Key of a storage to where its bytes start and how many there are.
    """

    seen: Seen = field(default_factory=Seen)
    tables: list[Seen] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def note(self, seen: Seen) -> None:
        """Keep what a table says beyond plain data."""
        if seen.globals or seen.flaws or seen.trailing:
            self.tables.append(seen)


def is_torch_tar(head: bytes) -> bool:
    """A tar whose first member is one of torch's."""
    return tars.is_tar(head) and tars.first_name(head).removesuffix("/") in _FIRST


def walked(file: BinaryIO) -> Tar:
    """Read the tables, then walk the pickle; the numbers themselves are passed over.

    Raises:
        BrokenArtifact: The archive can be read in more than one way, a pickle in it is damaged, or
            a table does not fit its bytes.
    """
    made = Tar()
    try:
        parts = tars.parts(file, NAMES)
        if missing := NAMES - {"sys_info"} - parts.keys():
            raise ValueError(f"{min(missing)} is missing")
        storages = _storages(file, parts["storages"], made)
        tensors = _tensors(file, parts["tensors"], made, storages)
        if "sys_info" in parts:
            machine = _whole(file, parts["sys_info"])
            made.note(machine)
            if isinstance(machine.root, dict) and machine.root.get("little_endian") is False:
                raise ValueError("numbers in the byte order of machines that are no more")
        made.seen = _whole(file, parts["pickle"], {**storages, **tensors})
    except DAMAGE as wrong:
        raise BrokenArtifact(
            refusal(
                "the torch tar file is not sound",
                f"Reading it stopped at: {clean(wrong)}",
                "Save the model again with a newer torch and upload that",
            )
        ) from None
    return made


class _Referring(DryRun):
    """A dry run whose references are numbers of things that were read before."""

    known: dict[int, Storage | Weight]

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple):  # a class, its file and its source text
            return pid[0]
        return self.known[int(pid)]


def _pickle(source: Source, known: dict[int, Storage | Weight] | None = None) -> Seen:
    machine = _Referring(source)
    machine.known = known or {}
    machine.seen.root = machine.load()
    refuse_bombs(machine.seen.root)
    return machine.seen


def _whole(file: BinaryIO, part: Part, known: dict[int, Storage | Weight] | None = None) -> Seen:
    source = Source(window(file, part.start, part.size), Limits())
    seen = _pickle(source, known)
    seen.trailing = bool(source.peek())
    return seen


def _count(root: object) -> int:
    if type(root) is not int or not 0 <= root <= _MAX_TENSORS:
        raise ValueError("a table of impossible length")
    return root


def _row(seen: Seen, kinds: str) -> tuple[int, Any, str]:
    """(number, second entry, type of its elements) of a row that ends in a type of torch."""
    number, second, kind = seen.root
    dtype = ""
    if isinstance(kind, Global) and kind.module in ("torch", "torch.cuda"):
        name = kind.name.removesuffix(kinds)
        dtype = reductions.storage_dtype(f"{name}Storage") if name != kind.name else ""
    if type(number) is not int or not dtype:
        raise ValueError(f"a {kinds.lower()} of a type that torch did not have")
    seen.globals.pop(kind.path)  # what is left is judged like all names
    return number, second, dtype


def _storages(file: BinaryIO, part: Part, made: Tar) -> dict[int, Storage]:
    """Storages by number; each is a row, the number of its elements, and those."""
    stream = window(file, part.start, part.size)
    source = Source(stream, Limits())
    head = _pickle(source)
    made.note(head)
    found: dict[int, Storage] = {}
    for _ in range(_count(head.root)):
        row = _pickle(source)
        number, _, dtype = _row(row, "Storage")
        made.note(row)
        (count,) = struct.unpack("<q", _exactly(source, 8))
        size = count * reductions.item_size(dtype)
        start = part.start + stream.tell()
        if count < 0 or start + size > part.start + part.size or number in found:
            raise ValueError("a storage that does not fit its bytes")
        stream.seek(size, 1)
        found[number] = Storage(dtype, str(number), count)
        made.places[str(number)] = (start, size)
    views = _pickle(source)
    made.note(views)
    for target, root, offset, count in views.root:
        whole, item = found[root], reductions.item_size(found[root].dtype)
        plain = all(type(n) is int and n >= 0 for n in (target, offset, count))
        if not plain or offset + count > whole.size or target in found:
            raise ValueError("a view beyond its storage")
        start = made.places[whole.key][0] + offset * item
        found[target] = Storage(whole.dtype, str(target), count)
        made.places[str(target)] = (start, count * item)
    _end(source)
    return found


def _tensors(
    file: BinaryIO, part: Part, made: Tar, storages: dict[int, Storage]
) -> dict[int, Weight]:
    """Tensors by number; each is a row, its dimensions, sizes, strides, and where it starts."""
    source = Source(window(file, part.start, part.size), Limits())
    head = _pickle(source)
    made.note(head)
    found: dict[int, Weight] = {}
    for _ in range(_count(head.root)):
        row = _pickle(source)
        number, storage, dtype = _row(row, "Tensor")
        made.note(row)
        (n,) = struct.unpack("<ixxxx", _exactly(source, 8))
        if not 0 <= n <= _MAX_DIMENSIONS or storages[storage].dtype != dtype or number in found:
            raise ValueError("a tensor of impossible dimensions or of another type")
        shape, strides = (struct.unpack(f"<{n}q", _exactly(source, 8 * n)) for _ in range(2))
        (offset,) = struct.unpack("<q", _exactly(source, 8))
        weight = Weight(dtype, lengths(shape), storages[storage], offset, lengths(strides))
        reach = offset + sum((m - 1) * step for m, step in zip(shape, strides, strict=True)) + 1
        if offset < 0 or (weight.size and reach > storages[storage].size):
            raise ValueError("a tensor beyond its storage")
        found[number] = weight
    _end(source)
    return found


def _exactly(source: Source, size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError("a table ends early")
    return data


def _end(source: Source) -> None:
    if source.peek():
        raise ValueError("bytes follow behind a table")

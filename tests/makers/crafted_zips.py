"""A zip writer that writes whatever it is told, however wrong, and the techniques it serves."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.makers import models

Maker = Callable[[Path], Path]


@dataclass
class Part:
    """A member: its data, and what each header says differently."""

    name: str
    data: bytes = b""
    method: int = 0
    mode: int = 0
    before: bytes = b""
    after: bytes = b""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def packed(self) -> bytes:
        if self.method != 8:
            return self.data
        machine = zlib.compressobj(6, zlib.DEFLATED, -15)
        return machine.compress(self.data) + machine.flush()

    def fields(self, changed: dict[str, Any]) -> tuple[bytes, bytes, dict[str, Any]]:
        """Name, extra field and numbers of one header."""
        told = {"flags": 0x800, "method": self.method, "crc": zlib.crc32(self.data),
                "packed": len(self.packed), "size": len(self.data), "extra": b"",
                "name": self.name.encode(), **changed}  # fmt: skip
        return told.pop("name"), told.pop("extra"), told


def crafted(parts: list[Part], *, count: int | None = None, comment: bytes = b"") -> bytes:
    """The archive of the parts."""
    out, listed = bytearray(), bytearray()
    for part in parts:
        out += part.before
        at = part.central.get("at", len(out))
        name, extra, n = part.fields(part.local)
        head = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, n["flags"], n["method"], 0, 0x21,
                           n["crc"], n["packed"], n["size"], len(name), len(extra))  # fmt: skip
        out += head + name + extra + part.packed + part.after
        told = {key: value for key, value in part.central.items() if key != "at"}
        name, extra, n = part.fields(told)
        listed += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 0x314, 20, n["flags"], n["method"],
                              0, 0x21, n["crc"], n["packed"], n["size"], len(name), len(extra), 0,
                              0, 0, part.mode << 16, at) + name + extra  # fmt: skip
    number = len(parts) if count is None else count
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, number, number, len(listed), len(out),
                      len(comment))  # fmt: skip
    return bytes(out + listed + end + comment)


def parts_of(path: Path) -> list[Part]:
    """The members of an honest archive."""
    with zipfile.ZipFile(path) as archive:
        return [Part(name, archive.read(name)) for name in archive.namelist()]


def weights(folder: Path) -> list[Part]:
    """A torch state dict's members, `data.pkl` first."""
    found = parts_of(models.torch_state_dict(folder))
    return sorted(found, key=lambda part: not part.name.endswith("data.pkl"))


def written(folder: Path, content: bytes, name: str = "weights.pt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _with(change: Callable[[list[Part]], Any]) -> Maker:
    def make(folder: Path) -> Path:
        parts = weights(folder)
        change(parts)
        return written(folder, crafted(parts))

    return make


def _named(name: str) -> Maker:
    return _with(lambda parts: parts.append(Part(name, b"x")))


def _evil() -> bytes:
    return b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."


def _nested() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("data.pkl", _evil())
    return content.getvalue()


def _second(parts: list[Part], name: str) -> None:
    parts.append(Part(parts[0].name.replace("data.pkl", name), _evil()))


def _prepended(folder: Path) -> Path:
    """A script before the archive, which many readers pass over."""
    content = models.torch_state_dict(folder).read_bytes()
    return written(folder, b"#!/bin/sh\nid\n" + content)


def _trailing(folder: Path) -> Path:
    return written(folder, models.torch_state_dict(folder).read_bytes() + _evil())


def _comment(folder: Path) -> Path:
    return written(folder, crafted(weights(folder), comment=b"PK\x05\x06" + bytes(18)))


def _shared(parts: list[Part]) -> None:
    """Two names for the same bytes, as bombs of overlapping members have them."""
    parts.append(Part(parts[0].name.replace("data.pkl", "data/9"), central={"at": 0}))


def _flipped(folder: Path) -> Path:
    content = bytearray(crafted(weights(folder)))
    content[content.index(b"data/2") + 40] ^= 0xFF
    return written(folder, bytes(content))


def _too_many(folder: Path) -> Path:
    parts = weights(folder)
    top = parts[0].name.removesuffix("data.pkl")
    return written(folder, crafted(parts + [Part(f"{top}data/{n}") for n in range(100, 5200)]))


def _counted(folder: Path) -> Path:
    parts = weights(folder)
    return written(folder, crafted(parts, count=len(parts) - 1))


def _bomb(folder: Path) -> Path:
    parts = weights(folder)
    parts.append(Part(parts[0].name.replace("data.pkl", "data/7"), bytes(32 << 20), method=8))
    return written(folder, crafted(parts))


def _liar(folder: Path) -> Path:
    """Deflated to more than both headers say."""
    parts = weights(folder)
    small = {"size": 10}
    name = parts[0].name.replace("data.pkl", "data/7")
    parts.append(Part(name, bytes(1 << 20), method=8, local=small, central=small))
    return written(folder, crafted(parts))


def _deflated_tail(folder: Path) -> Path:
    """Bytes behind the deflated stream, counted as packed."""
    parts = weights(folder)
    part = Part(parts[0].name.replace("data.pkl", "data/7"), b"abc" * 50, method=8, after=b"EVIL")
    part.local = part.central = {"packed": len(part.packed) + 4}
    return written(folder, crafted([*parts, part]))


def _descriptor(parts: list[Part]) -> None:
    """A descriptor that is not that of the list."""
    lie = struct.pack("<IIII", 0x08074B50, 1, len(parts[0].data), len(parts[0].data))
    nothing = {"flags": 0x808, "crc": 0, "packed": 0, "size": 0}
    parts[0].local, parts[0].central, parts[0].after = nothing, {"flags": 0x808}, lie


def _skops_with(name: str, data: bytes) -> Maker:
    def make(folder: Path) -> Path:
        parts = parts_of(models.skops_classifier(folder))
        return written(folder, crafted([*parts, Part(name, data)]), "model.skops")

    return make


def _set(index: int, **changes: Any) -> Maker:
    return _with(lambda parts: [setattr(parts[index], key, v) for key, v in changes.items()])


def _second_name() -> Maker:
    extra = struct.pack("<HHBI", 0x7075, 10, 1, 0) + b"other"
    return _set(1, central={"extra": extra})


ZIPS: dict[str, tuple[str, str, str, Maker]] = {
    "traversal": ("zip-name", "torch_pickle", "A name that climbs out", _named("../../evil")),
    "absolute_name": ("zip-name", "torch_pickle", "A name from the root", _named("/etc/evil")),
    "backslash_name": ("zip-name", "torch_pickle", "A path for Windows", _named("a\\..\\evil")),
    "drive_name": ("zip-name", "torch_pickle", "A drive's name", _named("C:evil")),
    "control_name": ("zip-name", "torch_pickle", "A line feed in a name", _named("a\nb")),
    "bidi_name": ("zip-name", "torch_pickle", "Text that turns round", _named("a\u202egnp.b")),
    "roundabout_name": ("zip-name", "torch_pickle", "a/./b is a/b", _named("weights/./data.pkl")),
    "second_name": ("zip-name", "torch_pickle", "An extra field with a name", _second_name()),
    "case_shadow": ("zip-duplicate", "torch_pickle", "torch takes the first of data.pkl, DATA.PKL",
                    _with(lambda parts: _second(parts, "DATA.PKL"))),
    "duplicate": ("zip-duplicate", "torch_pickle", "Python takes the last of two data.pkl",
                  _with(lambda parts: _second(parts, "data.pkl"))),
    "two_names": ("zip-mismatch", "torch_pickle", "Two headers, two names",
                  _set(1, local={"name": b"weights/DATA.PKL"})),
    "two_methods": ("zip-mismatch", "torch_pickle", "Two headers, two compressions",
                    _set(1, local={"method": 8})),
    "two_sums": ("zip-mismatch", "torch_pickle", "Two headers, two check sums",
                 _set(1, local={"crc": 1})),
    "two_sizes": ("zip-mismatch", "torch_pickle", "Two headers, two sizes",
                  _set(-1, local={"size": 1, "packed": 1})),
    "two_flags": ("zip-mismatch", "torch_pickle", "Two headers, two sets of flags",
                  _set(1, local={"flags": 0})),
    "false_descriptor": ("zip-gap", "torch_pickle", "A descriptor that lies", _with(_descriptor)),
    "shared_bytes": ("zip-overlap", "torch_pickle", "Two members over the same bytes",
                     _with(_shared)),
    "hidden_gap": ("zip-gap", "torch_pickle", "Bytes between two members",
                   _set(2, before=b"hidden bytes")),
    "hidden_before": ("zip-start", "torch_pickle", "A member that is in no list, first",
                      _set(0, before=b"PK\x03\x04" + bytes(40))),
    "prepended": ("zip-start", "torchscript", "A script before the archive", _prepended),
    "trailing": ("zip-trailing", "torch_pickle", "A pickle behind the archive", _trailing),
    "end_in_comment": ("zip-layout", "torch_pickle", "A second end record", _comment),
    "miscounted": ("zip-layout", "torch_pickle", "One member fewer than listed", _counted),
    "bomb": ("zip-bomb", "torch_pickle", "32 MiB of zeros in 32 KB", _bomb),
    "size_lie": ("zip-bomb", "torch_pickle", "More comes out than is told", _liar),
    "deflated_tail": ("zip-gap", "torch_pickle", "Bytes behind a stream", _deflated_tail),
    "wrong_sum": ("zip-crc", "torch_pickle", "A flipped weight, which torch does not notice",
                  _flipped),
    "symlink": ("zip-link", "torch_pickle", "A link to /etc/passwd", _set(1, mode=0o120777)),
    "device": ("zip-link", "torch_pickle", "A device", _set(1, mode=0o020666)),
    "encrypted": ("zip-encrypted", "torch_pickle", "Marked as encrypted",
                  _set(1, local={"flags": 0x801}, central={"flags": 0x801})),
    "odd_method": ("zip-method", "torch_pickle", "Bzip2 inside",
                   _set(1, local={"method": 12}, central={"method": 12})),
    "too_many": ("zip-members", "torch_pickle", "5,100 members", _too_many),
    "unknown_record": ("zip-record", "torch_pickle", "A part torch does not write",
                       _named("weights/evil.bin")),
    "two_models": ("zip-record", "torch_pickle", "Two folders, of which torch reads the first",
                   _with(lambda parts: parts.insert(0, Part("w/data.pkl", _evil())))),
    "nested_archive": ("zip-nested", "skops", "An archive in an archive",
                       _skops_with("more.bin", _nested())),
    "tar_inside": ("zip-nested", "skops", "A tar archive in an archive",
                   _skops_with("more.bin", bytes(257) + b"ustar\x0000" + bytes(300))),
    "pickle_inside": ("zip-pickle", "skops", "A pickle beside the JSON",
                      _skops_with("notes.txt", pickle.dumps({"a": 1}))),
    "weights_are_a_pickle": ("zip-pickle", "torch_pickle", "A pickle where weights lie",
                             _set(4, data=pickle.dumps({"a": 1}))),
    "weights_are_an_archive": ("zip-nested", "torch_pickle", "An archive where weights lie",
                               _set(4, data=_nested())),
    "npz_traversal": ("zip-name", "skops", "An array archive that climbs out",
                      _skops_with("x.npz", crafted([Part("../a.npy", b"")]))),
}  # fmt: skip
"""Rule, format, description and maker, by name."""

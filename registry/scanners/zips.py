"""Zip files: one reading only, every byte checked, and in them nothing that is not looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives, tars, zips
from registry.formats.dry_run import Limits, dry_run
from registry.formats.marks import is_pickle
from registry.formats.text import clean, finding
from registry.formats.unzipped import Budget, content, opened
from registry.formats.zips import Member, Odd
from registry.records import Finding
from registry.scanners.contract import Look

NAME = "zips"
FORMATS = ("skops", "torchscript", "torch_export", "torch_pickle", "keras", "mlflow", "tensorflow")

_TORCH = (
    r"data\.pkl|constants\.pkl|traced_inputs\.pkl|version|byteorder|\.format_version"
    r"|\.storage_alignment|\.data/(serialization_id|version)|(data|constants|traced_inputs)/\d+"
)
_EXPORT = (
    r"archive_(format|version)|version|byteorder|\.data/(serialization_id|version)"
    r"|\.format_version|\.storage_alignment|models/[^/]+\.json|data/(weights|constants)/[^/]+"
    r"|data/sample_inputs/[^/]+\.pt|extra/.+|serialized_[a-z_]+\.(json|pt)|data/aotinductor/.+"
)
_BESIDES: dict[str, tuple[bytes, ...]] = {
    "torch_pickle": (b"\x80\x02",),
    "keras": (b"\x89HDF",),
    "tensorflow": (b"\x08", b"\x0a"),
}
"""Formats that are not always archives, and how else they begin."""
_RECORDS = {
    "torch_pickle": re.compile(rf"([^/]+/)?({_TORCH})"),
    "torchscript": re.compile(rf"([^/]+/)?({_TORCH}|code/.+\.py(\.debug_pkl)?|extra/.+)"),
    "torch_export": re.compile(rf"([^/]+/)?({_EXPORT})"),
}
"""Records that torch writes, with or without the folder on top."""
_NUMBERS = {
    "torch_pickle": re.compile(r"([^/]+/)?data/\d+"),
    "torchscript": re.compile(r"([^/]+/)?(data|constants|traced_inputs)/\d+"),
    "torch_export": re.compile(r"([^/]+/)?data/(weights/weight|constants/tensor)_\d+"),
    "tensorflow": re.compile(r"(.+/)?variables/variables\.data-\d+-of-\d+"),
}
"""Members taken as plain numbers, whatever bytes they begin with."""
_LOOKED_INTO = {
    "skops": re.compile(r".+\.npz"),
    "torch_pickle": re.compile(r"([^/]+/)?data\.pkl"),
    "torchscript": re.compile(r"([^/]+/)?((data|constants|traced_inputs)\.pkl|code/.+\.debug_pkl)"),
    "torch_export": re.compile(
        r"([^/]+/)?(data/sample_inputs/[^/]+|serialized_(state_dict|constants|example_inputs))\.pt"
    ),
}
"""Pickles and archives that another scanner opens."""
_BRIEFLY = Limits(seconds=1.0, opcodes=500_000)
_PICKLED = (".pkl", ".pickle", ".joblib", ".dill", ".p")
_ARCHIVES = ((0, b"PK\x03\x04"), (0, b"PK\x05\x06"), (0, b"\x1f\x8b\x08"), (0, b"BZh"),
             (0, b"\xfd7zXZ\x00"), (0, b"7z\xbc\xaf\x27\x1c"), (0, b"Rar!\x1a\x07"),
             (0, b"\x28\xb5\x2f\xfd"), (257, b"ustar"))  # fmt: skip
_AGAIN = "Save the model again with its own library and upload that file as it is"
_WHY = {
    "zip-bomb": "Reading it would fill the memory or the time of whoever opens it",
    "zip-crc": "The bytes are not those that were saved, and some loaders do not notice",
    "zip-encrypted": "What cannot be read cannot be checked",
    "zip-link": "Whoever unpacks it could be made to write or read another place",
    "zip-members": "No single model consists of so many parts",
    "zip-method": "What cannot be read cannot be checked",
    "zip-name": "Whoever unpacks it could be made to write somewhere else",
    "zip-nested": "An archive in an archive hides what is inside from whoever looks",
    "zip-pickle": "A pickle runs what it names, and no loader of this format needs one here",
    "zip-record": "The library that wrote this format writes no such part, so it is not the model",
}
_AMBIGUOUS = "Programs read such an archive differently, so that a check may see other bytes"


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Read the archive and every member in it to the end.

    Raises:
        BrokenArtifact: It can be read in more than one way, so nothing else is looked at.
    """
    head = file.read(tars.BLOCK)
    if not archives.is_zip(head) and head.startswith(_BESIDES.get(format, ())):
        return
    if format == "torch_pickle" and tars.is_tar(head):
        return  # `pickles` reads it whole
    try:
        if not archives.is_zip(head):
            raise Odd("zip-start", "the file does not begin as an archive")
        tops = set()
        for member, start in walked(file):
            look.findings.extend(_seen(file, member, start, format))
            tops.add(_top(member, format))
        if len(tops - {None}) > 1:  # torch reads the folder of the first member, others another
            raise Odd("zip-record", "the archive holds two models, each in a folder of its own")
    except Odd as odd:
        look.findings.append(refused(odd))
        raise BrokenArtifact("the archive around it is not sound") from None


def walked(file: BinaryIO) -> Iterator[tuple[Member, bytes]]:
    """Every member, read to its end, with the first bytes of it.

    Raises:
        Odd: The archive or a member of it is not sound.
    """
    members = zips.members(file)
    budget = Budget.of(members)
    for member in members:
        head = b""
        for block in content(file, member, budget):
            head = head or block[:4096]
        yield member, head


def refused(odd: Odd) -> Finding:
    """The finding of an archive that is not sound."""
    return finding("block", odd.rule, odd.what, _WHY.get(odd.rule, _AMBIGUOUS), _AGAIN)


def is_archive(head: bytes) -> bool:
    """Whether these first bytes are those of an archive or a compressed file."""
    return any(head[at : at + len(mark)] == mark for at, mark in _ARCHIVES)


def is_pickled(name: str, head: bytes, part: BinaryIO) -> bool:
    """Whether a member is a pickle by its name, its mark, or because it reads as one to its end.

    Pickles of protocol 0 have no mark: the words "cat" and "dog" on two lines begin like one.
    """
    if name.lower().endswith(_PICKLED):
        return True
    return is_pickle(head) if head[:1] == b"\x80" else _is_whole_pickle(head, part)


def _is_whole_pickle(head: bytes, part: BinaryIO) -> bool:
    """Whether it is a pickle to its end; numbers may well begin like one."""
    if not is_pickle(head):
        return False
    part.seek(0)
    try:
        dry_run(part, limits=_BRIEFLY)
    except BrokenArtifact:
        return False
    return True


def _is_whole_archive(head: bytes, part: BinaryIO) -> bool:
    """Whether it is a zip file to its end; numbers may well begin like one."""
    try:
        return archives.is_zip(head) and bool(zips.members(part))
    except Odd:
        return False


def _seen(file: BinaryIO, member: Member, head: bytes, format: str) -> Iterator[Finding]:
    """What is wrong with a member being there at all."""
    name = member.name
    if member.is_folder or format == "mlflow":  # whose members are scanned as files of their own
        return
    shown = clean(name)
    if format in _RECORDS and not _RECORDS[format].fullmatch(name):
        yield refused(Odd("zip-record", f"{shown} is no part of this format"))
    suspect = is_archive(head) or is_pickle(head) or name.lower().endswith(_PICKLED)
    if not suspect or _matches(_LOOKED_INTO, format, name):
        return
    numbers, part = _matches(_NUMBERS, format, name), opened(file, member, Budget())
    if _is_whole_archive(head, part) if numbers else is_archive(head):
        yield refused(Odd("zip-nested", f"{shown} inside the archive is itself an archive"))
    elif _is_whole_pickle(head, part) if numbers else is_pickled(name, head, part):
        yield refused(Odd("zip-pickle", f"{shown} inside the archive is a pickle"))


def _top(member: Member, format: str) -> str | None:
    """The folder that a record of torch's lies in, "" for none; None for other members."""
    pattern = _RECORDS.get(format)
    found = pattern.fullmatch(member.name) if pattern and not member.is_folder else None
    return (found[1] or "") if found else None


def _matches(patterns: dict[str, re.Pattern[str]], format: str, name: str) -> bool:
    pattern = patterns.get(format)
    return pattern is not None and pattern.fullmatch(name) is not None

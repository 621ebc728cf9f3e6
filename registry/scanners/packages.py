"""A zip that is no format of its own: a model with what belongs to it, every member looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from registry import describing, formats
from registry.errors import BrokenArtifact, UnknownFormat
from registry.formats import archives, mlflow, sklearn, told, zips
from registry.formats.marks import is_pickle
from registry.formats.text import clean, finding
from registry.formats.unzipped import Budget, content
from registry.formats.unzipped import opened as part
from registry.formats.zips import Member, Odd
from registry.records import Finding, Package, Packed, PackedKind, Report
from registry.scanners import VERSION
from registry.scanners.zips import is_archive, is_pickled, refused, walked

_SOURCE = frozenset(".py .pyi .ipynb .r .jl .sql .toml .cfg .ini".split())
"""Text that was written to make or use a model: kept to be read and downloaded, never run here."""
_PROGRAM = frozenset(
    ".pyc .pyd .pyw .so .dll .dylib .exe .com .sh .bash .zsh .bat .cmd .ps1 .js .mjs .jar "
    ".class .rb .pl .php .lua .vbs .msi .app .whl .egg .deb .rpm".split()
)
_CODE = _PROGRAM | {".py", ".ipynb", ".r", ".jl"}
_PROGRAMS = (
    b"\x7fELF",
    b"#!",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
)
_JUNK = re.compile(r"(.*/)?(__MACOSX/.*|\.[^/]+|Thumbs\.db|desktop\.ini)")
_LICENSE = re.compile(r"(licen[cs]e|copying|notice)(\.(txt|md))?")
_README = re.compile(r"readme(\.(md|txt))?")
_REQUIREMENTS = re.compile(r"requirements[\w.-]*\.(txt|ya?ml)|(conda|environment)\.ya?ml")
_DATA = (".csv", ".tsv", ".parquet")
_CONFIG = (".yaml", ".yml", ".json", ".txt")
_PACKED = (".zip", ".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4")  # of what: not said by these
_MAX_WALKED = 16 << 20
_WHY_PROGRAM = "A package is for others to download: what runs at a double click has no place in it"


def opened(file: BinaryIO) -> Package | None:
    """What is in a package; None when the file is a model format itself, or no archive.

    A folder of MLflow with one model file and no code is taken for a package of that file. Every
    member is read to its end. Whatever fails refuses the whole package: see `report`.
    """
    file.seek(0)
    if not archives.is_zip(file.read(4)):
        return None
    model = ""
    try:
        found = formats.detect(file, "package.zip")
        model = mlflow.model_file(file) if found == mlflow.NAME else ""
        if not model or _has_code(file):
            return None
    except UnknownFormat:
        pass
    except BrokenArtifact:
        return None  # who examines it says what is wrong
    members: list[Packed] = []
    findings: list[Finding] = []
    try:
        for member, head in walked(file):
            if member.is_folder:
                continue
            kind = _kind(member.name)
            if model and (kind == "model") != (member.name == model):
                kind = "model" if member.name == model else "left out"
            findings += _wrong(file, member, kind, head)
            members.append(Packed(member.name, kind, member.size))
    except Odd as odd:
        return Package((), Report((refused(odd),), False, (), VERSION))
    settled = tuple(_settled(members))
    card = next((member.name for member in settled if member.kind == "card"), "")
    return Package(settled, Report(tuple(findings), True, (), VERSION), told.read(file, card))


def _has_code(file: BinaryIO) -> bool:
    """Whether an MLflow folder brings code along: it stays whole then, and is held back."""
    with archives.opened(file) as archive:
        return any(PurePosixPath(name.lower()).suffix in _CODE for name in archive.namelist())


def unpacked(file: BinaryIO, name: str) -> tuple[int, Iterator[bytes]]:
    """Size and bytes of one member.

    Raises:
        BrokenArtifact: The archive has none of that name, or is not sound.
    """
    try:
        members = zips.members(file)
        member = next((m for m in members if m.name == name), None)
        if member is None:
            raise BrokenArtifact(f"the package has no {clean(name)}")
        return member.size, content(file, member, Budget.of(members))
    except Odd as odd:
        raise BrokenArtifact(f"the package is damaged: {odd.what}") from None


def _kind(name: str) -> PackedKind:
    """What a member is by its name; "left out" when it is nothing that is kept."""
    base = PurePosixPath(name).name.lower()
    ending = PurePosixPath(base).suffix
    if _JUNK.fullmatch(name):
        return "left out"
    for kind, pattern in _BY_NAME.items():
        if pattern.fullmatch(base):
            return kind
    if ending in _DATA:
        return "sample" if ending == ".csv" and re.search("sample|example", base) else "data"
    if ending in _SOURCE:
        return "code"
    if base == describing.MANIFEST:  # what it says is read, and written anew
        return "left out"
    if ending in _CONFIG:
        return "config"
    inner = PurePosixPath(base.removesuffix(ending)).suffix if ending in _PACKED[1:] else ending
    return "model" if inner in formats.extensions() and inner not in _PACKED else "left out"


_BY_NAME: dict[PackedKind, re.Pattern[str]] = {
    "license": _LICENSE,
    "card": _README,
    "requirements": _REQUIREMENTS,
}


def _wrong(file: BinaryIO, member: Member, kind: PackedKind, head: bytes) -> Iterator[Finding]:
    """Why a member must not be in a package."""
    name, shown = member.name, clean(member.name)
    source = kind == "code" and head.startswith(b"#!")  # which names an interpreter
    if PurePosixPath(name.lower()).suffix in _PROGRAM or (_is_program(head) and not source):
        what = f"the file {shown} is a program or a script of a shell"
        yield finding("block", "package-code", what, _WHY_PROGRAM, "Make the package without it")
    elif kind == "model":
        return  # scanned as a file of its own
    elif is_archive(head):
        what = f"the file {shown} is itself an archive"
        why = "An archive in an archive hides what is inside from whoever looks"
        yield finding(
            "block", "zip-nested", what, why, "Put its files into the package as they are"
        )
    elif kind != "left out" and _is_pickle(file, member, head):
        what, why = (
            f"the file {shown} is a pickle under the name of a text",
            "A pickle runs what it names",
        )
        yield finding("block", "package-pickle", what, why, "Make the package without it")
    elif kind not in ("left out", "data") and b"\x00" in head:
        why = "Its name says text, so that whoever opens it expects no program"
        yield finding(
            "block", "package-binary", f"the file {shown} is no text", why, "Rename or remove it"
        )


def _is_pickle(file: BinaryIO, member: Member, head: bytes) -> bool:
    """By its first bytes, or, since old pickles are text, because it reads as one to its end."""
    if member.size > _MAX_WALKED:
        return is_pickle(head)
    piece = part(file, member, Budget.of([member]))
    if is_pickle(head):  # two words on two lines begin like one
        return is_pickled(member.name, head, piece)
    return sklearn.detect(head, piece)


def _is_program(head: bytes) -> bool:
    """By its first bytes; MZ alone may also begin a table of masses."""
    return head.startswith(_PROGRAMS) or (head.startswith(b"MZ") and b"\x00" in head)


def _settled(members: list[Packed]) -> Iterator[Packed]:
    """The only CSV is the sample; of readmes and licenses the one nearest the top is kept."""
    tables = [
        m for m in members if m.kind in ("data", "sample") and m.name.lower().endswith(".csv")
    ]
    nearest = {
        kind: min((m.name for m in members if m.kind == kind), key=_depth, default="")
        for kind in ("card", "license")
    }
    for member in members:
        if len(tables) == 1 and member is tables[0]:
            yield Packed(member.name, "sample", member.size_bytes)
        elif nearest.get(member.kind, member.name) != member.name or not member.size_bytes:
            yield Packed(member.name, "left out", member.size_bytes)
        else:
            yield member


def _depth(name: str) -> tuple[int, str]:
    return name.count("/"), name

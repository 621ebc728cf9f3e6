"""Looks into zip files: member names, and single members with a cap on what comes out."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats.text import clean, refusal
from registry.formats.zips import MAX_MEMBERS

_BLOCK = 1 << 20
DAMAGE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError,
    RuntimeError, KeyError,
)  # fmt: skip


def is_zip(head: bytes) -> bool:
    """Whether the first bytes are those of a zip member."""
    return head.startswith(b"PK\x03\x04")


def opened(file: BinaryIO) -> zipfile.ZipFile:
    """The archive.

    Raises:
        BrokenArtifact: It has no list of members: most often, it was cut off.
    """
    try:
        archive = zipfile.ZipFile(file)
        _refuse_another(archive, file)
    except DAMAGE as damage:
        raise BrokenArtifact(
            refusal(
                "the file starts as a zip archive but ends early or is damaged",
                f"Its list of members cannot be read ({clean(damage, 100)})",
                "Save the model again and upload the whole file",
            )
        ) from None
    if len(archive.infolist()) > MAX_MEMBERS:
        raise BrokenArtifact(
            refusal(
                f"the archive has {len(archive.infolist()):,} members",
                f"At most {MAX_MEMBERS:,} are read",
                "Upload the model file alone",
            )
        )
    return archive


def _refuse_another(archive: zipfile.ZipFile, file: BinaryIO) -> None:
    """Refuse a list of members that is that of another archive inside this one.

    Python looks for the list from the end: a file that was cut off inside a member that is itself
    an archive would be taken for that one.

    Raises:
        zipfile.BadZipFile: The archive does not fill the file from its first byte to its last.
    """
    offsets = [member.header_offset for member in archive.infolist()]
    if offsets and min(offsets) != 0:
        raise zipfile.BadZipFile("bytes before the first member")
    file.seek(-22 - len(archive.comment), os.SEEK_END)
    if file.read(4) != b"PK\x05\x06":
        raise zipfile.BadZipFile("bytes after the last one")


def names(head: bytes, file: BinaryIO) -> list[str]:
    """Member names of a zip file; [] when it is none.

    Raises:
        BrokenArtifact: It starts like one and is damaged.
    """
    return opened(file).namelist() if is_zip(head) else []


def folder(listed: list[str], ending: str) -> str | None:
    """The folder, with its slash, of the shallowest member named `ending`; None without one."""
    tops = [n[: -len(ending)] for n in listed if n == ending or n.endswith("/" + ending)]
    shallow = [top for top in tops if top.count("/") <= 1]
    return min(shallow, key=len, default=None)


def read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A member's bytes, counted while inflating.

    Raises:
        BrokenArtifact: It is missing, damaged, or larger than `limit` bytes.
    """
    try:
        parts, total = [], 0
        with archive.open(name) as member:
            while part := member.read(_BLOCK):
                total += len(part)
                if total > limit:
                    raise BrokenArtifact(
                        refusal(
                            f"{clean(name)} inside the archive is larger than {limit:,} bytes",
                            "No such model file is known, so it is not unpacked",
                            "Check how it was made",
                        )
                    )
                parts.append(part)
    except DAMAGE as damage:
        raise BrokenArtifact(
            refusal(
                f"{clean(name)} inside the archive is damaged",
                clean(damage, 100),
                "Save the model again and upload the whole file",
            )
        ) from None
    return b"".join(parts)


def read_json(archive: zipfile.ZipFile, name: str, limit: int) -> Any:
    """A member that is JSON.

    Raises:
        BrokenArtifact: It is missing, damaged, too large, or no JSON.
    """
    return parsed(read(archive, name, limit), name)


def parsed(data: bytes | str, name: str) -> Any:
    """Text as JSON.

    Raises:
        BrokenArtifact: It is none, or has a key twice, which readers take differently.
    """
    try:
        return json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as wrong:
        raise BrokenArtifact(
            refusal(f"{clean(name)} is no readable JSON", clean(wrong, 100), "Save the model again")
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")
    return made


def text(archive: zipfile.ZipFile, name: str) -> str:
    """A small text member, or "" when it is missing or damaged."""
    try:
        return clean(read(archive, name, 4096).decode("utf-8", "replace").strip())
    except BrokenArtifact:
        return ""

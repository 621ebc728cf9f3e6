"""Names of files that people send: kept as text, shown, offered at download, never a path here."""

from __future__ import annotations

import unicodedata

MAX_BYTES = 255


def clean(filename: str, *, folders: bool = False) -> str:
    """A name fit to be shown and offered at download: no control or bidi characters.

    Always a name of 1 to 255 bytes in UTF-8, composed (NFC); the extension survives shortening.

    Args:
        folders: Keep the folders in it, if there is room; else only its last part is kept.
    """
    if folders:
        name = "/".join(clean(part) for part in filename.split("/"))
        if len(name.encode()) <= MAX_BYTES:
            return name
    base = filename.replace("\\", "/").rpartition("/")[2]
    kept = (c for c in unicodedata.normalize("NFC", base) if unicodedata.category(c)[0] != "C")
    name = " ".join("".join(kept).split()).strip(". ")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = MAX_BYTES - len((dot + extension).encode())
    return (stem.encode()[:room].decode(errors="ignore") + dot + extension) or "file"

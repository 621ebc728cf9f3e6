"""Files that the operator lays into a folder of the server, for what is too large for a browser.

Off unless `VITRINE_IMPORT_FOLDER` names one. Nothing outside of it is ever opened: each part of a
path is opened beneath the one before, and no link is followed. Where it lies is never said.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice

from registry import policy
from registry.core import Registry
from registry.errors import Conflict, Forbidden, NotFound
from registry.records import Actor, FolderFile, Page

MOST_FILES = 10_000
"""So many files are listed, in the order of their paths; any can be found by a part of its path."""
_BLOCK = 1 << 20
_MOST_LOOKED_AT, _MOST_DEPTH = 200_000, 8
_TOP = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = _TOP | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe keeps nobody waiting
_MISSING = "there is no such file in the server's folder"


def is_on(reg: Registry) -> bool:
    """Whether the operator offers a folder."""
    return bool(reg.settings.import_folder)


def find(
    reg: Registry, actor: Actor, text: str = "", page: int = 1, size: int = 20
) -> Page[FolderFile]:
    """Plain files beneath the folder, by path; hidden ones and links are left out.

    Args:
        text: Only paths with this in them, whatever the case of letters.

    Raises:
        Forbidden: The actor may not upload.
    """
    if why := policy.why_not(actor, None, "model.create"):
        raise Forbidden(why)
    wanted, page = text.strip().casefold(), max(1, page)
    with ExitStack() as opened:
        try:
            top = _top(reg, opened)
        except NotFound:
            return Page((), 0, page, size)
        paths = islice(_beneath(top, "", 0), _MOST_LOOKED_AT)
        found = list(islice((p for p in paths if wanted in p.casefold()), MOST_FILES))
        shown = [_described(top, path) for path in found[(page - 1) * size : page * size]]
    return Page(tuple(file for file in shown if file), len(found), page, size)


def look(reg: Registry, path: str) -> int:
    """Size in bytes of a plain file of the folder.

    Raises:
        NotFound: There is no such file, or no folder.
    """
    with ExitStack() as opened:
        return os.fstat(_opened(opened, _top(reg, opened), path)).st_size


@contextmanager
def reading(reg: Registry, path: str) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Size of one of the files, and its bytes, to be read once.

    Raises:
        NotFound: There is no such file, or no folder.
        Conflict: It was written to while it was read; raised at the end of its bytes.
    """
    with ExitStack() as opened:
        fd = _opened(opened, _top(reg, opened), path)
        before = os.fstat(fd)

        def blocks() -> Iterator[bytes]:
            left = before.st_size
            while block := os.read(fd, _BLOCK):
                left -= len(block)
                if left < 0:
                    break
                yield block
            after = os.fstat(fd)
            if left or (before.st_mtime_ns, before.st_ctime_ns) != (
                after.st_mtime_ns, after.st_ctime_ns,
            ):  # fmt: skip
                raise Conflict("the file changed while it was read: import it when it is whole")

        yield before.st_size, blocks()


def _top(reg: Registry, opened: ExitStack) -> int:
    """A descriptor of the folder itself, closed with the stack; it may be a link."""
    if not reg.settings.import_folder:
        raise NotFound(_MISSING)
    try:
        top = os.open(reg.settings.import_folder, _TOP)
    except OSError:
        raise NotFound(_MISSING) from None
    opened.callback(os.close, top)
    return top


def _opened(opened: ExitStack, top: int, path: str) -> int:
    """A descriptor of a plain file beneath the folder, closed with the stack."""
    at, name = _parent(opened, top, path)
    try:
        # looked at first: to open a device may do something
        if not stat.S_ISREG(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
            raise NotFound(_MISSING)
        fd = os.open(name, _FILE, dir_fd=at)
    except OSError:
        raise NotFound(_MISSING) from None
    opened.callback(os.close, fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise NotFound(_MISSING)
    return fd


def _parent(opened: ExitStack, top: int, path: str) -> tuple[int, str]:
    """A descriptor of the folder that a file lies in, closed with the stack, and its name there."""
    *folders, name = path.split("/")
    odd = any(part in ("", ".", "..") or part.startswith(".") for part in (*folders, name))
    if odd or "\0" in path or len(folders) > _MOST_DEPTH:
        raise NotFound(_MISSING)
    at = top
    try:
        for folder in folders:
            at = os.open(folder, _FOLDER, dir_fd=at)
            opened.callback(os.close, at)
    except (OSError, UnicodeEncodeError):
        raise NotFound(_MISSING) from None
    return at, name


def _described(top: int, path: str) -> FolderFile | None:
    """Size and time of a file that was listed; None when it is gone meanwhile."""
    with ExitStack() as opened, suppress(NotFound, OSError):
        at, name = _parent(opened, top, path)
        told = os.stat(name, dir_fd=at, follow_symlinks=False)
        return FolderFile(path, told.st_size, datetime.fromtimestamp(told.st_mtime, UTC))
    return None


def _beneath(folder: int, before: str, depth: int) -> Iterator[str]:
    """Paths of the files of an open folder and of those in it, by name."""
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        if entry.name.startswith("."):
            continue
        path = f"{before}{entry.name}"
        with suppress(OSError, UnicodeEncodeError):  # gone meanwhile, or not for us
            path.encode()
            if entry.is_file(follow_symlinks=False):
                yield path
            elif entry.is_dir(follow_symlinks=False) and depth < _MOST_DEPTH:
                inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                try:
                    yield from _beneath(inner, f"{path}/", depth + 1)
                finally:
                    os.close(inner)

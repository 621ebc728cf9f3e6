"""Files that the operator lays into a folder of the server, for what is too large for a browser.

Off unless `VITRINE_IMPORT_FOLDER` names one. Nothing outside of it is ever opened: each part of a
path is opened beneath the one before, and no link is followed. Where it lies is never said.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

from registry import policy, staging
from registry.core import Registry
from registry.errors import Forbidden, NotFound, TooLarge
from registry.records import Actor, FolderFile, Page, Staged

_BLOCK = 1 << 20
_MOST_FILES, _MOST_DEPTH = 10_000, 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe keeps nobody waiting
_MISSING = "there is no such file in the server's folder"
Progress = Callable[[float], None]


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
    _need_permission(actor)
    if not reg.settings.import_folder:
        return Page((), 0, 1, size)
    wanted = text.strip().casefold()
    with ExitStack() as opened:
        try:
            top = os.open(reg.settings.import_folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return Page((), 0, 1, size)
        opened.callback(os.close, top)
        found = [file for file in _beneath(top, "", 0) if wanted in file.path.casefold()]
    start = (max(1, page) - 1) * size
    return Page(tuple(found[start : start + size]), len(found), max(1, page), size)


def take(reg: Registry, actor: Actor, path: str, progress: Progress | None = None) -> Staged:
    """Stage a copy of one of the files, as if it had been uploaded: hashed, within all limits.

    Args:
        path: As `find` gives it, relative to the folder.
        progress: Told the share that is read, from 0 to 1.

    Raises:
        NotFound: There is no such file, or no folder.
        Forbidden: The actor may not upload.
        TooLarge, StorageFull, RateLimited, BrokenArtifact: As `staging.receive` says.
    """
    _need_permission(actor)
    with ExitStack() as opened:
        fd = _opened(reg, opened, path)
        size_bytes = os.fstat(fd).st_size
        if size_bytes > reg.settings.max_upload_bytes:
            raise TooLarge(f"the file is above the limit of {reg.settings.max_upload_mb} MB")
        with staging.receive(reg, actor, path.rpartition("/")[2]) as incoming:
            while block := os.read(fd, _BLOCK):
                incoming.write(block)
                if progress and size_bytes:
                    progress(min(1.0, incoming.size_bytes / size_bytes))
            return incoming.finish()


def _need_permission(actor: Actor) -> None:
    if why := policy.why_not(actor, None, "file.stage"):
        raise Forbidden(why)


def _opened(reg: Registry, opened: ExitStack, path: str) -> int:
    """A descriptor of a plain file beneath the folder, closed with the stack."""
    *folders, name = path.split("/")
    odd = any(part in ("", ".", "..") or part.startswith(".") for part in (*folders, name))
    if not reg.settings.import_folder or odd or "\0" in path or len(folders) > _MOST_DEPTH:
        raise NotFound(_MISSING)
    try:
        at = os.open(reg.settings.import_folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, at)
        for folder in folders:
            at = os.open(folder, _FOLDER, dir_fd=at)
            opened.callback(os.close, at)
        fd = os.open(name, _FILE, dir_fd=at)
    except OSError:
        raise NotFound(_MISSING) from None
    opened.callback(os.close, fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise NotFound(_MISSING)
    return fd


def _beneath(folder: int, before: str, depth: int) -> Iterator[FolderFile]:
    """Files of an open folder and of those in it, at most so many, sorted by name."""
    n = 0
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        if entry.name.startswith(".") or n >= _MOST_FILES:
            continue
        path = f"{before}{entry.name}"
        with suppress(OSError, UnicodeEncodeError):  # gone meanwhile, or not for us
            path.encode()
            if entry.is_file(follow_symlinks=False):
                told = entry.stat(follow_symlinks=False)
                at = datetime.fromtimestamp(told.st_mtime, UTC)
                n += 1
                yield FolderFile(path, told.st_size, at)
            elif entry.is_dir(follow_symlinks=False) and depth < _MOST_DEPTH:
                inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                try:
                    for file in _beneath(inner, f"{path}/", depth + 1):
                        n += 1
                        yield file
                        if n >= _MOST_FILES:
                            break
                finally:
                    os.close(inner)

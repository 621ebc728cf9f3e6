"""Uploads that come in parts, over links that break. Owns `uploads`.

What has arrived lies in a folder of its own under the id of the upload; its size says how far the
upload is, so that nothing is lost when the process is killed. A whole one becomes a staged file of
the same id, by the way of every file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from registry import audit, filenames, policy, quotas, staging
from registry.calling import Upload
from registry.core import Registry
from registry.errors import (
    BrokenArtifact,
    Conflict,
    Forbidden,
    NotFound,
    StorageFull,
    StoreError,
    TooLarge,
)
from registry.records import Actor, Staged
from registry.tables import UploadRow, new_id, now

MOST = 20
_BLOCK = 1 << 20


def begin(reg: Registry, actor: Actor, filename: str, size_bytes: int) -> Upload:
    """Announce a file that will come in parts.

    Raises:
        Forbidden: The actor may not upload.
        BrokenArtifact: It is announced as empty.
        TooLarge: It is above the limit.
        Conflict: The actor has very many uploads under way.
        QuotaExceeded: With all that is under way, it is more than the actor's quota has room for.
    """
    if why := policy.why_not(actor, None, "file.stage"):
        raise Forbidden(why)
    settings = reg.settings
    if size_bytes < 1:
        raise BrokenArtifact("an upload has at least one byte")
    if size_bytes > settings.max_upload_bytes:
        raise TooLarge(f"the file is above the limit of {settings.max_upload_mb} MB")
    with reg.writing() as s:
        under_way = select(func.count(), func.sum(UploadRow.size_bytes)).where(
            UploadRow.user_id == actor.id
        )
        count, announced = s.execute(under_way).one()
        if count >= MOST:
            raise Conflict(f"you have {MOST} uploads under way: finish or delete one of them")
        quotas.need_room_in(s, reg, actor.id, size_bytes + int(announced or 0))
        row = UploadRow(
            id=new_id(),
            user_id=actor.id,
            filename=filenames.clean(filename),
            size_bytes=size_bytes,
            created_at=now(),
        )
        s.add(row)
        audit.record(s, actor, "upload.begin", row.filename, size_bytes=size_bytes)
        _folder(reg).mkdir(exist_ok=True, mode=0o700)
        _path(reg, row.id).touch(0o600)
        return _record(reg, row)


def get(reg: Registry, actor: Actor, upload_id: str) -> Upload:
    """How far an upload of the actor's is; a finished one is whole until it is published.

    Raises:
        NotFound: It is gone, published, or somebody else's.
    """
    try:
        with reg.reading() as s:
            return _record(reg, _row_in(s, actor, upload_id))
    except NotFound:
        return _whole(reg, actor, upload_id)


class Part:
    """The next bytes of an upload on their way in; what has arrived stays, whatever happens."""

    def __init__(self, upload: Upload, fd: int, start: int, *, hashed: bool) -> None:
        self._upload, self._fd = upload, fd
        self._start, self._at = start, start
        self._seen = hashlib.sha256() if hashed else None

    @property
    def received_bytes(self) -> int:
        """How much of the file is here."""
        return self._at

    @property
    def digest(self) -> bytes:
        """SHA-256 of this part, b"" when it is not hashed."""
        return self._seen.digest() if self._seen else b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes.

        Raises:
            TooLarge: They are more than was announced.
            StorageFull: The disk has no room.
        """
        view = memoryview(data).cast("B")
        if self._at + len(view) > self._upload.size_bytes:
            raise TooLarge(f"the upload was announced with {self._upload.size_bytes} bytes")
        if self._seen:
            self._seen.update(view)
        try:
            while view:
                n = os.write(self._fd, view)
                self._at, view = self._at + n, view[n:]
        except OSError as failed:
            raise StorageFull(f"the part could not be written: {failed.strerror}") from failed

    def undo(self) -> None:
        """Forget what this part brought."""
        os.ftruncate(self._fd, self._start)
        self._at = self._start

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            os.fsync(self._fd)
        os.close(self._fd)


def resume(
    reg: Registry, actor: Actor, upload_id: str, offset: int, *, hashed: bool = False
) -> Part:
    """Go on with an upload; `with` closes it.

    Args:
        offset: Bytes that the sender takes to be here already.
        hashed: Whether somebody wants to know the digest of this part.

    Raises:
        NotFound: It is gone, finished, or somebody else's.
        Conflict: Another number of bytes is here, or another part is on its way.
        StorageFull: The disk has too little room left.
    """
    upload = get(reg, actor, upload_id)
    staging.need_room(reg)
    try:
        fd = os.open(_path(reg, upload_id), os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(_GONE) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here = os.lseek(fd, 0, os.SEEK_END)
        if here != offset:
            raise Conflict(f"{here} bytes are here, not {offset}: go on from there")
    except BlockingIOError:
        os.close(fd)
        raise Conflict("another part of this upload is on its way; wait for it") from None
    except BaseException:
        os.close(fd)
        raise
    return Part(upload, fd, here, hashed=hashed)


def finish(reg: Registry, actor: Actor, upload_id: str) -> Staged:
    """Make a whole upload a staged file of the same id; again is harmless.

    Raises:
        NotFound: It is gone, published, or somebody else's.
        Conflict: It is not whole yet.
        RateLimited: The actor has uploaded too many files within the hour.
        StorageFull: The disk has too little room left.
    """
    upload = get(reg, actor, upload_id)
    if not upload.is_whole:
        missing = upload.size_bytes - upload.received_bytes
        raise Conflict(f"{missing} bytes of this upload are still missing")
    try:
        staged = staging.get(reg, actor, upload_id)
    except NotFound:
        staged = _staged(reg, actor, upload)
    with reg.writing() as s:
        s.execute(delete(UploadRow).where(UploadRow.id == upload_id))
    _path(reg, upload_id).unlink(missing_ok=True)
    return staged


def discard(reg: Registry, actor: Actor, upload_id: str) -> None:
    """Throw away what has arrived.

    Raises:
        NotFound: It is gone, published, or somebody else's.
    """
    if _is_staged(reg, actor, upload_id):
        staging.discard(reg, actor, upload_id)
        return
    with reg.writing() as s:
        row = _row_in(s, actor, upload_id)
        audit.record(s, actor, "upload.discard", row.filename)
        s.delete(row)
    _path(reg, upload_id).unlink(missing_ok=True)


def sweep(reg: Registry) -> int:
    """Remove uploads past the time that staged files have, and files without a row; how many."""
    with reg.writing() as s:
        oldest = now() - timedelta(hours=reg.settings.staged_h)
        s.execute(delete(UploadRow).where(UploadRow.created_at < oldest))
        kept = set(s.execute(select(UploadRow.id)).scalars())
        # still under the write lock: `begin` makes row and file in one transaction
        folder = _folder(reg)
        strays = [f for f in folder.iterdir() if f.name not in kept] if folder.exists() else []
        for file in strays:
            file.unlink(missing_ok=True)
    return len(strays)


def _is_staged(reg: Registry, actor: Actor, upload_id: str) -> bool:
    """Whether it is finished, so that nothing but a staged file is left of it."""
    with reg.reading() as s:
        return s.get(UploadRow, upload_id) is None and staging.has_in(s, actor, upload_id)


def _whole(reg: Registry, actor: Actor, upload_id: str) -> Upload:
    """A finished upload, as what it has become.

    Raises:
        NotFound: There is none.
    """
    try:
        staged = staging.get(reg, actor, upload_id)
    except NotFound:
        raise NotFound(_GONE) from None
    expires_at = staged.created_at + timedelta(hours=reg.settings.staged_h)
    return Upload(staged.id, staged.filename, staged.size_bytes, staged.size_bytes, expires_at)


def _staged(reg: Registry, actor: Actor, upload: Upload) -> Staged:
    try:
        with (
            _path(reg, upload.id).open("rb") as file,
            staging.receive(reg, actor, upload.filename, upload.id) as incoming,
        ):
            while block := file.read(_BLOCK):
                incoming.write(block)
            if incoming.size_bytes != upload.size_bytes:
                raise StoreError("the upload has changed while it was taken in; send it again")
            return incoming.finish()
    except FileNotFoundError:
        raise NotFound(_GONE) from None
    except Conflict:  # finished twice at once: the other was quicker
        return staging.get(reg, actor, upload.id)


_GONE = "there is no such upload of yours: it is published, deleted or expired"


def _row_in(s: Session, actor: Actor, upload_id: str) -> UploadRow:
    row = s.get(UploadRow, upload_id)
    if row is None or row.user_id != actor.id:
        raise NotFound(_GONE)
    return row


def _record(reg: Registry, row: UploadRow) -> Upload:
    try:
        here = _path(reg, row.id).stat().st_size
    except FileNotFoundError:
        raise NotFound(_GONE) from None
    expires_at = row.created_at + timedelta(hours=reg.settings.staged_h)
    return Upload(row.id, row.filename, row.size_bytes, here, expires_at)


def _folder(reg: Registry) -> Path:
    return reg.settings.uploads_folder


def _path(reg: Registry, upload_id: str) -> Path:
    """Where the bytes of an id made by us lie."""
    return _folder(reg) / upload_id

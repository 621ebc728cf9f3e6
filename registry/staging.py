"""Received files that are not yet part of a version. Owns `staged`.

A file lies in the staging folder under its id. Whoever writes it holds a lock on it until its row
is committed, so that a sweep can tell a running upload from what a crash left behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from blake3 import blake3
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit, codec, filenames, holdings, policy, quotas
from registry.core import Registry
from registry.errors import (
    BrokenArtifact,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    StorageFull,
    TooLarge,
)
from registry.records import Actor, Inspection, Report, Staged
from registry.tables import AuditRow, StagedRow, new_id, now

_LOOK_AT_DISK_EVERY = 64 << 20
_YOUNG_S = 3600.0
_MAX_POINTER = 4096


class Incoming:
    """A file on its way in: write, then `finish` or `abort`. Leaving the `with` early aborts."""

    def __init__(self, reg: Registry, actor: Actor, filename: str, staged_id: str = "") -> None:
        self._reg, self._actor, self._filename = reg, actor, filename
        self._id = staged_id or new_id()
        self._sha256, self._blake3 = hashlib.sha256(), blake3()
        self._size, self._next_look = 0, 0
        self._path = path(reg, self._id)
        self._fd = _create_locked(self._path)
        self._open = True
        if staged_id and _is_staged(reg, staged_id):  # somebody was quicker: their bytes stay
            self._close()
            raise Conflict("this file is here already")
        os.ftruncate(self._fd, 0)  # a job that was cut off writes the same file again

    @property
    def size_bytes(self) -> int:
        """Bytes received so far."""
        return self._size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes, in blocks of any size.

        Raises:
            TooLarge: The file is above the limit; nothing of it is kept.
            StorageFull: The disk has too little room left; nothing of it is kept.
        """
        view = memoryview(data).cast("B")
        self._size += len(view)
        try:
            self._refuse_too_much()
            self._sha256.update(view)
            self._blake3.update(view)
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as failed:
            self.abort()
            raise StorageFull(f"the file could not be written: {failed.strerror}") from failed
        except (TooLarge, StorageFull):
            self.abort()
            raise

    def finish(self) -> Staged:
        """Make it durable and put it on record.

        Raises:
            BrokenArtifact: The file is empty.
            RateLimited: The actor has uploaded too many files within the hour.
            QuotaExceeded: The actor's quota has no room for it.
        """
        try:
            if not self._size:
                raise BrokenArtifact(
                    f"{self._filename} is empty: choose a file with something in it"
                )
            os.fsync(self._fd)
            with self._reg.writing() as s:
                _refuse_too_often(s, self._reg, self._actor)
                quotas.need_room_in(s, self._reg, self._actor.id, self._size)
                row = StagedRow(
                    id=self._id,
                    user_id=self._actor.id,
                    filename=self._filename,
                    size_bytes=self._size,
                    digest=self._sha256.hexdigest(),
                    blake3=self._blake3.hexdigest(),
                )
                s.add(row)
                s.flush()
                audit.record(
                    s, self._actor, "file.stage", row.filename,
                    digest=row.digest, size_bytes=row.size_bytes,
                )  # fmt: skip
                staged = _record(row)
        except BaseException:
            self.abort()
            raise
        self._close()
        return staged

    def abort(self) -> None:
        """Keep nothing. Harmless after `finish` and when repeated."""
        if self._open:
            self._path.unlink(missing_ok=True)
            self._close()

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._fd)

    def _refuse_too_much(self) -> None:
        settings = self._reg.settings
        if self._size > settings.max_upload_bytes:
            raise TooLarge(f"{self._filename} is above the limit of {settings.max_upload_mb} MB")
        if self._size >= self._next_look:
            self._next_look = self._size + _LOOK_AT_DISK_EVERY
            need_room(self._reg)
            with self._reg.reading() as s:
                quotas.need_room_in(s, self._reg, self._actor.id, self._size)


def receive(
    reg: Registry, actor: Actor, filename: str, made_by: str = "", *, folders: bool = False
) -> Incoming:
    """Start to receive a file. `filename` is kept as text and never used as a path.

    Args:
        folders: Keep the folders in `filename`, as code needs them; else its last part is kept.
        made_by: Id of the job that makes it, which becomes the file's id: a job that is run again
            replaces what it left behind.

    Raises:
        Forbidden: The actor may not upload.
        RateLimited: The actor has uploaded too many files within the hour.
        StorageFull: The disk has too little room left.
        QuotaExceeded: The actor's quota is used up.
        Conflict: The file that the job makes is staged already.
    """
    if why := policy.why_not(actor, None, "file.stage"):
        raise Forbidden(why)
    with reg.reading() as s:
        _refuse_too_often(s, reg, actor)
        quotas.need_room_in(s, reg, actor.id, 1)
    need_room(reg)
    return Incoming(reg, actor, filenames.clean(filename, folders=folders), made_by)


def get(reg: Registry, actor: Actor, staged_id: str) -> Staged:
    """A file that the actor has uploaded and not yet published.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.reading() as s:
        return _record(row_in(s, actor, staged_id))


def discard(reg: Registry, actor: Actor, staged_id: str) -> None:
    """Throw an unpublished file away.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.writing() as s:
        row = row_in(s, actor, staged_id)
        audit.record(s, actor, "file.discard", row.filename, digest=row.digest)
        forget_in(s, [staged_id])
    path(reg, staged_id).unlink(missing_ok=True)


def pointer(reg: Registry, staged: Staged, actor: Actor) -> bytes:
    """A small signed text that stands for the file where bytes are expected."""
    return json.dumps({"vitrine": _signer(reg).dumps([staged.id, actor.id])}).encode()


def from_pointer(reg: Registry, actor: Actor, blob: bytes) -> Staged:
    """The file that a pointer stands for.

    Raises:
        InvalidInput: Not a pointer of ours, not this actor's, or too old.
        NotFound: The file is gone.
    """
    if len(blob) > _MAX_POINTER:
        raise InvalidInput({"file": "did not pass the upload gate"})
    try:
        token = json.loads(blob)["vitrine"]
        staged_id, user_id = _signer(reg).loads(token, max_age=round(reg.settings.staged_h * 3600))
    except SignatureExpired:
        raise InvalidInput({"file": "was uploaded too long ago; drop it again"}) from None
    except (BadData, ValueError, KeyError, TypeError):
        raise InvalidInput({"file": "did not pass the upload gate; drop it again"}) from None
    if user_id != actor.id:
        raise InvalidInput({"file": "was uploaded by somebody else; drop it again"})
    return get(reg, actor, staged_id)


def row_in(s: Session, actor: Actor, staged_id: str) -> StagedRow:
    """The row of the actor's own file.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    row = s.get(StagedRow, staged_id)
    if row is None or row.user_id != actor.id:
        raise NotFound("this upload is gone (published, discarded or expired); drop the file again")
    return row


def has_in(s: Session, actor: Actor, staged_id: str) -> bool:
    """Whether the actor has such a file."""
    row = s.get(StagedRow, staged_id)
    return row is not None and row.user_id == actor.id


def remember(
    reg: Registry, actor: Actor, staged_id: str, inspection: Inspection, report: Report
) -> None:
    """Keep what was read out of a file, and what the scan says, beside it.

    Raises:
        NotFound: It is gone, or it is somebody else's.
    """
    with reg.writing() as s:
        row = row_in(s, actor, staged_id)
        row.inspection, row.report = codec.dump(inspection), codec.dump(report)


def forget_in(s: Session, staged_ids: Iterable[str]) -> None:
    """Drop the rows; the caller unlinks the files after the commit (else a sweep does)."""
    s.execute(delete(StagedRow).where(StagedRow.id.in_(list(staged_ids))))


def path(reg: Registry, staged_id: str) -> Path:
    """Where the bytes of an id made by us lie."""
    return reg.settings.staging_folder / staged_id


@contextmanager
def opened(reg: Registry, staged_id: str) -> Iterator[int]:
    """A read-only descriptor of the bytes, closed at exit.

    Raises:
        NotFound: The file is gone.
    """
    try:
        fd = os.open(path(reg, staged_id), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound("this upload is gone; drop the file again") from None
    try:
        yield fd
    finally:
        os.close(fd)


def sweep(reg: Registry, *, young_s: float = _YOUNG_S) -> int:
    """Remove staged files past their time, files without a row, and bytes nobody refers to.

    Safe beside running uploads (they hold a lock on their file) and beside a running publish (it
    looks for its artifacts again inside its transaction, which excludes this one).

    Args:
        young_s: Age in seconds below which an unreferenced file of the store is left alone.

    Returns:
        How many files were removed.
    """
    with reg.writing() as s:
        oldest = now() - timedelta(hours=reg.settings.staged_h)
        s.execute(delete(StagedRow).where(StagedRow.created_at < oldest))
    return _sweep_strays(reg) + holdings.sweep(reg, young_s)


def _sweep_strays(reg: Registry) -> int:
    removed = 0
    for file in sorted(reg.settings.staging_folder.iterdir()):
        try:
            fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_staged(reg, file.name):  # after the lock: it would be committed by now
                file.unlink(missing_ok=True)
                removed += 1
        except BlockingIOError:
            pass  # somebody is writing it
        finally:
            os.close(fd)
    return removed


def _is_staged(reg: Registry, staged_id: str) -> bool:
    with reg.reading() as s:
        return s.get(StagedRow, staged_id) is not None


def _create_locked(file: Path) -> int:
    while True:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)  # a sweep saw it between the two calls


def _refuse_too_often(s: Session, reg: Registry, actor: Actor) -> None:
    limit, since = reg.settings.uploads_per_hour, now() - timedelta(hours=1)
    recent = s.execute(
        select(AuditRow.at)
        .where(AuditRow.actor_id == actor.id, AuditRow.action == "file.stage")
        .where(AuditRow.at > since)
        .order_by(AuditRow.id.desc())
        .limit(limit)
    ).scalars()
    times = list(recent)
    if len(times) >= limit:
        wait_s = (times[-1] - since).total_seconds()
        raise RateLimited(
            f"you have uploaded {limit} files within the hour; "
            f"the next one is welcome in {max(1, round(wait_s / 60))} min",
            retry_after_s=wait_s,
        )


def need_room(reg: Registry) -> None:
    """Make sure that the disk is not nearly full.

    Raises:
        StorageFull: It is.
    """
    free = shutil.disk_usage(reg.settings.staging_folder).free
    if free < reg.settings.min_free_disk_mb << 20:
        raise StorageFull("the server's disk is nearly full; ask the admin to make room")


def _record(row: StagedRow) -> Staged:
    return Staged(
        id=row.id,
        filename=row.filename,
        size_bytes=row.size_bytes,
        digest=row.digest,
        created_at=row.created_at,
    )


def _signer(reg: Registry) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(reg.secret, salt="vitrine.staged")

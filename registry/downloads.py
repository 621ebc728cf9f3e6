"""Downloads: verified bytes to those who may have them, counted. Owns `downloads`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import models, rates, references, sessions
from registry.core import Registry
from registry.errors import Forbidden, NotFound
from registry.records import Actor, DownloadLine, Page
from registry.tables import ArtifactRow, DownloadRow, ModelRow, UserRow, VersionRow, new_id, now


class Opened(NamedTuple):
    """A read-only descriptor, which the caller closes, and what to say about it."""

    fd: int
    filename: str
    size_bytes: int
    digest: str


def open_artifact(reg: Registry, actor: Actor, artifact_id: str) -> Opened:
    """Open one file of a version for sending; counts as a download.

    Raises:
        NotFound: No such file, or the actor may not see its model.
        Forbidden: The actor may see the model but not download it.
        RateLimited: There were too many within the last minute.
        StoreError: The bytes are missing or have changed.
    """
    with reg.reading() as s:
        row = _row_in(s, actor, artifact_id)
    rates.spend_download(reg, actor)
    fd = reg.store.open(row.digest, row.blake3)
    with reg.writing() as s:
        count_in(s, actor, [artifact_id], "file")
    return Opened(fd, row.filename, row.size_bytes, row.digest)


def open_file(reg: Registry, actor: Actor, ref: str, file: str, *, counted: bool = True) -> Opened:
    """Open the file of a version that has this id, or is the first of this kind.

    Args:
        counted: Whether this is a download of its own. The rest of one is not, if the actor began
            one within a day: else leaving out the first byte would keep it from being counted.

    Raises:
        NotFound: No such file or version, or the actor may not see it.
        Forbidden: The actor may see the model but not download it.
        StoreError: The bytes are missing or have changed.
    """
    with reg.reading() as s:
        _, version = references.for_action(s, actor, "model.download", ref)
        row = s.execute(
            select(ArtifactRow)
            .where(ArtifactRow.version_id == version.id)
            .where((ArtifactRow.id == file) | (ArtifactRow.kind == file))
            .order_by(ArtifactRow.id != file, ArtifactRow.filename)
            .limit(1)
        ).scalar_one_or_none()
    if row is None:
        raise NotFound(f"this version has no file {file!r}")
    fd = reg.store.open(row.digest, row.blake3)
    if counted or not _has_begun(reg, actor, row.id):
        with reg.writing() as s:
            s.add(DownloadRow(artifact_id=row.id, user_id=actor.id))
    return Opened(fd, row.filename, row.size_bytes, row.digest)


def link(reg: Registry, actor: Actor, artifact_id: str) -> str:
    """A signed token that downloads one file without signing in, for `link_expiry_s` seconds.

    It carries no more rights than its maker has at the time it is used.

    Raises:
        NotFound: No such file, or the actor may not see its model.
        Forbidden: The actor may see the model but not download it.
    """
    with reg.reading() as s:
        _row_in(s, actor, artifact_id)
    return _signer(reg).dumps([artifact_id, actor.id])


def open_link(reg: Registry, token: str) -> Opened:
    """Open the file that a signed token names; counts as a download of its maker.

    Raises:
        NotFound: Not a token of ours, or its maker may not see the file any more.
        Forbidden: The link has expired, or its maker may not download any more.
        StoreError: The bytes are missing or have changed.
    """
    try:
        artifact_id, user_id = _signer(reg).loads(token, max_age=reg.settings.link_expiry_s)
    except SignatureExpired:
        raise Forbidden("this link has expired; ask for a new one") from None
    except (BadData, ValueError, TypeError):
        raise NotFound("this link is not one of ours") from None
    with reg.reading() as s:
        user = s.get(UserRow, user_id)
        if user is None or user.disabled:
            raise NotFound("this link is not one of ours")
        maker = sessions.actor_of(user)
    return open_artifact(reg, maker, artifact_id)


def count_in(s: Session, actor: Actor, artifact_ids: Iterable[str], what: str) -> None:
    """Note that these files of a version leave together."""
    trip = new_id()
    s.add_all(
        DownloadRow(artifact_id=artifact_id, user_id=actor.id, trip=trip, what=what)
        for artifact_id in artifact_ids
    )


def history(
    reg: Registry, actor: Actor, model: str, page: int = 1, size: int = 20
) -> Page[DownloadLine]:
    """Who downloaded what of a model, newest first.

    Raises:
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor does not manage it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "download.list", model)
        trips = (
            select(DownloadRow.trip, func.max(DownloadRow.id).label("last"))
            .join(ArtifactRow, ArtifactRow.id == DownloadRow.artifact_id)
            .join(VersionRow, VersionRow.id == ArtifactRow.version_id)
            .where(VersionRow.model_id == row.id)
            .group_by(DownloadRow.trip)
            .subquery()
        )
        total = s.execute(select(func.count()).select_from(trips)).scalar_one()
        wanted = select(trips.c.trip).order_by(trips.c.last.desc()).limit(size)
        found = s.execute(
            select(DownloadRow, UserRow.username, VersionRow.number, ArtifactRow.filename)
            .join(ArtifactRow, ArtifactRow.id == DownloadRow.artifact_id)
            .join(VersionRow, VersionRow.id == ArtifactRow.version_id)
            .outerjoin(UserRow, UserRow.id == DownloadRow.user_id)
            .where(DownloadRow.trip.in_(wanted.offset((page - 1) * size)))
            .order_by(DownloadRow.id.desc())
        )
        lines: dict[str, DownloadLine] = {}
        for file, by, number, filename in found:
            names = lines[file.trip].filenames if file.trip in lines else ()
            line = DownloadLine(file.at, by or "", number, file.what, (filename, *names))
            lines[file.trip] = line
        return Page(tuple(lines.values()), total, page, size)


def _has_begun(reg: Registry, actor: Actor, artifact_id: str) -> bool:
    """Whether the actor has downloaded the file, or begun to, within a day."""
    lately = select(DownloadRow.id).where(
        DownloadRow.artifact_id == artifact_id,
        DownloadRow.user_id == actor.id,
        DownloadRow.at > now() - timedelta(days=1),
    )
    with reg.reading() as s:
        return s.execute(lately.limit(1)).first() is not None


def _row_in(s: Session, actor: Actor, artifact_id: str) -> ArtifactRow:
    found = s.execute(
        select(ArtifactRow, ModelRow)
        .join(VersionRow, VersionRow.id == ArtifactRow.version_id)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .where(ArtifactRow.id == artifact_id, VersionRow.deleted_at.is_(None))
    ).one_or_none()
    if found is None:
        raise NotFound("there is no such file, or it is not shared with you")
    artifact, model = found
    try:
        models.for_action(s, actor, "model.download", models.address(s, model))
    except NotFound:
        raise NotFound("there is no such file, or it is not shared with you") from None
    return artifact


def _signer(reg: Registry) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(reg.secret, salt="vitrine.download")

"""Stored files of versions. Owns `artifacts`; the bytes lie in the store, once per digest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from registry import holdings
from registry.core import Registry
from registry.records import Artifact, ArtifactKind
from registry.tables import ArtifactRow, DownloadRow, VersionRow

Stored = tuple[ArtifactKind, str, str, str, int]
"""kind, file name, SHA-256, BLAKE3, size in bytes"""


def add_in(s: Session, version_id: str, stored: Sequence[Stored]) -> None:
    """Record the files of a new version."""
    for kind, filename, digest, blake3, size_bytes in stored:
        s.add(
            ArtifactRow(
                version_id=version_id,
                kind=kind,
                filename=filename,
                digest=digest,
                blake3=blake3,
                size_bytes=size_bytes,
            )
        )
    s.flush()


def of_versions(s: Session, version_ids: Iterable[str]) -> dict[str, tuple[Artifact, ...]]:
    """Version id to its files, the model file first."""
    rows = s.execute(
        select(ArtifactRow, func.count(DownloadRow.id), func.max(DownloadRow.at))
        .outerjoin(DownloadRow, DownloadRow.artifact_id == ArtifactRow.id)
        .where(ArtifactRow.version_id.in_(list(version_ids)))
        .group_by(ArtifactRow.id)
        .order_by(ArtifactRow.kind != "model", ArtifactRow.kind, ArtifactRow.filename)
    )
    found: dict[str, tuple[Artifact, ...]] = {}
    for row, downloads, last in rows:
        artifact = Artifact(
            id=row.id,
            kind=cast("ArtifactKind", row.kind),
            filename=row.filename,
            digest=row.digest,
            size_bytes=row.size_bytes,
            downloads=downloads,
            last_downloaded_at=last,
        )
        found[row.version_id] = (*found.get(row.version_id, ()), artifact)
    return found


def drop_in(s: Session, reg: Registry, *, version_id: str = "", model_id: str = "") -> int:
    """Forget the files of a version or a whole model and free bytes nobody else needs.

    Runs inside the writing transaction, so that no publish can take up the same bytes meanwhile.

    Returns:
        Their size in bytes, also of what stays: less would tell that others keep the same bytes.
    """
    versions = select(VersionRow.id).where(
        VersionRow.model_id == model_id if model_id else VersionRow.id == version_id
    )
    mine = ArtifactRow.version_id.in_(versions)
    files = s.execute(select(ArtifactRow.digest, ArtifactRow.size_bytes).where(mine)).all()
    s.execute(delete(ArtifactRow).where(mine))
    holdings.free_in(s, reg, {digest for digest, _ in files})
    return sum(size_bytes for _, size_bytes in files)

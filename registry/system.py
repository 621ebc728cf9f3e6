"""The installation as a whole: what it holds and runs on, and its end. Owns no table alone."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata

from sqlalchemy import func, select

from registry import admins, audit, holdings, prediction_log, signins, staging
from registry.core import Registry
from registry.errors import InvalidInput, NotSignedIn
from registry.records import Actor, AuditChain, SystemFacts
from registry.tables import (
    ArtifactRow,
    AuditRow,
    Base,
    DownloadRow,
    JobRow,
    ModelRow,
    PredictionRow,
    StagedRow,
    UserRow,
    VersionRow,
)

PHRASE = "delete everything"
LIBRARIES = (
    *("streamlit", "sqlalchemy", "fastapi", "pandas", "numpy", "pyarrow", "scikit-learn"),
    *("torch", "onnx", "onnxruntime", "skops", "joblib", "xgboost", "lightgbm"),
)
_COUNTED = {
    "accounts": UserRow,
    "models": ModelRow,
    "versions": VersionRow,
    "predictions": PredictionRow,
    "downloads": DownloadRow,
    "jobs": JobRow,
    "audit lines": AuditRow,
}


def look(reg: Registry, actor: Actor) -> SystemFacts:
    """How much is kept, how much room is left, what runs here.

    Raises:
        Forbidden: The actor is no admin.
    """
    admins.need(actor, "system.look")
    files = select(ArtifactRow.digest, ArtifactRow.size_bytes).distinct().subquery()
    with reg.reading() as s:
        counts = {
            name: s.execute(select(func.count()).select_from(row)).scalar_one()
            for name, row in _COUNTED.items()
        }
        n_files, size = s.execute(select(func.count(), func.sum(files.c.size_bytes))).one()
        staged = s.execute(select(func.sum(StagedRow.size_bytes))).scalar()
    layers = reg.pool.layers
    return SystemFacts(
        counts=counts,
        database_bytes=_database_bytes(reg),
        stored_bytes=int(size or 0),
        stored_files=n_files,
        staged_bytes=int(staged or 0),
        free_bytes=shutil.disk_usage(reg.settings.home).free,
        libraries={"Python": sys.version.split()[0], **_installed()},
        fence={
            f"Landlock (version {layers['landlock_abi']})": bool(layers["landlock_abi"]),
            "seccomp": bool(layers["seccomp"]),
        },
    )


def verify_audit(reg: Registry, actor: Actor, head: str = "") -> AuditChain:
    """Whether every audit line is there and as it was written.

    Args:
        head: The head of an earlier look; lines up to there must be there still.

    Raises:
        InvalidInput: `head` is none.
        Forbidden: The actor is no admin.
    """
    admins.need(actor)
    newest = audit.head(reg)  # before the look: a line that comes meanwhile is no part of it
    return AuditChain(audit.verify(reg, head), newest)


def reset(reg: Registry, actor: Actor, phrase: str, password: str) -> None:
    """Delete everything but the acting administrator, their sessions and the audit lines.

    The store is emptied after the commit: killed between the two, `sweep` removes what is left.

    Args:
        phrase: `PHRASE`, typed by the person.

    Raises:
        InvalidInput: The phrase or the password is not right; nothing was deleted.
        Forbidden: The actor is no admin.
        RateLimited: Too many wrong passwords.
    """
    admins.need(actor, "system.reset")
    if phrase.strip().casefold() != PHRASE:
        raise InvalidInput({"phrase": f"type “{PHRASE}” to confirm; nothing was deleted"})
    try:
        signins.check(reg, actor.username, password)
    except NotSignedIn as wrong:
        raise InvalidInput({"password": "is not right; nothing was deleted"}) from wrong
    prediction_log.flush(reg)
    with reg.writing() as s:
        gone = {}
        for table in reversed(Base.metadata.sorted_tables):
            if table.name == AuditRow.__tablename__:
                continue
            kept = {"users": "id", "sessions": "user_id"}.get(table.name)
            rows = table.delete().where(table.c[kept] != actor.id) if kept else table.delete()
            gone[table.name] = s.connection().execute(rows).rowcount
        audit.record(
            s, actor, "system.reset", "everything",
            models=gone["models"], versions=gone["versions"], accounts=gone["users"],
        )  # fmt: skip
    for state in reg.pool.states():
        reg.pool.drop(state.version_id)
    staging.sweep(reg, young_s=0.0)
    holdings.sweep(reg, 0.0)


def _database_bytes(reg: Registry) -> int:
    """Of SQLite with what waits to be merged; 0 for a database elsewhere."""
    path = reg.engine.url.database if reg.engine.dialect.name == "sqlite" else None
    files = [f"{path}{end}" for end in ("", "-wal")] if path else []
    return sum(os.path.getsize(file) for file in files if os.path.exists(file))


def _installed() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found

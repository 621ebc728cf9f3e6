"""The handle that every door takes: settings, engine, store, pool and two kinds of transaction."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from registry import migrations
from registry.sandbox.pool import Pool, open_pool
from registry.settings import Settings
from registry.stores import open_store
from registry.stores.contract import Store


@dataclass(frozen=True, eq=False)
class Registry:
    """One per process; open it with `open_registry`."""

    settings: Settings
    engine: Engine
    store: Store
    pool: Pool
    secret: bytes
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _watch: _Watch | None = None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with Session(self.engine) as s:
            yield s

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that holds the write lock from its start and commits at exit.

        SQLite's busy handler is unfair, so the writers of one process take turns here
        (performance.md: p99 of eight writers).
        """
        engine = self.engine.execution_options(vitrine_immediate=True)
        with self._turn, Session(engine, expire_on_commit=False) as s, s.begin():
            s.info["secret"] = self.secret
            yield s

    @contextmanager
    def counting(self) -> Iterator[Connection]:
        """A transaction that `stamp` does not tell of: for what nobody remembers.

        That is, calls left and the log of predictions. Else each prediction would make everybody
        ask the database for everything again.
        """
        watch = None if self._watch is None or self._watch.closed else self._watch
        engine = watch.engine if watch else self.engine
        with self._turn, watch.turn if watch else nullcontext(), engine.begin() as c:
            yield c

    def stamp(self) -> int | None:
        """Differs once anything was committed, by this process or another.

        What was read under one stamp is still true under the same stamp. Asking takes
        microseconds on SQLite; other databases do not tell: None.
        """
        return self._watch.version() if self._watch else None

    def close(self) -> None:
        self.pool.close()
        if self._watch:
            self._watch.close()
        self.engine.dispose()


class _Watch:
    """A connection that looks whether others have committed; what it commits does not count.

    Source: sqlite.org/pragma.html#pragma_data_version
    """

    def __init__(self, engine: Engine) -> None:
        path = str(engine.url.database)
        self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
        self.turn, self.closed = threading.Lock(), False
        self.engine = create_engine(
            "sqlite://", creator=lambda: self._connection, poolclass=StaticPool
        ).execution_options(vitrine_immediate=True)
        event.listen(self.engine, "connect", _prepare_sqlite)
        event.listen(self.engine, "begin", _begin_sqlite)

    def version(self) -> int | None:
        with self.turn:
            if self.closed:
                return None
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        with self.turn:
            self.closed = True
            self.engine.dispose()
            self._connection.close()


def open_registry(settings: Settings | None = None, pool: Pool | None = None) -> Registry:
    """Open (and bring up to date) the registry that the settings describe.

    Args:
        pool: Workers to use; None opens a pool of its own.
    """
    settings = settings or Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.home.chmod(0o700)
    settings.staging_folder.mkdir(exist_ok=True)
    engine = open_engine(settings.sqlalchemy_url)
    migrations.upgrade(engine)
    return Registry(
        settings=settings,
        engine=engine,
        store=open_store(settings.artifacts_url),
        pool=pool or open_pool(settings),
        secret=_secret(settings),
        _watch=_Watch(engine) if engine.dialect.name == "sqlite" else None,
    )


def open_engine(url: str) -> Engine:
    """An engine; on SQLite with WAL, foreign keys and explicit BEGINs."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 30}, pool_size=20, max_overflow=40)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: we send ours
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "mmap_size=268435456",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("vitrine_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _secret(settings: Settings) -> bytes:
    """The signing key: from the settings, else kept in the home folder, made at first need."""
    if settings.secret_key:
        return settings.secret_key.encode()
    path = settings.home / "secret.key"
    if not path.exists():
        _write_once(path, secrets.token_bytes(32))
    return path.read_bytes()


def _write_once(path: Path, data: bytes) -> None:
    """Write `data` unless another process was first; readers never see half of it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()

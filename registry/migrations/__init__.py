"""Alembic migrations, run when the registry opens."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine


def upgrade(engine: Engine) -> None:
    """Bring the schema up to date; processes that start together take turns."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with _alone(engine), engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_heads() == _heads():
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@cache
def _heads() -> tuple[str, ...]:
    """The newest revision; the files are read once in a process."""
    return tuple(ScriptDirectory(str(Path(__file__).parent)).get_heads())


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """A lock file beside an SQLite database; other databases lock by themselves."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        yield
        return
    with Path(f"{engine.url.database}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def connection_of(config: Config) -> Connection:
    """The connection that `upgrade` put into the configuration."""
    connection = config.attributes["connection"]
    assert isinstance(connection, Connection)
    return connection

"""The schema that migrations make is the one the code expects, and data survives each step."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text

from registry import migrations
from registry.core import open_engine
from registry.tables import Base

FOLDER = Path(migrations.__file__).parent


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'vitrine.db'}")
    yield engine
    engine.dispose()


def upgrade_to(engine, revision):
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def test_the_migrated_schema_is_the_mapped_one(engine):
    migrations.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_versions_from_before_the_reports_keep_what_hangs_on_them(engine):
    upgrade_to(engine, "0001")
    rows = {
        "users": "(id, username, name, email, password_hash, role, disabled, created_at) "
        "VALUES ('u', 'alice', 'A', 'a@b.org', 'x', 'author', 0, '2026-01-01')",
        "models": "(id, owner_id, slug, name, description, card, task, license, visibility, "
        "primary_metric, keep_inputs, next_number, n_versions, head_framework, head_format, "
        "head_status, created_at, updated_at) VALUES ('m', 'u', 's', 'S', '', '', '', '', "
        "'private', '', 'digest', 2, 1, '', '', '', '2026-01-01', '2026-01-01')",
        "versions": "(id, model_id, number, status, lifecycle, failure, created_at, notes, "
        "inspection, findings, parameters, training, links) VALUES ('v', 'm', 1, 'ready', "
        "'active', '', '2026-01-01', '', '{}', '[]', '{}', '{}', '{}')",
        "metrics": "(version_id, name, dataset, value, unit) VALUES ('v', 'f1', '', 0.9, '')",
    }
    with engine.begin() as connection:
        for table, values in rows.items():
            connection.execute(text(f"INSERT INTO {table} {values}"))
    migrations.upgrade(engine)
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT status, report FROM versions")).all()
        assert [tuple(row) for row in kept] == [("ready", None)]
        assert connection.execute(text("SELECT value FROM metrics")).scalar_one() == 0.9


def test_heads_from_before_are_found_by_their_columns(engine):
    upgrade_to(engine, "0002")
    rows = {
        "users": "(id, username, name, email, password_hash, role, disabled, created_at) "
        "VALUES ('u', 'alice', 'A', 'a@b.org', 'x', 'author', 0, '2026-01-01')",
        "models": "(id, owner_id, slug, name, description, card, task, license, visibility, "
        "primary_metric, keep_inputs, next_number, n_versions, head_number, head_framework, "
        "head_format, head_status, created_at, updated_at) VALUES ('m', 'u', 's', 'S', '', '', "
        "'', '', 'private', '', 'digest', 3, 2, 2, '', '', '', '2026-01-01', '2026-01-01')",
        "versions": "(id, model_id, number, status, lifecycle, failure, created_at, notes, "
        "inspection, findings, parameters, training, links, schema) VALUES "
        + ", ".join(
            f"('v{n}', 'm', {n}, 'ready', 'active', '', '2026-01-01', '', '{{}}', '[]', '{{}}', "
            f"'{{}}', '{{}}', json_object('fields', json_array(json_object('name', '{name}'))))"
            for n, name in ((1, "age"), (2, "income"))
        ),
    }
    with engine.begin() as connection:
        for table, values in rows.items():
            connection.exec_driver_sql(f"INSERT INTO {table} {values}")
    migrations.upgrade(engine)
    with engine.connect() as connection:
        listed = connection.execute(text("SELECT model_id, name FROM features")).all()
        assert [tuple(row) for row in listed] == [("m", "income")]
        assert connection.execute(text("SELECT head_id FROM models")).scalar_one() == "v2"

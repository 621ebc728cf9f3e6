"""Alembic's entry: runs the versions on the connection that `migrations.upgrade` opened."""

from alembic import context

from registry.migrations import connection_of
from registry.tables import Base

context.configure(
    connection=connection_of(context.config),
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Keep tokens, scorings, trainings, and what becomes of predictions."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from registry.tables import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OF_PREDICTIONS = ("answer", "flag", "flag_reason", "shared_at")


def upgrade() -> None:
    _make(
        "tokens",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("permissions", sa.JSON(), nullable=False),
        sa.Column("calls_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.UniqueConstraint("token_hash"),
    )
    _make(
        "scorings",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        *_file_columns(),
        sa.Column("n_bad", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("result_digest", sa.String(length=64), nullable=False),
        sa.Column("result_blake3", sa.String(length=64), nullable=False),
        sa.Column("result_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], ondelete="CASCADE"),
        indices=("version_id", "digest", "result_digest", "created_at"),
    )
    _make(
        "trainings",
        sa.Column("staged_id", sa.String(length=32), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("task", sa.String(length=32), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=True),
        sa.Column("leaderboard", sa.JSON(), nullable=False),
        sa.Column("train_s", sa.Float(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        indices=("staged_id", "created_at"),
    )
    with op.batch_alter_table("predictions") as batch_op:
        batch_op.add_column(sa.Column("answer", sa.JSON(), nullable=True))
        for name, kind in (("flag", sa.String(length=16)), ("flag_reason", sa.Text())):
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("shared_at", UtcDateTime(), nullable=True))
        batch_op.drop_index("ix_predictions_user_id")
        batch_op.create_index("ix_predictions_user_at", ["user_id", "at"])
    op.execute("UPDATE predictions SET inputs = NULL")  # nothing was kept, but said as JSON's null
    with op.batch_alter_table("models") as batch_op:
        batch_op.add_column(
            sa.Column("keep_days", sa.Integer(), nullable=False, server_default="30")
        )


def _file_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("blake3", sa.String(length=64), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
    )


def _make(table: str, *columns: sa.schema.SchemaItem, indices: tuple[str, ...] = ()) -> None:
    """A table of things that belong to a person."""
    op.create_table(
        table,
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table(table) as batch_op:
        for column in ("user_id", *indices):
            batch_op.create_index(f"ix_{table}_{column}", [column], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("models") as batch_op:
        batch_op.drop_column("keep_days")
    with op.batch_alter_table("predictions") as batch_op:
        batch_op.drop_index("ix_predictions_user_at")
        batch_op.create_index("ix_predictions_user_id", ["user_id"])
        for column in _OF_PREDICTIONS:
            batch_op.drop_column(column)
    for table in ("trainings", "scorings", "tokens"):
        op.drop_table(table)

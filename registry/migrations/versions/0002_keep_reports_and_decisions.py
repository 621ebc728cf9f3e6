"""Keep the reports of scans, and what people decide about what was held back."""

import sqlalchemy as sa
from alembic import op

from registry.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("staged", "versions"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("report", sa.JSON(), nullable=True))
    op.create_table(
        "trusts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("trusts") as batch_op:
        batch_op.create_index(batch_op.f("ix_trusts_version_id"), ["version_id"], unique=False)


def downgrade() -> None:
    op.drop_table("trusts")
    for table in ("staged", "versions"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column("report")

"""Keep ratings, and which downloads were one trip."""

import sqlalchemy as sa
from alembic import op

from registry.tables import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ratings",
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "user_id"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("ratings") as batch_op:
        batch_op.create_index("ix_ratings_user_id", ["user_id"], unique=False)
    with op.batch_alter_table("downloads") as batch_op:
        for name, length in (("trip", 32), ("what", 16)):
            batch_op.add_column(
                sa.Column(name, sa.String(length=length), nullable=False, server_default="")
            )
    op.execute("UPDATE downloads SET trip = CAST(id AS VARCHAR(32)), what = 'file'")


def downgrade() -> None:
    with op.batch_alter_table("downloads") as batch_op:
        batch_op.drop_column("what")
        batch_op.drop_column("trip")
    op.drop_table("ratings")

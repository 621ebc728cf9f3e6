"""Keep what was taken from people, their quotas, and what names look like."""

import sqlalchemy as sa
from alembic import op

from registry.confusing import key_of

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users") as batch_op:
        batch_op.add_column(sa.Column("denied", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("quota_mb", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("quota_models", sa.Integer(), nullable=True))
    with op.batch_alter_table("models") as batch_op:
        batch_op.add_column(
            sa.Column("name_key", sa.String(length=200), nullable=False, server_default="")
        )
        batch_op.create_index("ix_models_name_key", ["name_key"])
    models = sa.table("models", sa.column("id"), sa.column("name"), sa.column("name_key"))
    found = op.get_bind().execute(sa.select(models.c.id, models.c.name)).all()
    for model_id, name in found:
        keyed = models.update().where(models.c.id == model_id)
        op.execute(keyed.values(name_key=key_of(name)))


def downgrade() -> None:
    with op.batch_alter_table("models") as batch_op:
        batch_op.drop_index("ix_models_name_key")
        batch_op.drop_column("name_key")
    with op.batch_alter_table("users") as batch_op:
        for column in ("quota_models", "quota_mb", "denied"):
            batch_op.drop_column(column)

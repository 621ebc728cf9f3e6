"""Keep data sets, evaluations, benchmarks, golden cases and gates; what heads take."""

import sqlalchemy as sa
from alembic import op

from registry.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("blake3", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("task", sa.String(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("datasets") as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_digest"), ["digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_user_id"), ["user_id"], unique=False)

    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("dataset_id", sa.String(length=32), nullable=True),
        sa.Column("dataset", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("task", sa.String(length=32), nullable=False),
        sa.Column("slice_by", sa.String(length=255), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("pairs", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("answers_digest", sa.String(length=64), nullable=False),
        sa.Column("answers_blake3", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("evaluations") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_evaluations_answers_digest"), ["answers_digest"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_evaluations_dataset_id"), ["dataset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evaluations_user_id"), ["user_id"], unique=False)

    op.create_table(
        "gates",
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id"),
    )
    op.create_table(
        "golden_cases",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("expected", sa.JSON(), nullable=False),
        sa.Column("tolerance", sa.Double(), nullable=False),
        sa.Column("created_by_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("golden_cases") as batch_op:
        batch_op.create_index(batch_op.f("ix_golden_cases_model_id"), ["model_id"], unique=False)

    op.create_table(
        "benchmarks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("machine", sa.String(length=200), nullable=False),
        sa.Column("p95_ms", sa.Double(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("benchmarks") as batch_op:
        batch_op.create_index(batch_op.f("ix_benchmarks_version_id"), ["version_id"], unique=False)

    op.create_table(
        "evaluated",
        sa.Column("evaluation_id", sa.String(length=32), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("evaluation_id", "version_id"),
    )
    with op.batch_alter_table("evaluated") as batch_op:
        batch_op.create_index(batch_op.f("ix_evaluated_version_id"), ["version_id"], unique=False)

    op.create_table(
        "golden_runs",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["golden_cases.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "version_id"),
    )
    with op.batch_alter_table("golden_runs") as batch_op:
        batch_op.create_index(batch_op.f("ix_golden_runs_version_id"), ["version_id"], unique=False)

    with op.batch_alter_table("metrics") as batch_op:
        batch_op.add_column(
            sa.Column("source", sa.String(length=16), nullable=False, server_default="typed")
        )

    with op.batch_alter_table("trusts") as batch_op:
        batch_op.add_column(sa.Column("findings", sa.JSON(), nullable=True))

    _name_heads()
    _list_features()


def _name_heads() -> None:
    with op.batch_alter_table("models") as batch_op:
        batch_op.add_column(sa.Column("head_id", sa.String(length=32), nullable=True))
        batch_op.create_index(batch_op.f("ix_models_head_id"), ["head_id"], unique=False)
    op.execute(
        "UPDATE models SET head_id = (SELECT versions.id FROM versions "
        "WHERE versions.model_id = models.id AND versions.number = models.head_number)"
    )


def _list_features() -> None:
    features = op.create_table(
        "features",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("model_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", "model_id"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("features") as batch_op:
        batch_op.create_index(batch_op.f("ix_features_model_id"), ["model_id"], unique=False)
    models = sa.table("models", sa.column("id"), sa.column("head_id"))
    versions = sa.table("versions", sa.column("id"), sa.column("schema", sa.JSON))
    heads = sa.select(models.c.id, versions.c.schema).join(
        versions, versions.c.id == models.c.head_id
    )
    for part in op.get_bind().execute(heads).partitions(500):
        names = [
            {"model_id": model_id, "name": name}
            for model_id, schema in part
            for name in {field["name"] for field in (schema or {}).get("fields", ())}
            if len(name) <= 255
        ]
        if names:
            op.bulk_insert(features, names)


def downgrade() -> None:
    op.drop_table("features")
    with op.batch_alter_table("models") as batch_op:
        batch_op.drop_index("ix_models_head_id")
        batch_op.drop_column("head_id")
    for table, column in (("trusts", "findings"), ("metrics", "source")):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(column)
    for table in ("golden_runs", "evaluated", "benchmarks", "golden_cases", "gates", "evaluations"):
        op.drop_table(table)
    op.drop_table("datasets")

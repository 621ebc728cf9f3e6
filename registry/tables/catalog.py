"""Models, their versions, and what belongs to a version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base, new_id, now, user_key


class ModelRow(
    Base
):  # models, versions, metrics, keeping, ownership; head_*: of the champion, else of the latest
    __tablename__ = "models"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(user_key(ondelete="RESTRICT"))
    slug: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(100), index=True)
    name_key: Mapped[str] = mapped_column(String(200), default="", index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    card: Mapped[str] = mapped_column(Text, default="")
    task: Mapped[str] = mapped_column(String(64), default="", index=True)
    license: Mapped[str] = mapped_column(String(64), default="", index=True)
    visibility: Mapped[str] = mapped_column(String(16), default="private")
    primary_metric: Mapped[str] = mapped_column(String(100), default="")
    keep_inputs: Mapped[str] = mapped_column(String(16), default="digest")
    keep_days: Mapped[int] = mapped_column(default=30)
    next_number: Mapped[int] = mapped_column(default=1)
    n_versions: Mapped[int] = mapped_column(default=0)
    head_id: Mapped[str | None] = mapped_column(String(32), index=True)
    head_number: Mapped[int | None]
    head_framework: Mapped[str] = mapped_column(String(64), default="", index=True)
    head_format: Mapped[str] = mapped_column(String(64), default="", index=True)
    head_status: Mapped[str] = mapped_column(String(16), default="", index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, index=True)
    deleted_at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("owner_id", "slug"),)


class TagRow(Base):  # models
    __tablename__ = "tags"
    model_id: Mapped[str] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(String(64), primary_key=True)
    __table_args__ = (Index("ix_tags_tag_model", "tag", "model_id"),)


class FeatureRow(Base):  # versions: the columns that the head takes, for the search
    __tablename__ = "features"
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    model_id: Mapped[str] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    __table_args__ = ({"sqlite_with_rowid": False},)


class GrantRow(Base):  # access, models, ownership: a model handed over keeps its former owner
    __tablename__ = "grants"
    model_id: Mapped[str] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(user_key(ondelete="CASCADE"), primary_key=True, index=True)
    level: Mapped[str] = mapped_column(String(16))


class VersionRow(Base):  # versions
    __tablename__ = "versions"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    number: Mapped[int]
    label: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16), default="checking", index=True)
    lifecycle: Mapped[str] = mapped_column(String(16), default="active")
    failure: Mapped[str] = mapped_column(Text, default="")
    draft_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    created_by_id: Mapped[str | None] = mapped_column(user_key())
    created_at: Mapped[datetime] = mapped_column(default=now)
    notes: Mapped[str] = mapped_column(Text, default="")
    inspection: Mapped[dict[str, Any]] = mapped_column(default=dict)
    schema: Mapped[dict[str, Any] | None]
    findings: Mapped[list[Any]] = mapped_column(default=list)
    report: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)  # not for predictions
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    training: Mapped[dict[str, Any]] = mapped_column(default=dict)
    links: Mapped[dict[str, Any]] = mapped_column(default=dict)
    deleted_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("model_id", "number"),
        UniqueConstraint("model_id", "label"),
    )


class TrustRow(Base):  # trust: append-only; the newest line of a version is the one that stands
    __tablename__ = "trusts"
    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), index=True
    )
    digest: Mapped[str] = mapped_column(String(64))
    names: Mapped[list[Any]] = mapped_column(default=list)
    findings: Mapped[list[Any] | None]
    decision: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)


class ArtifactRow(Base):  # artifacts
    __tablename__ = "artifacts"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(16))
    filename: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    blake3: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int]


class AliasRow(Base):  # aliases
    __tablename__ = "aliases"
    model_id: Mapped[str] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), index=True
    )
    __table_args__ = (Index("ix_aliases_name_model", "name", "model_id"),)


class AliasMoveRow(Base):  # aliases
    __tablename__ = "alias_moves"
    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    from_number: Mapped[int | None]
    to_number: Mapped[int | None]
    by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=now)


class MetricRow(Base):  # metrics
    __tablename__ = "metrics"
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    dataset: Mapped[str] = mapped_column(String(100), primary_key=True, default="")
    value: Mapped[float]
    unit: Mapped[str] = mapped_column(String(32), default="")
    higher_is_better: Mapped[bool | None]
    source: Mapped[str] = mapped_column(String(16), default="typed")
    __table_args__ = (Index("ix_metrics_name_value", "name", "value", "version_id"),)


class ParentRow(Base):  # lineage, models: a purge takes the links inside the model along
    __tablename__ = "parents"
    child_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True
    )
    parent_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
    relation: Mapped[str] = mapped_column(String(32), default="derived")

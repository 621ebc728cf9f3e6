"""What happened: audit, uploads, jobs, predictions, downloads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base, new_id, now, user_key


class AuditRow(Base):  # audit: append-only (UPDATE and DELETE refused by triggers), HMAC-chained
    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[str] = mapped_column(String(32), index=True)
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(400))
    model_id: Mapped[str | None] = mapped_column(String(32), index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    mac: Mapped[str] = mapped_column(String(64))


class StagedRow(Base):  # staging
    __tablename__ = "staged"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(user_key(ondelete="CASCADE"), index=True)
    filename: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    blake3: Mapped[str] = mapped_column(String(64))
    inspection: Mapped[dict[str, Any] | None]
    report: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class JobRow(Base):  # jobs
    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(32), index=True)
    subject: Mapped[str] = mapped_column(String(400))
    user_id: Mapped[str | None] = mapped_column(user_key(ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(16), default="queued", index=True)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    not_before: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class PredictionRow(Base):  # predictions, prediction_log, keeping
    __tablename__ = "predictions"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(index=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[str] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"))
    user_id: Mapped[str | None] = mapped_column(user_key())
    n_rows: Mapped[int]
    latency_ms: Mapped[float]
    outcome: Mapped[str] = mapped_column(String(64))
    input_digest: Mapped[str] = mapped_column(String(64), default="")
    inputs: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    flag: Mapped[str] = mapped_column(String(16), default="")
    flag_reason: Mapped[str] = mapped_column(Text, default="")
    shared_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_predictions_model_at", "model_id", "at"),
        Index("ix_predictions_user_at", "user_id", "at"),
    )


class DownloadRow(Base):  # downloads: a row per file; those of one zip share the `trip`
    __tablename__ = "downloads"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    artifact_id: Mapped[str] = mapped_column(
        ForeignKey("artifacts.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[str | None] = mapped_column(user_key())
    trip: Mapped[str] = mapped_column(String(32), default=new_id)
    what: Mapped[str] = mapped_column(String(16), default="file")

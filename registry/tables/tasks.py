"""What people let the server do with files of theirs: batch scorings and trained baselines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base, new_id, now, user_key


class ScoringRow(Base):  # scorings: belongs to the person who asked; `result_*` lies in the store
    __tablename__ = "scorings"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(user_key(ondelete="CASCADE"), index=True)
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), index=True
    )
    filename: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    blake3: Mapped[str] = mapped_column(String(64))
    n_rows: Mapped[int] = mapped_column(default=0)
    n_bad: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[Any]] = mapped_column(default=list)
    result_digest: Mapped[str] = mapped_column(String(64), default="", index=True)
    result_blake3: Mapped[str] = mapped_column(String(64), default="")
    result_bytes: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    finished_at: Mapped[datetime | None]


class TrainingRow(Base):  # trainings: belongs to the person who asked; its rows are staged
    __tablename__ = "trainings"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(user_key(ondelete="CASCADE"), index=True)
    staged_id: Mapped[str] = mapped_column(String(32), index=True)
    filename: Mapped[str] = mapped_column(String(255))
    target: Mapped[str] = mapped_column(String(255))
    task: Mapped[str] = mapped_column(String(32))
    kinds: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any] | None]
    leaderboard: Mapped[list[Any]] = mapped_column(default=list)
    train_s: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    finished_at: Mapped[datetime | None]

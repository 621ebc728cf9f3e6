"""What people who use a model leave with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base, now, user_key


class RatingRow(Base):  # ratings: one per user and model; goes with either
    __tablename__ = "ratings"
    model_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(user_key(ondelete="CASCADE"), primary_key=True, index=True)
    stars: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=now)
    __table_args__ = ({"sqlite_with_rowid": False},)

"""How good and how quick versions are: data sets, evaluations, benchmarks, golden cases, gates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables.base import Base, new_id, now, user_key


class DatasetRow(Base):  # datasets: labelled rows of one person, seen by nobody else
    __tablename__ = "datasets"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(user_key(ondelete="CASCADE"), index=True)
    filename: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    blake3: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int]
    n_rows: Mapped[int]
    columns: Mapped[list[Any]] = mapped_column(default=list)
    target: Mapped[str] = mapped_column(String(255), default="")
    task: Mapped[str] = mapped_column(String(32), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class EvaluationRow(Base):  # results: belongs to the person who asked; `answers_*` lie in the store
    __tablename__ = "evaluations"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(user_key(ondelete="CASCADE"), index=True)
    dataset_id: Mapped[str | None] = mapped_column(
        ForeignKey("datasets.id", ondelete="SET NULL"), index=True
    )
    dataset: Mapped[str] = mapped_column(String(255))
    target: Mapped[str] = mapped_column(String(255))
    task: Mapped[str] = mapped_column(String(32))
    slice_by: Mapped[str] = mapped_column(String(255), default="")
    n_rows: Mapped[int] = mapped_column(default=0)
    pairs: Mapped[list[Any]] = mapped_column(default=list)
    findings: Mapped[list[Any]] = mapped_column(default=list)
    answers_digest: Mapped[str] = mapped_column(String(64), default="", index=True)
    answers_blake3: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class EvaluatedRow(Base):  # results: one version of an evaluation
    __tablename__ = "evaluated"
    evaluation_id: Mapped[str] = mapped_column(
        ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True
    )
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None]
    failure: Mapped[str] = mapped_column(Text, default="")


class BenchmarkRow(Base):  # timings
    __tablename__ = "benchmarks"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), index=True
    )
    machine: Mapped[str] = mapped_column(String(200))
    p95_ms: Mapped[float]
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=now)


class GoldenCaseRow(Base):  # golden_cases
    __tablename__ = "golden_cases"
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    inputs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    expected: Mapped[dict[str, Any]] = mapped_column(default=dict)
    tolerance: Mapped[float] = mapped_column(default=0.0)
    created_by_id: Mapped[str | None] = mapped_column(user_key())
    created_at: Mapped[datetime] = mapped_column(default=now)


class GoldenRunRow(Base):  # golden_cases: what one version answered last
    __tablename__ = "golden_runs"
    case_id: Mapped[str] = mapped_column(
        ForeignKey("golden_cases.id", ondelete="CASCADE"), primary_key=True
    )
    version_id: Mapped[str] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    passed: Mapped[bool]
    answer: Mapped[dict[str, Any] | None]
    message: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=now)


class GateRow(Base):  # gates: what a version must meet before an alias moves to it
    __tablename__ = "gates"
    model_id: Mapped[str] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    rules: Mapped[list[Any]] = mapped_column(default=list)
    updated_at: Mapped[datetime] = mapped_column(default=now)

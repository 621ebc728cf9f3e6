"""What is kept of the inputs and answers of a model's predictions: its owner's choice, and its end.

Nothing: not even a digest. Digest: which inputs were equal. Full: both, for some days, visible to
the person who asked and to those who manage the model.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast, get_args

from sqlalchemy import ColumnElement, CursorResult, null, or_, select, update
from sqlalchemy.orm import Session

from registry import audit, models
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, Keeping, Kept
from registry.tables import ModelRow, PredictionRow, now

CHOICES: tuple[Keeping, ...] = get_args(Keeping)
MOST_DAYS = 3650


def get(reg: Registry, actor: Actor, model: str) -> Kept:
    """What the owner of a model lets be kept.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        return _kept(models.for_action(s, actor, "model.read", model))


def choose(reg: Registry, actor: Actor, model: str, what: Keeping, days: int = 30) -> int:
    """Choose what is kept from now on; what is kept already and may be no longer goes at once.

    Args:
        days: How long inputs and answers are kept if in full, 1 to 3650.

    Returns:
        Of how many predictions something was cleared.

    Raises:
        InvalidInput: No such choice, or the days do not fit.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it.
    """
    problems = {}
    if what not in CHOICES:
        problems["what"] = f"must be one of {', '.join(CHOICES)}"
    if not 1 <= days <= MOST_DAYS:
        problems["days"] = f"must be 1 to {MOST_DAYS}, got {days}"
    if problems:
        raise InvalidInput(problems)
    with reg.writing() as s:
        row = models.for_action(s, actor, "prediction.keep", model)
        row.keep_inputs, row.keep_days = what, days
        s.flush()
        cleared = _clear_in(s, row)
        audit.record(
            s, actor, "prediction.keep", models.address(s, row), model_id=row.id,
            what=what, days=days, cleared=cleared,
        )  # fmt: skip
        return cleared


def sweep(reg: Registry) -> int:
    """Clear what was kept for as long as its owner chose; of how many predictions."""
    with reg.reading() as s:
        chosen = s.execute(select(ModelRow).where(ModelRow.keep_inputs == "full")).scalars()
        due = [row.id for row in chosen if s.execute(_due(row)).first()]
    cleared = 0
    for model_id in due:
        with reg.writing() as s:
            row = s.get(ModelRow, model_id)
            cleared += _clear_in(s, row) if row else 0
    return cleared


def _kept(row: ModelRow) -> Kept:
    return Kept(cast("Keeping", row.keep_inputs), row.keep_days)


def _due(row: ModelRow) -> Any:
    return select(PredictionRow.id).where(*_too_much(row)).limit(1)


def _too_much(row: ModelRow) -> tuple[ColumnElement[bool], ...]:
    """Predictions of which more is kept than the owner wants."""
    holds = or_(PredictionRow.inputs.is_not(None), PredictionRow.answer.is_not(None))
    of_model = PredictionRow.model_id == row.id
    if row.keep_inputs == "full":
        return of_model, PredictionRow.at < now() - timedelta(days=row.keep_days), holds
    if row.keep_inputs == "nothing":
        return of_model, or_(holds, PredictionRow.input_digest != "")
    return of_model, holds


def _clear_in(s: Session, row: ModelRow) -> int:
    """Drop it; the lines stay, with their flags."""
    gone: dict[str, Any] = {"inputs": null(), "answer": null(), "shared_at": None}
    if row.keep_inputs == "nothing":
        gone["input_digest"] = ""
    done = s.execute(update(PredictionRow).where(*_too_much(row)).values(gone))
    return cast("CursorResult[Any]", done).rowcount

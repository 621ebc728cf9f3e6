"""Ratings: 1 to 5 stars, one per user and model. Owns `ratings`.

Owners do not rate what is theirs: such a vote tells others nothing, and the first vote on most
models would be one. What somebody gave before the model became theirs does not count either.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, models, policy
from registry.core import Registry
from registry.errors import Forbidden, InvalidInput
from registry.records import Actor, Rating
from registry.tables import ModelRow, RatingRow

MOST = 5
_OWN = "it is your own model: those who use it rate it"


def rate(reg: Registry, actor: Actor, model: str, stars: int) -> Rating:
    """Cast the actor's vote, replacing an earlier one.

    Args:
        stars: Whole stars, 1 to 5.

    Raises:
        InvalidInput: `stars` is outside 1 to 5.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor owns it.
    """
    if not 1 <= stars <= MOST:
        raise InvalidInput({"stars": f"must be 1 to {MOST}, got {stars}"})
    with reg.writing() as s:
        row = models.for_action(s, actor, "model.rate", model)
        if row.owner_id == actor.id:
            raise Forbidden(_OWN)
        s.merge(RatingRow(model_id=row.id, user_id=actor.id, stars=stars))
        address = models.address(s, row)
        audit.record(s, actor, "model.rate", address, model_id=row.id, stars=stars)
        return _rating(s, actor, row)


def withdraw(reg: Registry, actor: Actor, model: str) -> Rating:
    """Take the actor's vote back; harmless without one.

    Raises:
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not rate.
    """
    with reg.writing() as s:
        row = models.for_action(s, actor, "model.rate", model)
        if vote := s.get(RatingRow, (row.id, actor.id)):
            s.delete(vote)
            audit.record(s, actor, "model.unrate", models.address(s, row), model_id=row.id)
        return _rating(s, actor, row)


def of_model(reg: Registry, actor: Actor, model: str) -> Rating:
    """All votes on a model together, and the actor's own.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        return _rating(s, actor, models.for_action(s, actor, "model.read", model))


def _rating(s: Session, actor: Actor, row: ModelRow) -> Rating:
    s.flush()
    votes = dict(
        s.execute(
            select(RatingRow.user_id, RatingRow.stars).where(
                RatingRow.model_id == row.id, RatingRow.user_id != row.owner_id
            )
        ).all()
    )
    counts = Counter(votes.values())
    why = policy.why_not(actor, models.level_of(s, actor, row), "model.rate")
    return Rating(
        average=sum(votes.values()) / len(votes) if votes else None,
        counts=tuple(counts[stars] for stars in range(1, MOST + 1)),
        own=votes.get(actor.id),
        why_not=why or (_OWN if row.owner_id == actor.id else ""),
    )

"""What is said of the use of a model, and what leaves the house, as records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rating:
    """What people think of a model, in stars from 1 to 5.

    Attributes:
        average: None while nobody has voted.
        counts: How many gave one star, two, up to five.
        own: The stars of who asks; None without a vote.
        why_not: Why who asks may not vote; "" when they may.
    """

    average: float | None = None
    counts: tuple[int, ...] = (0, 0, 0, 0, 0)
    own: int | None = None
    why_not: str = ""

    @property
    def n_votes(self) -> int:
        return sum(self.counts)

"""Shapley values of one answer: how far each feature moved it away from a background's.

A *player* is a feature. A coalition keeps the explained row's values of its players and takes the
others from a background row; its worth is the mean answer over the background rows. That is the
interventional value function, which asks the model itself and needs no gradient and no training
data. All coalitions are asked where that is affordable; else players join in random orders, each
order walked both ways, and every background row is used equally often. Each walk leads from the
background's answer to the row's, so that base and parts add up exactly either way.

Plain NumPy in place of a library: only finished arrays travel between worker and server, so that a
library could do no more here than the sums below.

Source: Lundberg and Lee 2017, A Unified Approach to Interpreting Model Predictions; Strumbelj and
Kononenko 2014, Explaining prediction models and individual predictions with feature contributions;
Mitchell, Cooper, Frank and Holmes 2022, Sampling Permutations for Shapley Value Estimation
(antithetic orders).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Plan(NamedTuple):
    """Which mixed rows to ask.

    Attributes:
        rows: int `(n_asked,)`, the background row behind each.
        masks: bool `(n_asked, n_players)`, where the explained row's own value stands.
        orders: int `(n_walks, n_players)`, who joins when; None when all coalitions are asked.
    """

    rows: np.ndarray
    masks: np.ndarray
    orders: np.ndarray | None


class Values(NamedTuple):
    """Per output: float `(n_outputs,)` and `(n_players, n_outputs)`; errors are standard errors."""

    base: np.ndarray
    parts: np.ndarray
    errors: np.ndarray


def plan(n_players: int, n_background: int, most_rows: int, seed: int = 0) -> Plan:
    """All coalitions when `2 ** n_players * n_background` rows may be asked, else random orders.

    Args:
        most_rows: For all coalitions; random orders are content with half as many.

    Raises:
        ValueError: Not even one order can be walked both ways.
    """
    if n_players < 31 and (1 << n_players) * n_background <= most_rows:
        return _every(n_players, n_background)
    return _walks(n_players, n_background, most_rows // 2, seed)


def values(asked: Plan, answers: np.ndarray) -> Values:
    """The parts from the answers `(n_asked, n_outputs)` to a plan's rows, in its order."""
    return _of_walks(asked, answers) if asked.orders is not None else _of_all(asked, answers)


def _every(n_players: int, n_background: int) -> Plan:
    import numpy as np

    masks = (np.arange(1 << n_players)[:, None] >> np.arange(n_players)) & 1 == 1
    rows = np.tile(np.arange(n_background), len(masks))
    return Plan(rows, masks.repeat(n_background, axis=0), None)


def _of_all(asked: Plan, answers: np.ndarray) -> Values:
    """The definition: weighted mean over coalitions of what a player adds to each."""
    import numpy as np

    n_players = asked.masks.shape[1]
    worth = answers.reshape(1 << n_players, -1, answers.shape[1]).mean(axis=1)
    sizes = np.arange(1 << n_players)
    sizes = ((sizes[:, None] >> np.arange(n_players)) & 1).sum(axis=1)
    share = [1 / (n_players * math.comb(n_players - 1, size)) for size in range(n_players)]
    parts = np.zeros((n_players, answers.shape[1]))
    for player in range(n_players):
        without = np.flatnonzero((np.arange(1 << n_players) >> player) & 1 == 0)
        gained = worth[without | (1 << player)] - worth[without]
        parts[player] = np.array(share)[sizes[without]] @ gained
    return Values(worth[0], parts, np.zeros_like(parts))


def _walks(n_players: int, n_background: int, most_rows: int, seed: int) -> Plan:
    import numpy as np

    n_pairs = most_rows // (2 * (n_players + 1))
    if n_pairs == 0:
        raise ValueError(f"{n_players:,} features are too many for {most_rows:,} rows")
    if n_pairs >= n_background:
        n_pairs -= n_pairs % n_background
    chance = np.random.default_rng(seed)
    once = np.stack([chance.permutation(n_players) for _ in range(n_pairs)])
    orders = np.stack([once, once[:, ::-1]], axis=1).reshape(2 * n_pairs, n_players)
    joined = orders.argsort(axis=1)  # when each player joins
    masks = joined[:, None, :] < np.arange(n_players + 1)[None, :, None]
    used = np.linspace(0, n_background, min(n_pairs, n_background), endpoint=False).astype(int)
    rows = np.resize(used, n_pairs).repeat(2 * (n_players + 1))
    return Plan(rows, masks.reshape(-1, n_players), orders)


def _of_walks(asked: Plan, answers: np.ndarray) -> Values:
    import numpy as np

    orders = asked.orders
    assert orders is not None
    n_walks, n_players = orders.shape
    along = answers.reshape(n_walks, n_players + 1, -1)
    gained = np.empty((n_walks, n_players, along.shape[2]))
    np.put_along_axis(gained, orders[:, :, None], np.diff(along, axis=1), axis=1)
    pairs = gained.reshape(n_walks // 2, 2, n_players, -1).mean(axis=1)
    n_used = len(np.unique(asked.rows))
    per_row = pairs.reshape(-1, n_used, n_players, pairs.shape[2])
    if len(per_row) > 1:  # the background is given: only the orders are left to chance
        variance = per_row.var(axis=0, ddof=1).mean(axis=0) / len(pairs)
    else:
        variance = pairs.var(axis=0) / max(1, len(pairs) - 1)
    return Values(along[:, 0].mean(axis=0), pairs.mean(axis=0), np.sqrt(variance))

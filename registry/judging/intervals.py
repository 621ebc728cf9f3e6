"""95 % confidence intervals: bootstrap, and closed forms where they are better known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Interval = tuple[float | None, float | None]
NONE: Interval = (None, None)
REPLICATES, BLOCKS, FEWEST = 1000, 2000, 10
_SEED = 20_240_229
_MOST_LOG = 10
Z = 1.959963984540054  # 97.5 % of the standard normal distribution


def of_ratio(
    part: np.ndarray,
    whole: np.ndarray | None = None,
    *,
    most: int = BLOCKS,
    replicates: int = REPLICATES,
) -> Interval:
    """Interval of the mean of `part` by the mean of `whole` (None: by 1), neither ever negative.

    Studentised bootstrap of the logarithm; the plain one is too narrow where a few rows make most
    of a mean of squares. None below 10 rows, or where resamples say nothing.

    Source: Davison & Hinkley (1997), "Bootstrap methods and their application", section 5.2.
    """
    import numpy as np

    sums = grouped([part] if whole is None else [part, whole], most)
    a, b = sums[:, 1] / sums[:, 0], np.ones(len(sums)) if whole is None else sums[:, 2] / sums[:, 0]
    if len(sums) < FEWEST or min(a.mean(), b.mean()) <= 0:
        return NONE
    a, b = a / a.mean(), b / b.mean()
    columns = np.stack([a, b, a * a, a * b, b * b], axis=1)
    drawn = resampled(len(sums), replicates) @ columns / len(sums)
    with np.errstate(all="ignore"):
        t = np.log(drawn[:, 0] / drawn[:, 1]) / _spread(drawn)
    t, spread = t[np.isfinite(t)], float(_spread(columns.mean(axis=0)[None])[0])
    if len(t) < 0.95 * replicates or spread < 1e-9:
        return NONE
    reach = -spread * np.quantile(t, [0.975, 0.025])
    if np.abs(reach).max() > _MOST_LOG:
        return NONE  # a single row makes nearly all of the sum
    low, high = np.exp(reach)
    ratio = float(part.mean()) / (1.0 if whole is None else float(whole.mean()))
    return float(low) * ratio, float(high) * ratio


def _spread(means: np.ndarray) -> np.ndarray:
    """Standard deviation of the logarithm of a / b, by means of a, b, a², ab and b²."""
    import numpy as np

    a, b, aa, ab, bb = means.T
    spread: np.ndarray = np.sqrt(np.maximum(aa / a**2 - 2 * ab / (a * b) + bb / b**2, 0))
    return spread


def grouped(columns: Sequence[np.ndarray], most: int = BLOCKS) -> np.ndarray:
    """One and the columns of each row; `(n_rows, 1 + n)`.

    More rows than `most` are put at random into that many blocks and summed up: the variance
    between sums of random blocks is that between rows, so the blocks can be resampled instead.
    """
    import numpy as np

    n_rows = len(columns[0])
    every = [np.ones(n_rows), *columns]
    if n_rows > most:
        placed = np.arange(n_rows, dtype=np.int32) % most
        np.random.default_rng(_SEED).shuffle(placed)
        every = [np.bincount(placed, weights=column) for column in every]
    return np.stack(every, axis=1)


def resampled(n_units: int, replicates: int) -> np.ndarray:
    """How often each unit is drawn when as many are drawn with replacement; always the same.

    Returns:
        `(replicates, n_units)`.
    """
    import numpy as np

    drawn = np.random.default_rng(_SEED).integers(n_units, size=(replicates, n_units))
    drawn += np.arange(replicates)[:, None] * n_units
    counts = np.bincount(drawn.ravel(), minlength=replicates * n_units)
    return counts.reshape(replicates, n_units).astype(np.float64)


def bca(
    value: float, drawn: np.ndarray, left_out: np.ndarray, weights: np.ndarray | None = None
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval; none when the draws say nothing.

    Args:
        drawn: The statistic of each resample, NaN where it is undefined.
        left_out: The statistic without one unit, for each unit; empty for no acceleration.
        weights: How many units each of `left_out` stands for.

    Source: Efron (1987), "Better bootstrap confidence intervals", JASA 82, 171–185.
    """
    import numpy as np
    from scipy.special import ndtr, ndtri

    fine = drawn[np.isfinite(drawn)]
    if len(fine) < 0.9 * len(drawn) or np.ptp(fine) <= 1e-12 * max(1.0, abs(value)):
        return NONE
    gap = 1e-12 * max(1.0, abs(value))
    below = (np.sum(fine < value - gap) + np.sum(fine <= value + gap)) / (2 * len(fine))
    half = 0.5 / len(fine)
    bias = ndtri(np.clip(below, half, 1 - half))
    acceleration = _acceleration(left_out, weights)
    z = bias + np.array([-Z, Z])
    low, high = np.quantile(fine, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def _acceleration(left_out: np.ndarray, weights: np.ndarray | None) -> float:
    import numpy as np

    fine = np.isfinite(left_out)
    if fine.sum() < 2:
        return 0.0
    weights = np.ones(len(left_out)) if weights is None else weights
    mean = np.average(left_out[fine], weights=weights[fine])
    off = mean - left_out[fine]
    spread = float((weights[fine] * off**2).sum())
    if spread <= 1e-30:
        return 0.0
    # beyond a quarter the correction has run wild: too few rows for it
    skew = float((weights[fine] * off**3).sum()) / (6 * spread**1.5)
    return float(max(-0.25, min(0.25, skew)))


def of_share(n_right: int, n_rows: int) -> Interval:
    """Interval of a share of rows; honest also when none or all are right.

    Source: Wilson (1927), "Probable inference", JASA 22, 209–212.
    """
    share, z2 = n_right / n_rows, Z**2 / n_rows
    middle = (share + z2 / 2) / (1 + z2)
    reach = math.sqrt(share * (1 - share) * z2 + z2**2 / 4) / (1 + z2)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def of_median(in_order: np.ndarray) -> Interval:
    """Interval of the median between two of the sorted numbers; none below 6 of them.

    Source: David & Nagaraja (2003), "Order statistics", section 7.1.
    """
    from scipy.stats import binom

    n = len(in_order)
    if n < 6:
        return NONE
    below = max(int(binom.ppf(0.025, n, 0.5)) - 1, 0)
    return float(in_order[below]), float(in_order[n - 1 - below])


def of_area(area: float, influence: np.ndarray) -> Interval:
    """Interval of an area between 0 and 1 by each row's influence on it, on the logit scale.

    For the area under the ROC curve this is DeLong's variance.

    Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837–845; logit scale: Pepe
    (2003), "The statistical evaluation of medical tests", section 5.2.
    """
    import numpy as np

    n_rows = len(influence)
    if not 0 < area < 1 or n_rows < FEWEST:
        return NONE
    error = math.sqrt(float(np.square(influence).sum()) / (n_rows - 1) / n_rows)
    if error < 1e-12:
        return NONE
    middle, reach = math.log(area / (1 - area)), Z * error / (area * (1 - area))
    return 1 / (1 + math.exp(min(reach - middle, 700))), 1 / (1 + math.exp(-middle - reach))

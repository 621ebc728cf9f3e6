"""Metrics of predicted numbers, and their residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.evaluation import Measured, Residuals
from registry.judging import intervals

if TYPE_CHECKING:
    import numpy as np

MAX_POINTS, BINS = 2000, 40


def measured(
    actual: np.ndarray,
    predicted: np.ndarray,
    *,
    only: frozenset[str] | None = None,
    most: int = intervals.BLOCKS,
    replicates: int = intervals.REPLICATES,
) -> list[Measured]:
    """The metrics by scikit-learn with intervals; what is undefined for these rows is left out.

    R² and explained variance need a target that varies, the percentage error one without zeros.

    Interval: the median by order statistics; the largest error has none; the others by bootstrap
    of rows, or of blocks of rows when there are many.
    """
    import numpy as np

    actual, predicted = actual.astype(np.float64), predicted.astype(np.float64)
    found = []
    for name, value in _values(actual, predicted).items():
        if only is None or name in only:
            low, high = _interval(name, actual, predicted, most, replicates)
            found.append(Measured(name, value, low, high, higher_is_better=name in _HIGHER))
    return found


_HIGHER = frozenset({"r2_score", "explained_variance"})


def _values(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    pair = (actual, predicted)
    values = {
        "root_mean_squared_error": metrics.root_mean_squared_error(*pair),
        "mean_absolute_error": metrics.mean_absolute_error(*pair),
        "median_absolute_error": metrics.median_absolute_error(*pair),
        "max_error": metrics.max_error(*pair),
    }
    if actual.min() < actual.max():
        values["r2_score"] = metrics.r2_score(*pair)
        values["explained_variance"] = metrics.explained_variance_score(*pair)
    if actual.all():
        name = "mean_absolute_percentage_error"
        values[name] = metrics.mean_absolute_percentage_error(*pair)
    return {name: float(value) for name, value in values.items()}


def _interval(
    name: str, actual: np.ndarray, predicted: np.ndarray, most: int, replicates: int
) -> intervals.Interval:
    """Each metric as a mean, or as one mean by another, of which intervals are known."""
    import numpy as np

    error = predicted - actual
    if name == "max_error":
        return intervals.NONE
    if name == "median_absolute_error":
        return intervals.of_median(np.sort(np.abs(error)))
    part, whole = np.abs(error), None
    if name == "mean_absolute_percentage_error":
        part = part / np.abs(actual)
    elif name == "root_mean_squared_error":
        part = np.square(error)
    elif name in _HIGHER:
        part = np.square(error - (error.mean() if name == "explained_variance" else 0))
        whole = np.square(actual - actual.mean())
    low, high = intervals.of_ratio(part, whole, most=most, replicates=replicates)
    if low is None or high is None:
        return intervals.NONE
    if name == "root_mean_squared_error":
        return low**0.5, high**0.5
    return (1 - high, 1 - low) if name in _HIGHER else (low, high)


def residuals(actual: np.ndarray, predicted: np.ndarray) -> Residuals:
    """A sample of points, a histogram and quantiles.

    The histogram spans the middle 99.6 %; what lies beyond is counted in its outermost bins, or
    one outlier would make a single bar of all others.
    """
    import numpy as np

    actual, predicted = actual.astype(np.float64), predicted.astype(np.float64)
    chosen = np.unique(np.linspace(0, len(actual) - 1, MAX_POINTS).astype(np.int64))
    error = predicted - actual
    low, high = np.quantile(error, [0.002, 0.998])
    if high - low <= 1e-12 * max(1.0, abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(np.clip(error, low, high), bins=BINS, range=(low, high))
    return Residuals(
        actual=tuple(actual[chosen].tolist()),
        predicted=tuple(predicted[chosen].tolist()),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        quantiles=tuple(np.quantile(error, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist()),
    )

"""Metrics of predicted numbers, and their residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.evaluation import Measured, Residuals
from registry.judging import intervals

if TYPE_CHECKING:
    import numpy as np

MAX_POINTS, BINS = 2000, 40
# columns of the sums below, after the count of rows
_ERROR, _SQUARE, _SIZE, _TARGET, _TARGET_SQUARE, _RELATIVE = range(1, 7)


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
    values = {n: v for n, v in _values(actual, predicted).items() if only is None or n in only}
    error = predicted - actual
    size = np.abs(error)
    off = actual - actual.mean()
    relative = size / np.maximum(np.abs(actual), np.finfo(np.float64).eps)
    columns = [error, np.square(error), size, off, np.square(off), relative]
    found = intervals.units(columns, most, replicates)
    with np.errstate(divide="ignore", invalid="ignore"):
        ranges = {n: found.interval(s) for n, s in _statistics().items() if n in values}
    ranges["median_absolute_error"] = intervals.of_median(np.sort(size))
    return [
        Measured(name, value, *ranges.get(name, intervals.NONE), higher_is_better=name in _HIGHER)
        for name, value in values.items()
    ]


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


def _statistics() -> dict[str, intervals.Statistic]:
    """The same metrics of many rows of sums at once."""
    import numpy as np

    def variance(sums: np.ndarray, plain: int, square: int) -> np.ndarray:
        answer: np.ndarray = sums[:, square] - sums[:, plain] ** 2 / sums[:, 0]
        return answer

    def varied(sums: np.ndarray) -> np.ndarray:
        return variance(sums, _TARGET, _TARGET_SQUARE)

    return {
        "root_mean_squared_error": lambda sums: np.sqrt(sums[:, _SQUARE] / sums[:, 0]),
        "mean_absolute_error": lambda sums: sums[:, _SIZE] / sums[:, 0],
        "r2_score": lambda sums: 1 - sums[:, _SQUARE] / varied(sums),
        "explained_variance": lambda sums: 1 - variance(sums, _ERROR, _SQUARE) / varied(sums),
        "mean_absolute_percentage_error": lambda sums: sums[:, _RELATIVE] / sums[:, 0],
    }


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

"""Two versions on the same rows: is the difference more than chance, and which rows changed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from registry.evaluation import Paired
from registry.judging import honest, intervals
from registry.judging.contract import Answers, Truth

if TYPE_CHECKING:
    import numpy as np

MAX_CHANGED = 1000
_REPLICATES, _FEW = 2000, 10


def pair(
    truth: Truth, base: Answers, other: Answers, *, base_id: str = "", other_id: str = ""
) -> Paired:
    """Test the difference other minus base.

    Labels: McNemar's test of the accuracy, in its mid-p form. Numbers: paired bootstrap of the
    mean absolute error, studentised. It tests the difference that is shown; Wilcoxon's signed
    ranks would also find a difference where two means are equal and only the shapes differ, so
    they are used below 10 rows only, where there is nothing to resample.

    Raises:
        InvalidInput: As for `judge`.
        PredictionFailed: As for `judge`.
    """
    honest.check(truth, base)
    honest.check(truth, other)
    if truth.task == "classification":
        return _mcnemar(truth, base, other, base_id, other_id)
    return _errors(truth, base, other, base_id, other_id)


def _mcnemar(truth: Truth, base: Answers, other: Answers, base_id: str, other_id: str) -> Paired:
    """Source: Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91 (mid-p);
    Bonett & Price (2012), J. Educ. Behav. Stat. 37, 479–488 (interval).
    """
    from scipy.stats import binom

    broken, mended = (len(rows) for rows in changed(truth, base, other))
    n_rows, n_changed, fewer = len(truth.target), broken + mended, min(broken, mended)
    p_value = 1.0
    if broken != mended:
        p_value = 2 * binom.cdf(fewer, n_changed, 0.5) - binom.pmf(fewer, n_changed, 0.5)
    up, down = (mended + 1) / (n_rows + 2), (broken + 1) / (n_rows + 2)
    reach = intervals.Z * math.sqrt((up + down - (up - down) ** 2) / (n_rows + 2))
    return Paired(
        base=base_id,
        other=other_id,
        test="mcnemar",
        metric="accuracy_score",
        difference=(mended - broken) / n_rows,
        low=max(-1.0, up - down - reach),
        high=min(1.0, up - down + reach),
        p_value=float(p_value),
        n_mended=mended,
        n_broken=broken,
    )


def _errors(truth: Truth, base: Answers, other: Answers, base_id: str, other_id: str) -> Paired:
    import numpy as np

    grown = _grown(truth, base, other)
    few = len(grown) < _FEW
    low, high, p_value = _signed_ranks(grown) if few else _studentised(grown)
    return Paired(
        base=base_id,
        other=other_id,
        test="wilcoxon" if few else "bootstrap",
        metric="mean_absolute_error",
        difference=float(np.mean(grown)),
        low=low,
        high=high,
        p_value=p_value,
    )


def _studentised(grown: np.ndarray) -> tuple[float, float, float]:
    """Symmetric studentised bootstrap of a mean: interval and p, of rows or of blocks of them.

    Source: Hall (1988), "On symmetric bootstrap confidence intervals", JRSS B 50, 35–45.
    """
    import numpy as np

    sums = intervals.grouped([grown])
    means = sums[:, 1] / sums[:, 0]
    n, mean = len(means), float(np.mean(grown))
    error = float(means.std(ddof=1)) / math.sqrt(n)
    if error <= 1e-12 * abs(mean) or error == 0:
        return mean, mean, 1.0 if mean == 0 else 1 / (_REPLICATES + 1)
    off = means - means.mean()
    drawn = intervals.resampled(n, _REPLICATES) @ np.stack([off, np.square(off)], axis=1) / n
    spread = np.maximum(drawn[:, 1] - np.square(drawn[:, 0]), 0) / (n - 1)
    with np.errstate(all="ignore"):
        t = np.abs(drawn[:, 0]) / np.sqrt(spread)
    t = np.sort(np.where(np.isfinite(t), t, np.inf))
    seen = abs(mean) / error
    p_value = (1 + int((t >= seen).sum())) / (_REPLICATES + 1)
    reach = float(t[math.ceil(0.95 * (_REPLICATES + 1)) - 1]) * error
    if not math.isfinite(reach):
        reach = float(np.ptp(grown))
    return mean - reach, mean + reach, p_value


def _signed_ranks(grown: np.ndarray) -> tuple[float, float, float]:
    """The range of the differences and the exact p of Wilcoxon's signed ranks.

    Source: Wilcoxon (1945), "Individual comparisons by ranking methods", Biometrics Bulletin 1.
    """
    from scipy.stats import wilcoxon

    p_value = float(wilcoxon(grown, method="exact").pvalue) if grown.any() else 1.0
    return float(grown.min()), float(grown.max()), min(1.0, p_value)


def changed(truth: Truth, base: Answers, other: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the rows that other broke and of those it mended.

    Labels: right by base and wrong by other, in the order of the rows; and the reverse. Numbers:
    the up to 1,000 rows whose absolute error grew most, those first; and shrank most.
    """
    import numpy as np

    if truth.task == "classification":
        was, now = base.values == truth.target, other.values == truth.target
        return np.flatnonzero(was & ~now), np.flatnonzero(now & ~was)
    grown = _grown(truth, base, other)
    order = np.argsort(-grown, kind="stable")
    worse, better = order[:MAX_CHANGED], order[::-1][:MAX_CHANGED]
    return worse[grown[worse] > 0], better[grown[better] < 0]


def _grown(truth: Truth, base: Answers, other: Answers) -> np.ndarray:
    """How much larger each row's absolute error became, `(n_rows,)`."""
    import numpy as np

    target = truth.target.astype(np.float64)
    grown: np.ndarray = np.abs(other.values - target) - np.abs(base.values - target)
    return grown

"""How well scores rank one class above the rest: areas, their intervals and their curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.evaluation import Curve

if TYPE_CHECKING:
    import numpy as np

MAX_POINTS = 200


@dataclass(frozen=True)
class Ranked:
    """Rows in order of falling score, and what lies at or above each different score.

    Attributes:
        order: Row indices by falling score.
        positive: Whether each row in that order is of the class.
        tied: Each row in that order to its place among the different scores.
        hits, alarms: Rows of the class and of the rest at or above each different score.
    """

    order: np.ndarray
    positive: np.ndarray
    tied: np.ndarray
    hits: np.ndarray
    alarms: np.ndarray

    @property
    def n_positive(self) -> int:
        return int(self.hits[-1])

    @property
    def n_negative(self) -> int:
        return int(self.alarms[-1])


def ranked(positive: np.ndarray, scores: np.ndarray) -> Ranked | None:
    """Sort once for everything below; None when one side has no rows."""
    import numpy as np

    if positive.all() or not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    scores, positive = scores[order], positive[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    tied = np.zeros(len(scores), dtype=np.int64)
    tied[last[:-1] + 1] = 1
    hits = np.cumsum(positive, dtype=np.int64)[last]
    return Ranked(order, positive, np.cumsum(tied), hits, last + 1 - hits)


def roc_auc(found: Ranked) -> float:
    """Area under the ROC curve by the trapezoidal rule, as `sklearn.metrics.roc_auc_score`."""
    import numpy as np

    wide = np.diff(found.alarms, prepend=0)
    tall = found.hits - np.diff(found.hits, prepend=0) / 2
    return float((wide * tall).sum() / found.n_positive / found.n_negative)


def roc_influence(found: Ranked) -> np.ndarray:
    """Each row's influence on the area, `(n_rows,)`; their mean square is DeLong's variance × n."""
    import numpy as np

    n = len(found.order)
    below = found.n_negative - found.alarms + np.diff(found.alarms, prepend=0) / 2
    above = found.hits - np.diff(found.hits, prepend=0) / 2
    area = roc_auc(found)
    influence = np.empty(n)
    influence[found.order] = np.where(
        found.positive,
        (below[found.tied] / found.n_negative - area) * n / found.n_positive,
        (above[found.tied] / found.n_positive - area) * n / found.n_negative,
    )
    return influence


def average_precision(found: Ranked) -> float:
    """Sum of precision over steps of recall, as `sklearn.metrics.average_precision_score`."""
    import numpy as np

    precision = found.hits / (found.hits + found.alarms)
    return float((np.diff(found.hits, prepend=0) * precision).sum() / found.n_positive)


def precision_influence(found: Ranked) -> np.ndarray:
    """Each row's influence on the average precision, `(n_rows,)`.

    With S(t) the share of all rows at or above t and P(t) the precision there, a row of score s
    moves the mean of P over the class by its own P(s), and P(t) of every t at or below s by
    (y − P(t)) / (n S(t)).

    Source: the derivative of the definition; Hampel (1974), JASA 69, 383–393.
    """
    import numpy as np

    n, n_positive = len(found.order), found.n_positive
    above = found.hits + found.alarms
    precision = found.hits / above
    new = np.diff(found.hits, prepend=0)
    weight = new * n / above
    gain = np.cumsum(weight[::-1])[::-1]
    loss = np.cumsum((weight * precision)[::-1])[::-1]
    own = (precision - average_precision(found)) * n
    influence = np.empty(n)
    influence[found.order] = (
        found.positive * (own + gain)[found.tied] - loss[found.tied]
    ) / n_positive
    return influence


def roc_curve(found: Ranked, name: str) -> Curve:
    """False positive rate to true positive rate, from (0, 0) to (1, 1)."""
    import numpy as np

    x = np.append(0.0, found.alarms / found.n_negative)
    y = np.append(0.0, found.hits / found.n_positive)
    return thinned(name, x, y, roc_auc(found))


def precision_recall_curve(found: Ranked, name: str) -> Curve:
    """Recall to precision, from the highest score to all rows of the class."""
    import numpy as np

    enough = int(np.searchsorted(found.hits, found.n_positive)) + 1
    hits, alarms = found.hits[:enough], found.alarms[:enough]
    precision = hits / (hits + alarms)
    x = np.append(0.0, hits / found.n_positive)
    return thinned(name, x, np.append(precision[0], precision), average_precision(found))


def thinned(name: str, x: np.ndarray, y: np.ndarray, area: float) -> Curve:
    """At most 200 of the points: no point of a straight run, and the rest evenly along the line."""
    import numpy as np

    along, up = np.diff(x), np.diff(y)
    bends = np.abs(along[:-1] * up[1:] - along[1:] * up[:-1]) > 1e-15
    keep = np.concatenate([[True], bends, [True]])
    x, y = x[keep], y[keep]
    if len(x) > MAX_POINTS:
        way = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        chosen = np.unique(np.searchsorted(way, np.linspace(0, way[-1], MAX_POINTS)))
        chosen = np.minimum(chosen, len(x) - 1)
        x, y = x[chosen], y[chosen]
    return Curve(name, tuple(x.tolist()), tuple(y.tolist()), area)

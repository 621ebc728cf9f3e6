"""The main metrics within each value of the column of slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.evaluation import Measured, Slice
from registry.judging import intervals, labels, ranking, regression, shares
from registry.judging.contract import Answers, Truth

if TYPE_CHECKING:
    import numpy as np

MAX_SLICES = 50
_REPLICATES, _BLOCKS = 500, 500
_NUMBERS = frozenset({"root_mean_squared_error", "mean_absolute_error", "r2_score"})


def sliced(truth: Truth, answers: Answers) -> tuple[Slice, ...]:
    """Up to 50 slices, those with most rows first."""
    import numpy as np

    if truth.slices is None:
        return ()
    order = np.argsort(truth.slices, kind="stable")
    codes, starts, counts = np.unique(truth.slices[order], return_index=True, return_counts=True)
    found: list[Slice] = []
    for i in np.argsort(-counts, kind="stable"):
        if codes[i] >= 0 and len(found) < MAX_SLICES:
            rows = order[starts[i] : starts[i] + counts[i]]
            value = truth.slice_values[codes[i]]
            found.append(Slice(value, int(counts[i]), tuple(_measured(truth, answers, rows))))
    return tuple(found)


def _measured(truth: Truth, answers: Answers, rows: np.ndarray) -> list[Measured]:
    actual, predicted = truth.target[rows], answers.values[rows]
    if truth.task == "regression":
        return regression.measured(
            actual, predicted, only=_NUMBERS, most=_BLOCKS, replicates=_REPLICATES
        )
    binary = len(truth.classes) == 2
    only = frozenset({"accuracy_score", "f1_score" if binary else "f1_macro"})
    cells = labels.cells(actual, predicted, len(truth.classes))
    found = labels.measured(cells, only=only, replicates=_REPLICATES)
    scores = shares.of_class(truth, answers, 1) if binary else None
    if scores is not None and (ranked := ranking.ranked(actual == 1, scores[rows])):
        area = ranking.roc_auc(ranked)
        interval = intervals.of_area(area, ranking.roc_influence(ranked))
        found.append(Measured("roc_auc", area, *interval, higher_is_better=True))
    return found

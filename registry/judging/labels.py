"""Metrics that the confusion matrix decides, and the matrix itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.evaluation import Measured
from registry.judging import intervals

if TYPE_CHECKING:
    import numpy as np

MAX_SHOWN = 30
OTHER = "other"
_MAX_CELLS, _MAX_DENSE = 5000, 1_000_000


@dataclass(frozen=True)
class Cells:
    """The cells of a confusion matrix that hold rows: actual, predicted and count of each."""

    actual: np.ndarray
    predicted: np.ndarray
    counts: np.ndarray
    n_classes: int


def cells(actual: np.ndarray, predicted: np.ndarray, n_classes: int) -> Cells:
    """Count pairs of codes; with thousands of classes most of the matrix is empty."""
    import numpy as np

    codes = actual.astype(np.int64) * n_classes + predicted
    if n_classes**2 <= _MAX_DENSE:
        all_counts = np.bincount(codes, minlength=n_classes**2)
        places = np.flatnonzero(all_counts)
        counts = all_counts[places]
    else:
        places, counts = np.unique(codes, return_counts=True)
    return Cells(places // n_classes, places % n_classes, counts, n_classes)


def measured(
    found: Cells, *, only: frozenset[str] | None = None, replicates: int = intervals.REPLICATES
) -> list[Measured]:
    """The metrics by scikit-learn, of the cells weighted by their rows, with intervals.

    Precision, recall and F1 are of the second class when there are two, and averaged over the
    classes in any case (`_macro`).

    Interval: accuracy by Wilson's; the others by bootstrap, where drawing rows again is drawing
    from a multinomial over the cells. None where every resample gives the same.
    """
    values = {n: v for n, v in _values(found).items() if only is None or n in only}
    right = int(found.counts[found.actual == found.predicted].sum())
    n_rows = int(found.counts.sum())
    ranges = {"accuracy_score": intervals.of_share(right, n_rows)}
    rest = [name for name in values if name not in ranges]
    if rest and n_rows >= intervals.FEWEST and len(found.counts) <= _MAX_CELLS:
        ranges |= _bootstrapped(found, {name: values[name] for name in rest}, replicates)
    return [
        Measured(name, value, *ranges.get(name, intervals.NONE), higher_is_better=True)
        for name, value in values.items()
    ]


def _values(found: Cells) -> dict[str, float]:
    """Name to value; what is undefined for these rows is left out."""
    from sklearn import metrics

    pair = (found.actual, found.predicted)
    weigh = {"sample_weight": found.counts}
    kinds = set(found.actual.tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels that no row has: said by the matrix
        values = {"accuracy_score": metrics.accuracy_score(*pair, **weigh)}
        values["balanced_accuracy"] = metrics.balanced_accuracy_score(*pair, **weigh)
        named = ("precision", "recall", "f1")
        if found.n_classes == 2 and 1 in kinds:
            one = metrics.precision_recall_fscore_support(
                *pair, average="binary", pos_label=1, zero_division=0, **weigh
            )
            values |= {f"{name}_score": one[i] for i, name in enumerate(named)}
        macro = metrics.precision_recall_fscore_support(
            *pair, average="macro", zero_division=0, **weigh
        )
        values |= {f"{name}_macro": macro[i] for i, name in enumerate(named)}
        if len(kinds) > 1:
            values["matthews_corrcoef"] = metrics.matthews_corrcoef(*pair, **weigh)
    return {name: float(value) for name, value in values.items()}


def _bootstrapped(
    found: Cells, values: dict[str, float], replicates: int
) -> dict[str, intervals.Interval]:
    import numpy as np

    n_rows, n_cells = int(found.counts.sum()), len(found.counts)
    rng = np.random.default_rng(n_rows)
    drawn = rng.multinomial(n_rows, found.counts / n_rows, size=replicates)
    resamples = statistics(found, drawn)
    # leaving out a row is the same for all rows of a cell
    few = n_cells <= 1000
    left_out = statistics(found, found.counts - np.eye(n_cells, dtype=np.int64)) if few else {}
    empty = np.empty(0)
    return {
        name: intervals.bca(
            value, resamples[name], left_out.get(name, empty), found.counts if few else None
        )
        for name, value in values.items()
    }


def statistics(found: Cells, counts: np.ndarray) -> dict[str, np.ndarray]:
    """The same metrics for many matrices at once; `counts` is `(n_matrices, n_cells)`.

    NaN where scikit-learn calls it undefined. Classes without a row and an answer are not
    averaged over, as scikit-learn does not know them either.
    """
    import numpy as np

    present = np.unique(np.concatenate([found.actual, found.predicted]))
    counts = counts.astype(np.float64)
    side = np.arange(len(present))
    is_actual = (np.searchsorted(present, found.actual)[:, None] == side).astype(np.float64)
    is_given = (np.searchsorted(present, found.predicted)[:, None] == side).astype(np.float64)
    hits, actual, given = counts @ (is_actual * is_given), counts @ is_actual, counts @ is_given
    total = counts.sum(axis=1)

    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        answer: np.ndarray = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
        return answer

    per_class = {
        "precision": share(hits, given),
        "recall": share(hits, actual),
        "f1": share(2 * hits, actual + given),
    }
    known = (actual + given) > 0
    answers = {f"{n}_macro": share((v * known).sum(1), known.sum(1)) for n, v in per_class.items()}
    answers["balanced_accuracy"] = share(per_class["recall"].sum(1), (actual > 0).sum(1))
    if found.n_classes == 2 and present[-1] == 1:
        answers |= {f"{name}_score": values[:, -1] for name, values in per_class.items()}
    agreed = hits.sum(axis=1) * total - (actual * given).sum(axis=1)
    spread = (total**2 - (actual**2).sum(1)) * (total**2 - (given**2).sum(1))
    answers["matthews_corrcoef"] = share(agreed, np.sqrt(np.maximum(spread, 0)))
    return answers


def matrix(
    found: Cells, classes: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Names and counts of the confusion matrix, rows by actual class.

    Beyond 30 classes those with most rows keep their places and the rest is one, named "other";
    the answers have no say in it, so that all versions show the same classes.
    """
    import numpy as np

    n = found.n_classes
    by_class = np.bincount(found.actual, weights=found.counts, minlength=n)
    kept = np.arange(n)
    names = tuple(classes)
    if n > MAX_SHOWN:
        kept = np.sort(np.argsort(-by_class, kind="stable")[:MAX_SHOWN])
        names = (*(classes[i] for i in kept), OTHER)
    place = np.full(n, len(kept))
    place[kept] = np.arange(len(kept))
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (place[found.actual], place[found.predicted]), found.counts)
    return names, tuple(tuple(row) for row in counts.tolist())

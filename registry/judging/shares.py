"""Metrics and curves of the probabilities that a classifier gives."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.evaluation import Curve, Measured
from registry.judging import intervals, ranking
from registry.judging.contract import Answers, Truth

if TYPE_CHECKING:
    import numpy as np

MAX_CURVES, BINS = 10, 10
_OFF = 1e-3  # how far a sum of probabilities may lie from 1


@dataclass
class Shown:
    """What the probabilities of one version give."""

    metrics: list[Measured] = field(default_factory=list)
    roc: list[Curve] = field(default_factory=list)
    precision_recall: list[Curve] = field(default_factory=list)
    calibration: list[Curve] = field(default_factory=list)


def judged(truth: Truth, answers: Answers) -> Shown:
    """Areas and curves of each class against the rest, and losses where they are probabilities.

    With two classes all of it is about the second one. With more, curves are of the 10 most
    frequent classes, ROC also of the average, and areas are averaged over all classes; that
    average is left out when the rows and the model know different classes, as scikit-learn
    refuses it too.
    """
    shown = Shown()
    if answers.shares is not None and answers.shares.size:
        _areas(truth, answers, shown)
        if probable(answers):
            _losses(truth, answers, shown)
            _calibrate(truth, answers, shown)
    return shown


def probable(answers: Answers) -> bool:
    """Whether the shares are probabilities: none outside 0 to 1, and each row sums up to 1."""
    import numpy as np

    shares = answers.shares
    if shares is None or shares.min() < -_OFF or shares.max() > 1 + _OFF:
        return False
    one_of_two = shares.shape[1] == 1
    return one_of_two or bool(np.abs(shares.sum(axis=1, dtype=np.float64) - 1).max() <= _OFF)


def of_class(truth: Truth, answers: Answers, code: int) -> np.ndarray | None:
    """The scores of one class as float64; None when the shares say nothing of it."""
    import numpy as np

    if answers.shares is None:
        return None
    if code in answers.share_classes:
        column = answers.shares[:, answers.share_classes.index(code)]
        return np.asarray(column, dtype=np.float64)
    if len(truth.classes) == 2 and len(answers.share_classes) == 1:
        return 1 - answers.shares[:, 0].astype(np.float64)
    return None


def _areas(truth: Truth, answers: Answers, shown: Shown) -> None:
    import numpy as np

    counts = np.bincount(truth.target, minlength=len(truth.classes))
    there = set(np.flatnonzero(counts).tolist())
    binary = len(truth.classes) == 2
    frequent = [1] if binary else np.argsort(-counts, kind="stable").tolist()
    whole = binary or there == set(answers.share_classes)
    drawn = frequent[:MAX_CURVES]
    areas: dict[str, list[float]] = {"roc_auc": [], "average_precision": []}
    influences = {name: np.zeros(len(truth.target)) for name in areas}
    for code in sorted(frequent if whole else drawn):
        scores = of_class(truth, answers, code)
        found = None if scores is None else ranking.ranked(truth.target == code, scores)
        if found is None:
            continue
        areas["roc_auc"].append(ranking.roc_auc(found))
        areas["average_precision"].append(ranking.average_precision(found))
        influences["roc_auc"] += ranking.roc_influence(found)
        influences["average_precision"] += ranking.precision_influence(found)
        if code in drawn:
            name = truth.classes[code]
            shown.roc.append(ranking.roc_curve(found, name))
            shown.precision_recall.append(ranking.precision_recall_curve(found, name))
    for name, of_classes in areas.items():
        if whole and of_classes:
            area = math.fsum(of_classes) / len(of_classes)
            influence = influences[name] / len(of_classes)
            shown.metrics.append(
                Measured(name, area, *intervals.of_area(area, influence), higher_is_better=True)
            )
    if whole and len(shown.roc) == len(areas["roc_auc"]) > 1:
        shown.roc.append(_average(shown.roc, shown.metrics[0].value))


def _average(curves: list[Curve], area: float) -> Curve:
    """Mean true positive rate of the classes at equal false positive rates."""
    import numpy as np

    x = np.unique(np.concatenate([np.linspace(0, 1, ranking.MAX_POINTS), *(c.x for c in curves)]))
    y = np.mean([np.interp(x, c.x, c.y) for c in curves], axis=0)
    return ranking.thinned("", np.append(0.0, x), np.append(0.0, y), area)


def _losses(truth: Truth, answers: Answers, shown: Shown) -> None:
    """Log loss and Brier score; left out when the model knows no share of some row's class."""
    import numpy as np

    losses = row_losses(truth, answers)
    if losses is None:
        return
    for name, column in losses.items():
        interval = intervals.of_ratio(column)
        shown.metrics.append(
            Measured(name, float(np.mean(column)), *interval, higher_is_better=False)
        )


def row_losses(truth: Truth, answers: Answers) -> dict[str, np.ndarray] | None:
    """`log_loss` and `brier_score_loss` of each row, as scikit-learn averages them.

    Written out because scikit-learn's functions copy the probabilities several times over.
    """
    import numpy as np

    shares = answers.shares
    if shares is None:
        return None
    if len(truth.classes) == 2:
        second = of_class(truth, answers, 1)
        if second is None:
            return None
        given = np.where(truth.target == 1, second, 1 - second)
        brier = np.square(1 - given)
    else:
        place = np.full(len(truth.classes), -1)
        place[list(answers.share_classes)] = np.arange(len(answers.share_classes))
        columns = place[truth.target]
        if columns.min() < 0:
            return None
        given = shares[np.arange(len(columns)), columns].astype(np.float64)
        squares = np.einsum("ij,ij->i", shares, shares, dtype=np.float64)
        brier = squares - 2 * given + 1
    eps = float(np.finfo(np.float64).eps)
    return {"log_loss": -np.log(np.clip(given, eps, 1 - eps)), "brier_score_loss": brier}


def _calibrate(truth: Truth, answers: Answers, shown: Shown) -> None:
    import numpy as np

    shares = answers.shares
    if len(truth.classes) == 2:
        scores, name = of_class(truth, answers, 1), truth.classes[1]
        right = truth.target == 1
    elif shares is None:
        return
    else:
        scores, name = shares.max(axis=1).astype(np.float64), ""
        right = np.asarray(answers.share_classes)[shares.argmax(axis=1)] == truth.target
    if scores is None:
        return
    curve = calibration(right, scores, name)
    shown.calibration.append(curve)
    shown.metrics.append(Measured("expected_calibration_error", curve.area, higher_is_better=False))


def calibration(right: np.ndarray, scores: np.ndarray, name: str) -> Curve:
    """Observed shares in 10 equally filled bins, as `sklearn.calibration.calibration_curve`.

    With two classes it is about the second; with more about the class each row was given.

    Source: Guo et al. (2017), "On calibration of modern neural networks", section 2.
    """
    import numpy as np

    scores = np.clip(scores, 0, 1)
    edges = np.percentile(scores, np.linspace(0, 100, BINS + 1))
    bins = np.searchsorted(edges[1:-1], scores)
    counts = np.bincount(bins, minlength=BINS)
    there = counts > 0
    given = np.bincount(bins, weights=scores, minlength=BINS)[there] / counts[there]
    seen = np.bincount(bins, weights=right, minlength=BINS)[there] / counts[there]
    error = float((np.abs(seen - given) * counts[there]).sum() / len(scores))
    return Curve(
        name, tuple(given.tolist()), tuple(seen.tolist()), error, tuple(counts[there].tolist())
    )

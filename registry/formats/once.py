"""Two questions, one computation: label and probabilities from the same scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# What predict and predict_proba of these modules both start from, and take most of their time in.
# Source: scikit-learn 1.9, linear_model/_base.py, ensemble/_hist_gradient_boosting
_SHARED = {
    "sklearn.linear_model": "decision_function",
    "sklearn.discriminant_analysis": "decision_function",
    "sklearn.ensemble": "_raw_predict",
}
# Their predict is: above zero for two classes, else the largest score. Source: as above.
_LARGEST_SCORE = ("LinearClassifierMixin.predict", "HistGradientBoostingClassifier.predict")


def label_and_shares(estimator: Any, rows: Any) -> tuple[Any, Any]:
    """What `predict` and `predict_proba` answer, equal to the last bit."""
    name = _SHARED.get(".".join(type(estimator).__module__.split(".", 2)[:2]), "")
    if not name or name in vars(estimator) or not callable(getattr(estimator, name, None)):
        shares = estimator.predict_proba(rows)
        return estimator.predict(rows), shares
    seen: list[Any] = []
    setattr(estimator, name, _remembering(getattr(estimator, name), seen))
    try:
        shares = estimator.predict_proba(rows)
        if not seen or seen[0] is not rows or not _takes_largest(estimator):
            return estimator.predict(rows), shares
    finally:
        delattr(estimator, name)
    scores = seen[1].reshape(len(shares), -1)
    best = _positive(scores[:, 0]) if scores.shape[1] == 1 else scores.argmax(axis=1)
    return estimator.classes_.take(best.astype(np.intp)), shares


def _positive(scores: np.ndarray) -> np.ndarray:
    """Which scores are above zero.

    Against an array of zeros: NumPy 2.4's comparison of one element with a single number makes the
    model's next answer a sixth slower.
    """
    above: np.ndarray = np.greater(scores, np.zeros_like(scores))
    return above


def _takes_largest(estimator: Any) -> bool:
    predict = getattr(type(estimator).predict, "__qualname__", "")
    return predict in _LARGEST_SCORE and isinstance(estimator.classes_, np.ndarray)


def _remembering(compute: Callable[..., Any], seen: list[Any]) -> Callable[..., Any]:
    """A method that keeps the rows it saw last and their scores: the list given."""

    def remembered(rows: Any, *more: Any, **named: Any) -> Any:
        if more or named:
            return compute(rows, *more, **named)
        if not seen or seen[0] is not rows:
            seen[:] = [rows, compute(rows)]
        return seen[1].copy()  # some work on in place

    return remembered

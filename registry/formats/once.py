"""Two questions, one computation: an estimator's scores are worked out once for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# What predict and predict_proba of these modules both start from, and take most of their time in.
# Source: scikit-learn 1.9, linear_model/_base.py, ensemble/_gb.py, ensemble/_hist_gradient_boosting
_SHARED = {
    "sklearn.linear_model": "decision_function",
    "sklearn.discriminant_analysis": "decision_function",
    "sklearn.ensemble": "_raw_predict",
}


@contextmanager
def scored_once(estimator: Any) -> Iterator[None]:
    """Inside, the estimator remembers the scores of the rows it has just seen.

    What it answers is what it would have answered anyway: the same code runs on the same scores.
    """
    name = _SHARED.get(".".join(type(estimator).__module__.split(".")[:2]), "")
    if not name or name in vars(estimator) or not callable(getattr(estimator, name, None)):
        yield
        return
    setattr(estimator, name, _remembering(getattr(estimator, name)))
    try:
        yield
    finally:
        delattr(estimator, name)


def _remembering(compute: Callable[..., Any]) -> Callable[..., Any]:
    seen: list[Any] = []

    def remembered(rows: Any, *more: Any, **named: Any) -> Any:
        if more or named:
            return compute(rows, *more, **named)
        if not seen or seen[0] is not rows:
            seen[:] = [rows, compute(rows)]
        return seen[1].copy()  # some work on in place

    return remembered

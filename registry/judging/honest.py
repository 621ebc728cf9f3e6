"""What can be judged at all: whole rows, finite numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import InvalidInput, PredictionFailed
from registry.judging.contract import Answers, Truth

if TYPE_CHECKING:
    import numpy as np

_MOST = 1e150
_NO_NUMBER = "NaN, infinity or a number beyond 1e150"


def check(truth: Truth, answers: Answers) -> None:
    """Refuse what no figure could be honest about.

    Raises:
        InvalidInput: There are no rows, or the target is not a number somewhere.
        PredictionFailed: The answers are of other rows, or not finite numbers.
    """
    n_rows = len(truth.target)
    if not n_rows:
        raise InvalidInput({"rows": "there are none to judge by"})
    if truth.task == "regression" and (bad := _first_bad(truth.target)):
        raise InvalidInput({"target": f"{_NO_NUMBER} in {bad}"})
    if len(answers.values) != n_rows:
        raise PredictionFailed(f"the model answered {len(answers.values):,} rows of {n_rows:,}")
    if truth.task == "regression" and (bad := _first_bad(answers.values)):
        raise PredictionFailed(f"the model answered {_NO_NUMBER} in {bad}")
    if answers.shares is None:
        return
    if answers.shares.shape != (n_rows, len(answers.share_classes)):
        raise PredictionFailed(
            f"the model gave probabilities of shape {answers.shares.shape}, "
            f"not {(n_rows, len(answers.share_classes))}"
        )
    if bad := _first_bad(answers.shares):
        raise PredictionFailed(f"the model gave {_NO_NUMBER} as a probability in {bad}")


def _first_bad(numbers: np.ndarray) -> str:
    """ "3 of 500 rows, row 17 first" of what cannot be squared and summed up, else ""."""
    import numpy as np

    if not numbers.size or (numbers.min() >= -_MOST and numbers.max() <= _MOST):
        return ""
    fine = np.abs(numbers) <= _MOST
    rows = ~(fine if fine.ndim == 1 else fine.all(axis=1))
    return f"{int(rows.sum()):,} of {len(rows):,} rows, row {int(rows.argmax()) + 1:,} first"

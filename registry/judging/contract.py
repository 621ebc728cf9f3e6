"""What is judged: the truth about the rows, and what one version answered to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.evaluation import EvaluationTask

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Truth:
    """The labelled side of the rows.

    Attributes:
        classes: Names of all labels, of the rows and of any answer, in one order; () for numbers.
        target: int32 codes into `classes`, or float64 numbers; `(n_rows,)`.
        slices: int32 codes into `slice_values` `(n_rows,)`; None without a column of slices.
    """

    task: EvaluationTask
    classes: tuple[str, ...]
    target: np.ndarray
    slices: np.ndarray | None = None
    slice_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answers:
    """What one version answered, row by row with the truth.

    Attributes:
        values: int32 codes into the truth's `classes`, or float64 numbers; `(n_rows,)`.
        shares: Probabilities `(n_rows, n_share_classes)`, float32 or float64; None without.
        share_classes: Codes of the classes that the columns of `shares` are about.
    """

    values: np.ndarray
    shares: np.ndarray | None = None
    share_classes: tuple[int, ...] = ()

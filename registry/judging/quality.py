"""Everything that is told about one version's answers."""

from __future__ import annotations

from registry.evaluation import Quality
from registry.judging import honest, labels, regression, shares, slices
from registry.judging.contract import Answers, Truth


def judge(truth: Truth, answers: Answers) -> Quality:
    """Judge answers by the truth; without `rows_per_s`, which whoever asked the model knows.

    The same rows and answers always give the same figures, the intervals included.

    Raises:
        InvalidInput: There are no rows, or the target is not a number somewhere.
        PredictionFailed: The answers are of other rows, or not finite numbers.
    """
    honest.check(truth, answers)
    if truth.task == "regression":
        return Quality(
            n_rows=len(truth.target),
            metrics=tuple(regression.measured(truth.target, answers.values)),
            residuals=regression.residuals(truth.target, answers.values),
            slices=slices.sliced(truth, answers),
        )
    cells = labels.cells(truth.target, answers.values, len(truth.classes))
    names, confusion = labels.matrix(cells, truth.classes)
    shown = shares.judged(truth, answers)
    return Quality(
        n_rows=len(truth.target),
        metrics=(*labels.measured(cells), *shown.metrics),
        classes=names,
        confusion=confusion,
        roc=tuple(shown.roc),
        precision_recall=tuple(shown.precision_recall),
        calibration=tuple(shown.calibration),
        slices=slices.sliced(truth, answers),
    )

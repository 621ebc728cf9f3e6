"""What was measured on labelled rows, as records; imported from `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from registry.inspection import Finding
from registry.schema import Field

EvaluationTask = Literal["classification", "regression"]
PairedTest = Literal["mcnemar", "wilcoxon", "bootstrap"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled rows that a person has stored; nobody else sees them.

    `target` and `task` are what the person said last, or a guess; "" when there is none.
    """

    id: str
    filename: str
    digest: str
    size_bytes: int
    n_rows: int
    columns: tuple[Field, ...]
    target: str
    task: EvaluationTask | Literal[""]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric on the rows with its 95 % confidence interval; None where there is none."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    higher_is_better: bool | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of points, thinned for drawing.

    ROC: x false positive rate, y true positive rate. Precision-recall: x recall, y precision.
    Calibration: x mean predicted probability, y observed share, `counts` rows per bin.

    Attributes:
        name: The class it is about, "" for the average over classes.
        area: Area under the exact curve (ROC AUC, average precision), or the expected calibration
            error.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    area: float
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Residuals:
    """Errors of a regression, predicted minus actual: a sample of points and a histogram.

    Attributes:
        actual, predicted: Up to 2,000 rows drawn evenly, in the order of the rows.
        edges, counts: Histogram of all residuals; one edge more than counts.
        quantiles: 5, 25, 50, 75 and 95 % of the residuals.
    """

    actual: tuple[float, ...]
    predicted: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """The metrics on those rows that have one value in the column of slices."""

    value: str
    n_rows: int
    metrics: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """How good one version's answers are.

    Attributes:
        classes: Names along both sides of `confusion`, in its order.
        confusion: Rows by actual class, columns by predicted class, counts.
    """

    n_rows: int
    metrics: tuple[Measured, ...]
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    roc: tuple[Curve, ...] = ()
    precision_recall: tuple[Curve, ...] = ()
    calibration: tuple[Curve, ...] = ()
    residuals: Residuals | None = None
    slices: tuple[Slice, ...] = ()
    rows_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One version of an evaluation; `failure` says why it has no quality."""

    version_id: str
    ref: str
    quality: Quality | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Paired:
    """Two versions on the same rows: is the difference more than chance?

    Attributes:
        base, other: Version ids; `difference` is other minus base.
        metric: `accuracy_score`, or `mean_absolute_error`.
        low, high: 95 % confidence interval of the difference.
        n_mended: Rows (labels only) that base had wrong and other has right.
        n_broken: Rows (labels only) that base had right and other has wrong.
    """

    base: str
    other: str
    test: PairedTest
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    n_mended: int = 0
    n_broken: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Several versions on the same labelled rows. It belongs to the person who asked for it.

    Attributes:
        dataset_id: None once the person has deleted the rows.
        n_rows: Rows judged; those left out are told of in `findings`.
        pairs: Every pair of versions once, in the order of `versions`.
    """

    id: str
    dataset_id: str | None
    dataset: str
    target: str
    task: EvaluationTask
    slice_by: str
    n_rows: int
    versions: tuple[Evaluated, ...]
    pairs: tuple[Paired, ...]
    created_at: datetime
    findings: tuple[Finding, ...] = ()
    state: Literal["queued", "running", "done", "failed"] = "done"
    progress: float = 1.0
    message: str = ""

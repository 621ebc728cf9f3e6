"""Named numbers of versions, each with a direction. Owns `metrics`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry.errors import InvalidInput
from registry.records import Metric
from registry.tables import MetricRow

MAX_METRICS = 200
# fmt: off
_HIGHER = frozenset({
    "accuracy", "accuracy_score", "balanced_accuracy", "f1", "f1_score", "f1_macro",
    "f1_weighted", "precision", "precision_score", "recall", "recall_score", "roc_auc",
    "roc_auc_score", "auc", "pr_auc", "average_precision", "average_precision_score", "r2",
    "r2_score", "explained_variance", "map", "ndcg", "mcc", "matthews_corrcoef", "cohen_kappa",
    "specificity", "sensitivity", "iou", "dice", "bleu", "rouge", "jaccard", "top_5_accuracy",
})
_LOWER = frozenset({
    "loss", "log_loss", "cross_entropy", "mse", "mean_squared_error", "rmse",
    "root_mean_squared_error", "mae", "mean_absolute_error", "mape",
    "mean_absolute_percentage_error", "median_absolute_error", "max_error", "brier",
    "brier_score", "brier_score_loss", "ece", "calibration_error", "perplexity", "wer", "cer",
    "hamming_loss", "latency", "latency_ms", "fpr", "fnr", "error", "error_rate",
})
# fmt: on


def direction(name: str) -> bool | None:
    """Whether higher is better for a metric of this name; None when the name says nothing.

    Prefixes such as `val_`, `test_` and `train_` are ignored.
    """
    plain = name.lower().replace(" ", "_").replace("-", "_")
    for prefix in ("validation_", "val_", "test_", "train_", "training_", "cv_"):
        plain = plain.removeprefix(prefix)
    return True if plain in _HIGHER else False if plain in _LOWER else None


def write_in(s: Session, version_id: str, metrics: Sequence[Metric]) -> None:
    """Replace a version's metrics, inside the caller's transaction.

    Raises:
        InvalidInput: A name is empty or doubled, or a value is not a finite number.
    """
    seen: set[tuple[str, str]] = set()
    if len(metrics) > MAX_METRICS:
        raise InvalidInput({"metrics": f"at most {MAX_METRICS}, got {len(metrics)}"})
    for metric in metrics:
        key = (metric.name.strip(), metric.dataset.strip())
        if not 1 <= len(key[0]) <= 100:
            raise InvalidInput({"metrics": "a metric needs a name of 1 to 100 characters"})
        if key in seen:
            raise InvalidInput({"metrics": f"{key[0]!r} is there twice for the same data set"})
        if not math.isfinite(metric.value):
            raise InvalidInput({"metrics": f"{key[0]!r} must be a finite number"})
        seen.add(key)
    s.execute(delete(MetricRow).where(MetricRow.version_id == version_id))
    for metric in metrics:
        better = metric.higher_is_better
        s.add(
            MetricRow(
                version_id=version_id,
                name=metric.name.strip(),
                dataset=metric.dataset.strip()[:100],
                value=float(metric.value),
                unit=metric.unit.strip()[:32],
                higher_is_better=direction(metric.name) if better is None else better,
            )
        )
    s.flush()


def of_versions(s: Session, version_ids: Iterable[str]) -> dict[str, tuple[Metric, ...]]:
    """Version id to its metrics, by name."""
    rows = s.execute(
        select(MetricRow)
        .where(MetricRow.version_id.in_(list(version_ids)))
        .order_by(MetricRow.name, MetricRow.dataset)
    ).scalars()
    found: dict[str, list[Metric]] = defaultdict(list)
    for row in rows:
        found[row.version_id].append(
            Metric(row.name, row.value, row.unit, row.dataset, row.higher_is_better)
        )
    return {version_id: tuple(metrics) for version_id, metrics in found.items()}

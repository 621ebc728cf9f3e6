"""Named numbers of versions, each with a direction and a source. Owns `metrics`."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit, models, references
from registry.core import Registry
from registry.errors import InvalidInput, NotFound
from registry.records import Actor, Metric, MetricSource
from registry.tables import MetricRow, ModelRow, VersionRow, now

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


def log(
    reg: Registry,
    actor: Actor,
    ref: str,
    metrics: Mapping[str, float] | Sequence[Metric],
    dataset: str = "",
) -> tuple[Metric, ...]:
    """Add metrics to a version, or replace those of the same name and data set.

    Args:
        metrics: Name to value, or whole records; their source becomes "logged".
        dataset: Of the metrics that name none themselves.

    Returns:
        All metrics of the version.

    Raises:
        InvalidInput: A name is empty or doubled, or a value is not a finite number.
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit it.
    """
    listed = (
        [Metric(name, value) for name, value in metrics.items()]
        if isinstance(metrics, Mapping)
        else metrics
    )
    given = [replace(m, dataset=m.dataset or dataset, source="logged") for m in listed]
    with reg.writing() as s:
        model, version = references.for_action(s, actor, "version.edit", ref)
        add_in(s, version.id, given)
        model.updated_at = now()
        names = [metric.name for metric in given]
        _record_audit(s, actor, "metrics.log", model, version, names=names, dataset=dataset)
        return of_versions(s, [version.id]).get(version.id, ())


def remove(reg: Registry, actor: Actor, ref: str, metric: str, dataset: str = "") -> None:
    """Take one metric off a version, whatever its source.

    Raises:
        NotFound: No such metric or version, or the actor may not see it.
        Forbidden: The actor may not edit it.
    """
    with reg.writing() as s:
        model, version = references.for_action(s, actor, "version.edit", ref)
        row = s.get(MetricRow, (version.id, metric, dataset))
        if row is None:
            on = f" on {dataset!r}" if dataset else ""
            raise NotFound(f"this version has no metric {metric!r}{on}")
        s.delete(row)
        model.updated_at = now()
        _record_audit(s, actor, "metrics.remove", model, version, name=metric, dataset=dataset)


def set_primary(
    reg: Registry, actor: Actor, ref: str, metric: str, higher_is_better: bool | None = None
) -> None:
    """Make a metric the one by which a model is judged in lists and charts.

    Args:
        higher_is_better: Which way is better, for this metric of all its versions, also later
            ones; None leaves that as it is.

    Raises:
        InvalidInput: No version of the model has that metric.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not edit it.
    """
    with reg.writing() as s:
        model = models.for_action(s, actor, "model.edit", ref)
        rows = s.execute(
            select(MetricRow)
            .join(VersionRow, VersionRow.id == MetricRow.version_id)
            .where(VersionRow.model_id == model.id, MetricRow.name == metric)
        ).scalars()
        found = list(rows)
        if not found:
            raise InvalidInput({"metric": f"no version of this model has a metric {metric!r}"})
        for row in found if higher_is_better is not None else ():
            row.higher_is_better = higher_is_better
        model.primary_metric, model.updated_at = metric, now()
        subject = models.address(s, model)
        audit.record(s, actor, "metrics.set_primary", subject, model_id=model.id, name=metric)


def write_in(s: Session, version_id: str, metrics: Sequence[Metric]) -> None:
    """Make these the metrics that people gave, inside the caller's transaction.

    What evaluations measured stays as it is, and is never made here: a metric is from a file or
    logged while it is given with that source, otherwise typed.

    Raises:
        InvalidInput: A name is empty or doubled, or a value is not a finite number; or it was
            measured by an evaluation.
    """
    kept: dict[tuple[str, str], MetricRow] = {}
    given = {_key(metric): metric for metric in metrics}
    rows = s.execute(select(MetricRow).where(MetricRow.version_id == version_id)).scalars().all()
    for row in rows:
        if row.source == "evaluation":
            kept[row.name, row.dataset] = row
        elif (row.name, row.dataset) not in given:
            s.delete(row)
    said = []
    for metric in metrics:
        measured = kept.get(_key(metric))
        if measured is None:
            said.append(
                replace(metric, source="typed") if metric.source == "evaluation" else metric
            )
        elif measured.value != metric.value:
            what = f"{measured.name!r} was measured by an evaluation"
            raise InvalidInput({"metrics": f"{what}: remove it, or name another data set"})
    add_in(s, version_id, said)


def add_in(s: Session, version_id: str, metrics: Sequence[Metric]) -> None:
    """Add metrics, or replace those of the same name and data set, in the caller's transaction.

    The source is taken as given. A model without a primary metric gets its first.

    Raises:
        InvalidInput: A name is empty or doubled, or a value is not a finite number.
    """
    _refuse(metrics)
    version = s.get_one(VersionRow, version_id)
    known = _directions(s, version.model_id)
    for metric in metrics:
        name, dataset = _key(metric)
        row = s.get(MetricRow, (version_id, name, dataset))
        if row is None:
            row = MetricRow(version_id=version_id, name=name, dataset=dataset)
            s.add(row)
        better = metric.higher_is_better
        row.value, row.unit, row.source = (
            float(metric.value),
            metric.unit.strip()[:32],
            metric.source,
        )
        row.higher_is_better = known.get(name, direction(name)) if better is None else better
    s.flush()
    total = s.execute(select(func.count()).where(MetricRow.version_id == version_id)).scalar_one()
    if total > MAX_METRICS:
        raise InvalidInput({"metrics": f"a version has at most {MAX_METRICS}, this makes {total}"})
    model = s.get_one(ModelRow, version.model_id)
    if metrics and not model.primary_metric:
        model.primary_metric = _first(metrics)


def of_versions(s: Session, version_ids: Iterable[str]) -> dict[str, tuple[Metric, ...]]:
    """Version id to its metrics, by name."""
    rows = s.execute(
        select(MetricRow)
        .where(MetricRow.version_id.in_(list(version_ids)))
        .order_by(MetricRow.name, MetricRow.dataset)
    ).scalars()
    found: dict[str, list[Metric]] = defaultdict(list)
    for row in rows:
        source = cast("MetricSource", row.source)
        found[row.version_id].append(
            Metric(row.name, row.value, row.unit, row.dataset, row.higher_is_better, source)
        )
    return {version_id: tuple(metrics) for version_id, metrics in found.items()}


def _key(metric: Metric) -> tuple[str, str]:
    return metric.name.strip(), metric.dataset.strip()[:100]


def _first(metrics: Sequence[Metric]) -> str:
    """The name by which a model is judged when nobody chose: the first with a direction."""
    names = [metric.name.strip() for metric in metrics]
    return next((name for name in names if direction(name) is not None), names[0])


def _directions(s: Session, model_id: str) -> dict[str, bool]:
    """Which way is better for each metric of a model, as its versions have it so far."""
    rows = s.execute(
        select(MetricRow.name, MetricRow.higher_is_better)
        .join(VersionRow, VersionRow.id == MetricRow.version_id)
        .where(VersionRow.model_id == model_id, MetricRow.higher_is_better.is_not(None))
        .order_by(VersionRow.number)
    )
    return {name: better for name, better in rows if better is not None}


def _refuse(metrics: Sequence[Metric]) -> None:
    """Say what is wrong with metrics somebody gives."""
    seen: set[tuple[str, str]] = set()
    for metric in metrics:
        key = _key(metric)
        if not 1 <= len(key[0]) <= 100:
            raise InvalidInput({"metrics": "a metric needs a name of 1 to 100 characters"})
        if key in seen:
            raise InvalidInput({"metrics": f"{key[0]!r} is there twice for the same data set"})
        if isinstance(metric.value, bool | str) or not math.isfinite(metric.value):
            raise InvalidInput({"metrics": f"{key[0]!r} must be a finite number"})
        seen.add(key)


def _record_audit(
    s: Session, actor: Actor, action: str, model: ModelRow, version: VersionRow, **detail: object
) -> None:
    subject = f"{models.address(s, model)}@{version.number}"
    audit.record(s, actor, action, subject, model_id=model.id, **detail)

"""What the parts of an evaluation's page share: the base, the order, short names and colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from pages.parts import charts, text
from registry.records import Evaluated, Evaluation, Measured, Paired, Quality

MAIN = {
    "classification": (
        "accuracy_score",
        "f1_score",
        "f1_macro",
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier_score_loss",
    ),
    "regression": (
        "root_mean_squared_error",
        "mean_absolute_error",
        "r2_score",
        "median_absolute_error",
    ),
}
"""The metrics shown first and drawn, by task."""

_WORDS = {
    "accuracy_score": "accuracy",
    "f1_score": "F1",
    "f1_macro": "F1, macro",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier_score_loss": "Brier score",
    "matthews_corrcoef": "Matthews correlation",
    "r2_score": "R²",
    "precision_score": "precision",
    "recall_score": "recall",
    "precision_macro": "precision, macro",
    "recall_macro": "recall, macro",
}


def words(metric: str) -> str:
    """A metric's name as people say it: "root mean squared error", "ROC AUC"."""
    return _WORDS.get(metric, metric.replace("_", " "))


@dataclass(frozen=True)
class Judged:
    """One version that has figures, as the page shows it."""

    id: str
    ref: str
    name: str
    colour: str
    quality: Quality

    def metric(self, name: str) -> Measured | None:
        return next((m for m in self.quality.metrics if m.name == name), None)


@dataclass(frozen=True)
class View:
    """An evaluation as seen from one of its versions, the base."""

    actor_id: str
    evaluation: Evaluation
    base_ref: str

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """The versions with figures, the base first, then as they were named."""
        able = [one for one in self.evaluation.versions if one.quality]
        able.sort(key=lambda one: one.ref != self.base_ref)
        names = short_names(self.evaluation)
        return tuple(
            Judged(one.version_id, one.ref, names[one.ref], charts.colour(i), one.quality)
            for i, one in enumerate(able)
            if one.quality
        )

    @property
    def base(self) -> Judged:
        return self.judged[0]

    @property
    def failed(self) -> tuple[Evaluated, ...]:
        return tuple(one for one in self.evaluation.versions if not one.quality)

    def pair(self, other: Judged) -> Paired | None:
        """The paired test of a version against the base, the difference seen from the base."""
        for found in self.evaluation.pairs:
            if (found.base, found.other) == (self.base.id, other.id):
                return found
            if (found.other, found.base) == (self.base.id, other.id):
                return _turned(found)
        return None

    def metrics(self) -> list[str]:
        """Names of all metrics, the main ones first."""
        main = MAIN[self.evaluation.task]
        names = dict.fromkeys(m.name for one in self.judged for m in one.quality.metrics)
        return [n for n in main if n in names] + [n for n in names if n not in main]

    @property
    def headline(self) -> str:
        """The metric that the paired tests are about."""
        labels = self.evaluation.task == "classification"
        return "accuracy_score" if labels else "mean_absolute_error"


def _turned(pair: Paired) -> Paired:
    return replace(
        pair,
        base=pair.other,
        other=pair.base,
        difference=-pair.difference,
        low=-pair.high,
        high=-pair.low,
        n_mended=pair.n_broken,
        n_broken=pair.n_mended,
    )


def short_names(evaluation: Evaluation) -> dict[str, str]:
    """Ref to v3 when all are of one model, else slug v3, else owner/slug v3."""
    split = {one.ref: one.ref.rpartition("@") for one in evaluation.versions}
    models = {model for model, _, _ in split.values()}
    slugs = {model.rpartition("/")[2] for model in models}
    named = {}
    for ref, (model, _, number) in split.items():
        slug = model.rpartition("/")[2] if len(slugs) == len(models) else model
        name = f"v{number}" if len(models) == 1 else f"{slug} v{number}"
        named[ref] = text.clean(name, 60)
    return named


def interval(measured: Measured | Paired) -> str:
    """0.921 to 0.965, never broken over lines; "" without one."""
    if measured.low is None or measured.high is None:
        return ""
    said = f"{text.number(measured.low, 3)}\u00a0to\u00a0{text.number(measured.high, 3)}"
    return said.replace("-", "−")


def p_value(p: float) -> str:
    """p = 0.03, p < 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {text.number(p, 2)}"

"""Every number is scikit-learn's or SciPy's own, to 1e-9."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats
from sklearn import calibration, metrics

from registry.evaluation import Quality
from registry.judging import judge, pair, ranking
from registry.judging import labels as matrices
from registry.judging.contract import Answers, Truth
from tests.registry.judging.conftest import Drawn

Draw = Callable[..., Drawn]


def _values(quality: Quality) -> dict[str, float]:
    return {metric.name: metric.value for metric in quality.metrics}


def _of_labels(truth: Truth, answers: Answers) -> dict[str, float]:
    """By scikit-learn, row by row."""
    y, given, shares = truth.target, answers.values, answers.shares
    binary = len(truth.classes) == 2
    macro = metrics.precision_recall_fscore_support(y, given, average="macro")
    expected = {
        "accuracy_score": metrics.accuracy_score(y, given),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, given),
        "precision_macro": macro[0],
        "recall_macro": macro[1],
        "f1_macro": macro[2],
        "matthews_corrcoef": metrics.matthews_corrcoef(y, given),
        "roc_auc": metrics.roc_auc_score(y, shares[:, 1] if binary else shares, multi_class="ovr"),
        "average_precision": metrics.average_precision_score(y, shares[:, 1] if binary else shares),
        "log_loss": metrics.log_loss(y, y_proba=shares),
        "brier_score_loss": metrics.brier_score_loss(y, shares),
    }
    if binary:
        expected["precision_score"] = metrics.precision_score(y, given)
        expected["recall_score"] = metrics.recall_score(y, given)
        expected["f1_score"] = metrics.f1_score(y, given)
    return expected


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_metrics_of_labels_are_those_of_sklearn(
    labels: Draw, n_classes: int, seed: int
) -> None:
    truth, answers = labels(400, n_classes, seed)
    found = _values(judge(truth, answers))
    found.pop("expected_calibration_error")
    assert found == pytest.approx(_of_labels(truth, answers), abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_metrics_of_numbers_are_those_of_sklearn(numbers: Draw, seed: int) -> None:
    truth, answers = numbers(500, seed)
    y, given = truth.target, answers.values
    expected = {
        "root_mean_squared_error": metrics.root_mean_squared_error(y, given),
        "mean_absolute_error": metrics.mean_absolute_error(y, given),
        "median_absolute_error": metrics.median_absolute_error(y, given),
        "max_error": metrics.max_error(y, given),
        "r2_score": metrics.r2_score(y, given),
        "explained_variance": metrics.explained_variance_score(y, given),
        "mean_absolute_percentage_error": metrics.mean_absolute_percentage_error(y, given),
    }
    assert _values(judge(truth, answers)) == pytest.approx(expected, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("task", ["labels", "numbers"])
def test_a_slice_is_judged_as_its_rows_alone(labels: Draw, numbers: Draw, task: str) -> None:
    truth, answers = labels(900, 2) if task == "labels" else numbers(900)
    found = {one.value: one for one in judge(truth, answers).slices}
    for code, value in enumerate(truth.slice_values):
        rows = truth.slices == code
        shares = None if answers.shares is None else answers.shares[rows]
        alone = _values(
            judge(
                Truth(truth.task, truth.classes, truth.target[rows]),
                Answers(answers.values[rows], shares, answers.share_classes),
            )
        )
        assert found[value].n_rows == rows.sum()
        for metric in found[value].metrics:
            assert metric.value == pytest.approx(alone[metric.name], abs=1e-9)


def test_the_confusion_matrix_is_that_of_sklearn(labels: Draw) -> None:
    truth, answers = labels(400, 5)
    expected = metrics.confusion_matrix(truth.target, answers.values)
    assert np.array_equal(judge(truth, answers).confusion, expected)


def test_the_points_of_the_curves_are_those_of_sklearn(labels: Draw) -> None:
    truth, answers = labels(120, 2)
    scores = answers.shares[:, 1]
    quality = judge(truth, answers)
    x, y, _ = metrics.roc_curve(truth.target, scores, drop_intermediate=False)
    assert _points(quality.roc[0].x, quality.roc[0].y) <= _points(x, y)
    up = np.diff(x, append=1.1) > 1e-9  # the topmost of points above each other
    on_line = np.interp(x[up], quality.roc[0].x, quality.roc[0].y)
    assert on_line == pytest.approx(y[up], abs=1e-9)
    y, x, _ = metrics.precision_recall_curve(truth.target, scores)
    ours = quality.precision_recall[0]
    assert _points(ours.x[1:], ours.y[1:]) <= _points(x, y)
    assert len(ours.x) > 0.5 * len(x)


def _points(x: Sequence[float], y: Sequence[float]) -> set[tuple[float, float]]:
    return set(zip(np.round(x, 9).tolist(), np.round(y, 9).tolist(), strict=True))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_calibration_is_that_of_sklearn(labels: Draw, n_classes: int) -> None:
    truth, answers = labels(300, n_classes)
    right, scores = truth.target == 1, answers.shares[:, 1]
    if n_classes > 2:
        right, scores = answers.values == truth.target, answers.shares.max(axis=1)
    seen, given = calibration.calibration_curve(right, scores, n_bins=10, strategy="quantile")
    (curve,) = judge(truth, answers).calibration
    assert curve.x == pytest.approx(given.tolist(), abs=1e-9)
    assert curve.y == pytest.approx(seen.tolist(), abs=1e-9)
    assert sum(curve.counts) == 300


def test_a_matrix_drawn_again_has_the_metrics_of_sklearn(labels: Draw) -> None:
    truth, answers = labels(60, 4)
    found = judging_cells(truth, answers)
    drawn = np.random.default_rng(1).multinomial(60, found.counts / 60, size=20)
    ours = matrices.statistics(found, drawn)
    for i, counts in enumerate(drawn):
        y, given = np.repeat(found.actual, counts), np.repeat(found.predicted, counts)
        macro = metrics.f1_score(y, given, average="macro", zero_division=0)
        assert ours["f1_macro"][i] == pytest.approx(macro, abs=1e-9)
        expected = metrics.matthews_corrcoef(y, given)
        assert ours["matthews_corrcoef"][i] == pytest.approx(expected, abs=1e-9)


def judging_cells(truth: Truth, answers: Answers) -> matrices.Cells:
    return matrices.cells(truth.target, answers.values, len(truth.classes))


def test_the_variance_of_the_roc_area_is_delongs(labels: Draw) -> None:
    truth, answers = labels(150, 2)
    positive, scores = truth.target == 1, answers.shares[:, 1]
    ours = ranking.roc_influence(ranking.ranked(positive, scores))
    above = scores[positive][:, None] - scores[~positive]
    placed = (above > 0) + (above == 0) / 2
    m, n = placed.shape
    centred = np.var(placed.mean(axis=1)) / m + np.var(placed.mean(axis=0)) / n
    assert np.square(ours).sum() / 150**2 == pytest.approx(centred, abs=1e-12)


def test_the_influence_on_average_precision_is_its_change_without_a_row(labels: Draw) -> None:
    truth, answers = labels(2000, 2)
    positive, scores = truth.target == 1, answers.shares[:, 1]
    ours = ranking.precision_influence(ranking.ranked(positive, scores))
    whole = ranking.average_precision(ranking.ranked(positive, scores))
    jackknife = [
        (whole - metrics.average_precision_score(np.delete(positive, i), np.delete(scores, i)))
        * 1999
        for i in range(0, 2000, 40)
    ]
    assert ours.mean() == pytest.approx(0, abs=1e-9)
    assert np.corrcoef(ours[::40], jackknife)[0, 1] > 0.999


@pytest.mark.parametrize(("mended", "broken"), [(0, 3), (7, 2), (12, 12), (40, 20)])
def test_mcnemar_is_the_exact_test_less_half_of_what_was_seen(mended: int, broken: int) -> None:
    truth = Truth("classification", ("a", "b"), np.zeros(100, np.int32))
    base, other = np.zeros(100, np.int32), np.zeros(100, np.int32)
    base[:mended] = 1
    other[mended : mended + broken] = 1
    found = pair(truth, Answers(base), Answers(other))
    n = mended + broken
    exact = stats.binomtest(mended, n).pvalue
    expected = exact - stats.binom.pmf(mended, n, 0.5) if mended != broken else 1.0
    assert found.p_value == pytest.approx(expected, abs=1e-9)
    assert (found.n_mended, found.n_broken) == (mended, broken)
    assert found.low < found.difference < found.high


def test_below_ten_rows_the_errors_are_compared_by_scipys_signed_ranks() -> None:
    truth = Truth("regression", (), np.zeros(8))
    base, other = np.arange(1.0, 9.0), np.array([2, 1, 5, 7, 3, 9, 11, 4.5])
    found = pair(truth, Answers(base), Answers(other))
    assert found.test == "wilcoxon"
    assert found.p_value == pytest.approx(stats.wilcoxon(other - base, method="exact").pvalue)


@pytest.mark.parametrize("n_rows", [300, 5000])
def test_the_paired_bootstrap_agrees_with_students_test(numbers: Draw, n_rows: int) -> None:
    truth, base = numbers(n_rows)
    other = numbers(n_rows, 0, 0.33)[1]
    found = pair(truth, base, other)
    grown = np.abs(other.values - truth.target) - np.abs(base.values - truth.target)
    expected = stats.ttest_1samp(grown, 0)
    interval = expected.confidence_interval()
    width = interval.high - interval.low
    assert found.difference == pytest.approx(grown.mean(), abs=1e-9)
    assert found.low == pytest.approx(interval.low, abs=width / 10)
    assert found.high == pytest.approx(interval.high, abs=width / 10)

"""Odd rows and odd answers: refused in a plain sentence, or judged as far as is honest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from registry.errors import InvalidInput, PredictionFailed
from registry.evaluation import Quality
from registry.judging import changed, judge, pair
from registry.judging import labels as matrices
from registry.judging.contract import Answers, Truth
from tests.registry.judging.conftest import Drawn

Draw = Callable[..., Drawn]


def _truth(codes: list[int], classes: str = "ab") -> Truth:
    return Truth("classification", tuple(classes), np.array(codes, np.int32))


def _answers(codes: list[int], shares: object = None, about: tuple[int, ...] = ()) -> Answers:
    return Answers(np.array(codes, np.int32), None if shares is None else np.array(shares), about)


def _values(quality: Quality) -> dict[str, float]:
    return {metric.name: metric.value for metric in quality.metrics}


def _numbers(*target: float) -> Truth:
    return Truth("regression", (), np.array(target))


def test_no_rows_are_refused() -> None:
    with pytest.raises(InvalidInput, match="none to judge by"):
        judge(_truth([]), _answers([]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e200])
def test_an_answer_that_is_no_number_is_refused_and_its_row_named(bad: float) -> None:
    with pytest.raises(PredictionFailed, match="1 of 3 rows, row 2 first"):
        judge(_numbers(1, 2, 3), Answers(np.array([1, bad, 3])))


def test_a_target_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match="row 3 first"):
        judge(_numbers(1, 2, np.nan), Answers(np.array([1.0, 2, 3])))


def test_a_probability_that_is_no_number_is_refused() -> None:
    with pytest.raises(PredictionFailed, match="probability in 1 of 2 rows"):
        judge(_truth([0, 1]), _answers([0, 1], [[1, 0], [np.nan, 1]], (0, 1)))


def test_answers_to_other_rows_are_refused() -> None:
    with pytest.raises(PredictionFailed, match="1 rows of 2"):
        judge(_truth([0, 1]), _answers([0]))
    with pytest.raises(PredictionFailed, match="shape"):
        judge(_truth([0, 1]), _answers([0, 1], [[1.0], [0.0]], (0, 1)))


def test_one_row_has_metrics_and_no_interval_by_resampling() -> None:
    found = judge(_truth([1]), _answers([1], [[0.2, 0.8]], (0, 1)))
    assert _values(found)["f1_score"] == 1
    assert "roc_auc" not in _values(found)
    numbers = judge(_numbers(3), Answers(np.array([5.0])))
    assert _values(numbers)["mean_absolute_error"] == 2
    assert {metric.low for metric in numbers.metrics} == {None}
    assert sum(numbers.residuals.counts) == 1


def test_rows_of_one_class_have_no_area_and_no_correlation() -> None:
    found = _values(judge(_truth([1, 1, 1]), _answers([1, 0, 1], [[0.5, 0.5]] * 3, (0, 1))))
    assert found["recall_score"] == pytest.approx(2 / 3)
    assert not {"roc_auc", "average_precision", "matthews_corrcoef"} & set(found)


def test_rows_without_the_second_class_have_no_precision_of_it() -> None:
    found = _values(judge(_truth([0, 0, 0]), _answers([1, 0, 0])))
    assert "precision_score" not in found
    assert found["accuracy_score"] == pytest.approx(2 / 3)


def test_a_label_that_the_model_does_not_know_counts_as_wrong() -> None:
    shares = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]
    found = judge(_truth([0, 1, 2, 1], "abc"), _answers([0, 1, 0, 1], shares, (0, 1)))
    assert _values(found)["accuracy_score"] == 0.75
    assert not {"roc_auc", "log_loss", "brier_score_loss"} & set(_values(found))
    assert [curve.name for curve in found.roc] == ["a", "b"]


def test_scores_that_do_not_sum_up_to_1_rank_but_are_no_probabilities(labels: Draw) -> None:
    truth, answers = labels(200, 3)
    logits = Answers(answers.values, answers.shares * 7 - 2, answers.share_classes)
    found = judge(truth, logits)
    assert _values(found)["roc_auc"] == pytest.approx(_values(judge(truth, answers))["roc_auc"])
    assert not {"log_loss", "brier_score_loss"} & set(_values(found))
    assert found.calibration == ()


def test_the_share_of_the_first_class_alone_tells_that_of_the_second(labels: Draw) -> None:
    truth, answers = labels(200, 2)
    first = judge(truth, Answers(answers.values, answers.shares[:, :1], (0,)))
    whole = _values(judge(truth, answers))
    assert set(_values(first)) == set(whole)
    assert _values(first)["log_loss"] == pytest.approx(whole["log_loss"], abs=1e-9)
    assert _values(first)["roc_auc"] == pytest.approx(
        whole["roc_auc"], abs=2e-3
    )  # 1 - p has no ties


def test_a_constant_target_has_no_share_of_variance_explained() -> None:
    found = _values(judge(_numbers(2, 2, 2), Answers(np.array([1.0, 2, 3]))))
    assert not {"r2_score", "explained_variance"} & set(found)


def test_a_target_with_zeros_has_no_percentage_error() -> None:
    found = _values(judge(_numbers(0, 1, 2), Answers(np.array([1.0, 2, 3]))))
    assert "mean_absolute_percentage_error" not in found


def test_answers_without_a_fault_keep_an_honest_interval_of_accuracy() -> None:
    found = judge(_truth([0, 1] * 20), _answers([0, 1] * 20))
    accuracy, *rest = found.metrics
    assert accuracy.high == 1
    assert 0.9 < accuracy.low < 0.95
    assert {metric.low for metric in rest} == {None}


def test_the_same_rows_give_the_same_figures_again(labels: Draw, numbers: Draw) -> None:
    for truth, answers in (labels(300, 3), numbers(300)):
        assert judge(truth, answers) == judge(truth, answers)


def test_beyond_30_classes_the_rare_ones_are_one(labels: Draw) -> None:
    truth, answers = labels(3000, 40)
    found = judge(truth, answers)
    assert found.classes[-1] == "other"
    assert len(found.classes) == len(found.confusion) == 31
    assert sum(map(sum, found.confusion)) == 3000
    assert len(found.roc) == 10


def test_thousands_of_classes_are_counted_without_a_full_matrix() -> None:
    target = np.arange(5000, dtype=np.int32)
    cells = matrices.cells(target, target[::-1].copy(), 5000)
    assert len(cells.counts) == 5000


def test_a_curve_of_many_rows_is_thinned_and_keeps_its_ends(labels: Draw) -> None:
    truth, answers = labels(20_000, 2)
    found = judge(truth, answers)
    for curve in (*found.roc, *found.precision_recall):
        assert 50 < len(curve.x) <= 200
    assert (found.roc[0].x[0], found.roc[0].y[0]) == (0, 0)
    assert (found.roc[0].x[-1], found.roc[0].y[-1]) == (1, 1)
    area = np.trapezoid(found.roc[0].y, found.roc[0].x)
    assert area == pytest.approx(found.roc[0].area, abs=2e-3)


def test_slices_are_the_most_frequent_fifty() -> None:
    rng = np.random.default_rng(0)
    codes = (rng.random(3000) ** 2 * 80).astype(np.int32)
    names = tuple(f"shop {i}" for i in range(81))
    target = rng.integers(2, size=3000).astype(np.int32)
    truth = Truth("classification", ("no", "yes"), target, codes, names)
    found = judge(truth, Answers(target)).slices
    sizes = [one.n_rows for one in found]
    assert len(found) == 50
    assert sizes == sorted(sizes, reverse=True)


def test_rows_of_no_slice_are_in_none() -> None:
    truth = Truth("regression", (), np.arange(4.0), np.array([0, -1, 0, -1], np.int32), ("a", "b"))
    (only,) = judge(truth, Answers(np.ones(4))).slices
    assert (only.value, only.n_rows) == ("a", 2)


def test_an_outlier_does_not_squeeze_the_histogram() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=2000)
    predicted = target + rng.normal(size=2000)
    predicted[7] += 1e9
    found = judge(Truth("regression", (), target), Answers(predicted)).residuals
    assert found.edges[-1] < 10
    assert sum(found.counts) == 2000


def test_equal_answers_differ_by_nothing(labels: Draw, numbers: Draw) -> None:
    for truth, answers in (labels(100, 2), numbers(100), numbers(5)):
        found = pair(truth, answers, answers)
        assert (found.difference, found.p_value) == (0, 1)
        assert [len(rows) for rows in changed(truth, answers, answers)] == [0, 0]


def test_a_pair_keeps_its_ids(labels: Draw) -> None:
    truth, answers = labels(20, 2)
    found = pair(truth, answers, answers, base_id="one", other_id="two")
    assert (found.base, found.other) == ("one", "two")


def test_rows_that_were_right_and_are_now_wrong_are_found() -> None:
    truth = _truth([0, 1, 0, 1])
    broken, mended = changed(truth, _answers([0, 1, 1, 0]), _answers([1, 1, 0, 1]))
    assert broken.tolist() == [0]
    assert mended.tolist() == [2, 3]


def test_rows_whose_error_grew_most_come_first() -> None:
    truth = _numbers(0, 0, 0, 0)
    base, other = Answers(np.array([1.0, 1, 1, 1])), Answers(np.array([2.0, -5, 1, 0]))
    broken, mended = changed(truth, base, other)
    assert broken.tolist() == [1, 0]
    assert mended.tolist() == [3]

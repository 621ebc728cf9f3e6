"""Intervals cover what they promise and tests raise few false alarms, on drawn rows.

Printed with `-s`; the figures stand in docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest

from registry.evaluation import Measured
from registry.judging import judge, labels, pair, regression
from registry.judging.contract import Answers, Truth

RUNS, PAIRED_RUNS = 500, 2000
Draw = Callable[[np.random.Generator, int], tuple[Truth, Answers]]
MAIN = {
    "accuracy_score",
    "f1_macro",
    "roc_auc",
    "root_mean_squared_error",
    "mean_absolute_error",
    "r2_score",
}
pytestmark = pytest.mark.long


def two_classes(rng: np.random.Generator, n_rows: int) -> tuple[Truth, Answers]:
    """A third of the rows in the second class, with probabilities that are good but not sure."""
    target = (rng.random(n_rows) < 0.33).astype(np.int32)
    score = rng.normal(size=n_rows) + 1.8 * target - 1
    shares = np.stack([1 / (1 + np.exp(score)), 1 / (1 + np.exp(-score))], axis=1)
    truth = Truth("classification", ("no", "yes"), target)
    return truth, Answers((score > 0).astype(np.int32), shares, (0, 1))


def four_classes(rng: np.random.Generator, n_rows: int) -> tuple[Truth, Answers]:
    """One class in two has half of the rows, one a twentieth; the model errs on a fifth."""
    target = rng.choice(4, size=n_rows, p=(0.5, 0.3, 0.15, 0.05)).astype(np.int32)
    scores = rng.normal(size=(n_rows, 4))
    scores[np.arange(n_rows), target] += 2.0
    shares = np.exp(2 * scores)
    shares /= shares.sum(axis=1, keepdims=True)
    truth = Truth("classification", tuple("abcd"), target)
    return truth, Answers(scores.argmax(axis=1).astype(np.int32), shares, (0, 1, 2, 3))


def plain_numbers(rng: np.random.Generator, n_rows: int) -> tuple[Truth, Answers]:
    """Normal errors."""
    target = rng.normal(size=n_rows) * 3
    return Truth("regression", (), target), Answers(target + rng.normal(size=n_rows))


def skewed_numbers(rng: np.random.Generator, n_rows: int) -> tuple[Truth, Answers]:
    """A skewed target whose larger values are predicted worse."""
    target = rng.gamma(2.0, size=n_rows)
    return Truth("regression", (), target), Answers(target * (1 + 0.3 * rng.normal(size=n_rows)))


def _measured(truth: Truth, answers: Answers) -> Iterable[Measured]:
    if truth.task == "regression":
        return regression.measured(truth.target, answers.values, only=frozenset(MAIN))
    if len(truth.classes) > 2:
        cells = labels.cells(truth.target, answers.values, len(truth.classes))
        return labels.measured(cells, only=frozenset({"accuracy_score", "f1_macro"}))
    return judge(truth, answers).metrics


@pytest.mark.parametrize("draw", [two_classes, four_classes, plain_numbers, skewed_numbers])
@pytest.mark.parametrize("n_rows", [200, 1000])
def test_95_percent_intervals_cover_the_truth_in_90_to_99_percent(draw: Draw, n_rows: int) -> None:
    rng = np.random.default_rng(n_rows)
    really = {m.name: m.value for m in _measured(*draw(rng, 4_000_000))}
    covered: dict[str, list[bool]] = {name: [] for name in really}
    for _ in range(RUNS):
        for metric in _measured(*draw(rng, n_rows)):
            if metric.low is not None:
                within = metric.low <= really[metric.name] <= metric.high
                covered[metric.name].append(within)
    found = {name: np.mean(hits) for name, hits in covered.items() if len(hits) == RUNS}
    print(f"\n{draw.__name__} {n_rows}", {name: f"{v:.1%}" for name, v in found.items()})
    assert {name for name, v in found.items() if name in MAIN and not 0.9 <= v <= 0.99} == set()
    assert len(MAIN & set(found)) >= 2


def _labels_apart(rng: np.random.Generator, n_rows: int, wrong: float) -> Iterator[np.ndarray]:
    yield from (rng.random(n_rows) < wrong for _ in range(2))


@pytest.mark.parametrize(("n_rows", "wrong"), [(200, 0.05), (200, 0.2), (1000, 0.05), (1000, 0.2)])
def test_equally_accurate_models_are_seldom_told_apart(n_rows: int, wrong: float) -> None:
    rng = np.random.default_rng(n_rows)
    truth = Truth("classification", ("a", "b"), np.zeros(n_rows, np.int32))
    alarms, covered = [], []
    for _ in range(PAIRED_RUNS):
        base, other = (Answers(w.astype(np.int32)) for w in _labels_apart(rng, n_rows, wrong))
        found = pair(truth, base, other)
        alarms.append(found.p_value <= 0.05)
        covered.append(found.low <= 0 <= found.high)
    print(f"\nMcNemar {n_rows} rows, {wrong:.0%} wrong: {np.mean(alarms):.2%} false alarms,",
          f"{np.mean(covered):.1%} covered")  # fmt: skip
    assert 0.02 <= np.mean(alarms) <= 0.065
    assert 0.93 <= np.mean(covered) <= 0.99


def _biased(rng: np.random.Generator, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Always off by about as much, against mostly close and sometimes far: equal on average."""
    return rng.uniform(0.5, 1.5, size=n_rows), rng.exponential(size=n_rows)


def _alike(rng: np.random.Generator, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Two models that share most of their error."""
    shared = rng.normal(size=n_rows)
    first, second = (shared + 0.4 * rng.normal(size=n_rows) for _ in range(2))
    return np.abs(first), np.abs(second)


@pytest.mark.parametrize("draw", [_biased, _alike])
@pytest.mark.parametrize("n_rows", [200, 1000])
def test_models_of_equal_mean_error_are_seldom_told_apart(
    draw: Callable[..., tuple[np.ndarray, np.ndarray]], n_rows: int
) -> None:
    rng = np.random.default_rng(n_rows)
    truth = Truth("regression", (), np.zeros(n_rows))
    alarms, covered = [], []
    for _ in range(PAIRED_RUNS):
        base, other = draw(rng, n_rows)
        found = pair(truth, Answers(base), Answers(other))
        alarms.append(found.p_value <= 0.05)
        covered.append(found.low <= 0 <= found.high)
    print(f"\nbootstrap {n_rows} rows, {draw.__name__}: {np.mean(alarms):.2%} false alarms,",
          f"{np.mean(covered):.1%} covered")  # fmt: skip
    assert 0.02 <= np.mean(alarms) <= 0.065
    assert 0.93 <= np.mean(covered) <= 0.99

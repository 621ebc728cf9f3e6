"""Truths and answers drawn at random, always the same ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from registry.judging.contract import Answers, Truth

Drawn = tuple[Truth, Answers]


@pytest.fixture(scope="session")
def labels() -> Callable[..., Drawn]:
    """Labels with probabilities that are right about as often as a decent model's."""

    def draw(n_rows: int, n_classes: int, seed: int = 0, skill: float = 1.5) -> Drawn:
        rng = np.random.default_rng(seed)
        target = rng.integers(n_classes, size=n_rows).astype(np.int32)
        scores = rng.normal(size=(n_rows, n_classes))
        scores[np.arange(n_rows), target] += skill
        shares = np.exp(scores.round(1))  # rounded, so that there are ties
        shares /= shares.sum(axis=1, keepdims=True)
        classes = tuple(f"class {i}" for i in range(n_classes))
        slices = rng.choice(3, size=n_rows, p=(0.6, 0.3, 0.1)).astype(np.int32)
        truth = Truth("classification", classes, target, slices, ("north", "south", "west"))
        answers = Answers(shares.argmax(axis=1).astype(np.int32), shares, tuple(range(n_classes)))
        return truth, answers

    return draw


@pytest.fixture(scope="session")
def numbers() -> Callable[..., Drawn]:
    """Numbers of a skewed kind, and a model that errs more on the larger ones."""

    def draw(n_rows: int, seed: int = 0, noise: float = 0.3) -> Drawn:
        rng = np.random.default_rng(seed)
        target = rng.gamma(3.0, size=n_rows) + 0.1
        predicted = target * (1 + noise * rng.normal(size=n_rows)) + 0.05
        slices = rng.choice(3, size=n_rows, p=(0.6, 0.3, 0.1)).astype(np.int32)
        truth = Truth("regression", (), target, slices, ("north", "south", "west"))
        return truth, Answers(predicted)

    return draw

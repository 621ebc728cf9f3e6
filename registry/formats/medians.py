"""A typical value per column out of a loaded tree model: the median of where it splits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

_MAX_TREES = 50


def of(estimator: Any, n_features: int) -> list[float | None]:
    """Median split per column, None for a column never split; [None, …] for other models."""
    found: list[list[np.ndarray]] = [[] for _ in range(n_features)]
    for feature, threshold in islice(_splits(estimator), _MAX_TREES):
        for i in np.unique(feature):
            if 0 <= i < n_features:
                found[i].append(threshold[feature == i])
    return [_median(parts) for parts in found]


def _median(parts: list[np.ndarray]) -> float | None:
    if not parts:
        return None
    middle = float(np.median(np.concatenate(parts)))
    return middle if np.isfinite(middle) else None


def _splits(estimator: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(feature, threshold) of the inner nodes of each tree."""
    tree = getattr(estimator, "tree_", None)
    if tree is not None and hasattr(tree, "threshold"):
        inner = tree.feature >= 0
        yield tree.feature[inner], tree.threshold[inner]
        return
    if getattr(estimator, "_preprocessor", None) is not None:
        return  # it moves categorical columns to the front
    for row in getattr(estimator, "_predictors", None) or []:
        for predictor in row:
            nodes = predictor.nodes
            inner = nodes["is_leaf"] == 0
            yield nodes["feature_idx"][inner], nodes["num_threshold"][inner]
    members = getattr(estimator, "estimators_", None)
    if members is not None and not hasattr(estimator, "estimators_features_"):
        for member in np.asarray(members, dtype=object).ravel()[:_MAX_TREES]:
            if hasattr(member, "tree_"):
                yield from _splits(member)

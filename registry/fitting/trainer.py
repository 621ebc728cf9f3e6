"""Trains inside the fence, one step per question: so that it can say how far it is, and stop."""

from __future__ import annotations

import io
import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from registry import codec
from registry.errors import PredictionFailed
from registry.fitting import guesses, remarks, table
from registry.fitting.candidates import LARGE, SEED, candidates, words
from registry.formats.convert import Made
from registry.formats.text import clean
from registry.records import Candidate, Finding, Plan

# Ours: scikit-learn's, and whether that counts downwards.
_SCORERS: dict[str, tuple[str, bool]] = {
    "roc_auc": ("roc_auc", False),
    "accuracy_score": ("accuracy", False),
    "f1_macro": ("f1_macro", False),
    "r2_score": ("r2", False),
    "mean_absolute_error": ("neg_mean_absolute_error", True),
    "root_mean_squared_error": ("neg_root_mean_squared_error", True),
}
_UNEVEN = 3.0
"""The commonest class so many times the rarest: then accuracy flatters."""


class Trainer:
    """One table and the pipelines that are tried on it.

    Args:
        order: `kinds`, `target`, `task` and `most_rows`, as `fitting.table.read` takes them.

    Raises:
        BrokenArtifact, TooLarge, InvalidInput: As `fitting.table.read` says.
    """

    def __init__(self, file: BinaryIO, order: dict[str, Any]) -> None:
        from sklearn.model_selection import KFold, StratifiedKFold

        self._task = order["task"]
        found = self._table = table.read(file, **order)
        self._n_folds = remarks.folds(len(found.y))
        if self._task == "classification":
            remarks.without_rare(found, self._n_folds)
        self._tries = candidates(self._task, found.kinds, len(found.y))
        kind = StratifiedKFold if self._task == "classification" else KFold
        split = kind(self._n_folds, shuffle=True, random_state=SEED)
        self._splits = list(split.split(found.x, found.y))
        self._metrics = _metrics(self._task, found.y)

    def plan(self) -> dict[str, Any]:
        """What is going to be tried, as plain data of a `Plan`."""
        found = self._table
        said = [*found.findings, *remarks.leaks(found, self._task), *self._sizes()]
        classes = np.unique(found.y).tolist() if self._task == "classification" else []
        fields = {"classes": [clean(name, 200) for name in classes]}
        return {
            **codec.dump(
                Plan(
                    n_rows=len(found.y),
                    n_folds=self._n_folds,
                    metric=self._metrics[0],
                    metrics=self._metrics,
                    candidates=tuple(
                        Candidate(each.name, each.title, parameters=each.parameters)
                        for each in self._tries
                    ),
                    findings=tuple(said),
                    steps=tuple(words(found.kinds)),
                    schema=found.schema,
                )
            ),
            "schema": codec.dump(found.schema) | fields,
        }

    def fold(self, candidate: int, fold: int) -> dict[str, Any]:
        """Fit a candidate without one fold, and score it on that."""
        from sklearn.base import clone
        from sklearn.metrics import get_scorer

        train, test = self._splits[fold]
        x, y = self._table.x, self._table.y
        started = time.perf_counter()
        with _quietly():
            fitted = clone(self._tries[candidate].pipeline).fit(x.iloc[train], y[train])
            fit_s = time.perf_counter() - started
            scores = {}
            for name in self._metrics:
                word, downwards = _SCORERS[name]
                found = float(get_scorer(word)(fitted, x.iloc[test], y[test]))
                scores[name] = -found if downwards else found
        if not all(np.isfinite(list(scores.values()))):
            raise PredictionFailed("its answers cannot be scored")
        return {"scores": scores, "fit_s": fit_s}

    def fit(self, candidate: int, most_bytes: int) -> Made:
        """A candidate fitted to all rows, as joblib writes it.

        Raises:
            PredictionFailed: It is larger than that.
        """
        import joblib
        from sklearn.base import clone

        with _quietly():
            fitted = clone(self._tries[candidate].pipeline).fit(self._table.x, self._table.y)
        file = io.BytesIO()
        joblib.dump(fitted, file, compress=3)
        if file.tell() > most_bytes:
            raise PredictionFailed(f"its file would be larger than {most_bytes >> 20} MB")
        return Made(file.tell(), (file.getvalue(),))

    def _sizes(self) -> list[Finding]:
        if len(self._table.y) <= LARGE:
            return []
        what = f"the rows are split in {self._n_folds}, not in 5"
        why = f"there are more than {LARGE:,}, which makes the scores steady enough"
        return [Finding("info", "folds", what, why)]


def _metrics(task: str, y: np.ndarray) -> tuple[str, ...]:
    """What is measured; the first decides."""
    if task == "regression":
        return ("r2_score", "mean_absolute_error", "root_mean_squared_error")
    _, counts = np.unique(y, return_counts=True)
    if len(counts) == 2:
        return ("roc_auc", "accuracy_score", "f1_macro")
    if counts.max() > _UNEVEN * counts.min():
        return ("f1_macro", "accuracy_score")
    return ("accuracy_score", "f1_macro")


@contextmanager
def _quietly() -> Iterator[None]:
    """Solvers that stop early warn once per fold; the scores say what it was worth."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def step(
    held: Trainer | None, file: BinaryIO | None, body: bytes, order: dict[str, Any]
) -> tuple[Trainer | None, Any]:
    """What one message of the dialog asks for.

    Args:
        held: The trainer of this worker, if any yet.
        file: The table, with the first message.

    Returns:
        The trainer to hold, and what to reply: plain data, or a made file.
    """
    name = order.pop("step")
    if file is None:
        return held, getattr(held, _STEPS[name])(**order)
    if name == "look":
        return None, guesses.look(file, **order)
    return Trainer(file, json.loads(body)), {}


_STEPS = {name: name for name in ("plan", "fold", "fit")}

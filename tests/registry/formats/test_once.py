"""One computation answers both questions, and answers them as the estimator would."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB

from registry.formats.once import scored_once

ROWS, TARGET = load_iris(return_X_y=True)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("estimator", "shared"),
    [
        (LogisticRegression(max_iter=1000), "decision_function"),
        (SGDClassifier(loss="log_loss", random_state=0), "decision_function"),
        (LinearDiscriminantAnalysis(), "decision_function"),
        (HistGradientBoostingClassifier(max_iter=3), "_raw_predict"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_both_answers_come_from_one_computation(estimator, shared, n_classes):
    chosen = n_classes > TARGET
    rows = ROWS[chosen]
    estimator.fit(rows, TARGET[chosen])
    label, shares = estimator.predict(rows), estimator.predict_proba(rows)
    computed = []
    original = getattr(type(estimator), shared)

    def counted(self, *given):
        computed.append(1)
        return original(self, *given)

    counting = type("Counting", (type(estimator),), {shared: counted, "__module__": ""})
    counting.__module__ = type(estimator).__module__
    estimator.__class__ = counting
    with scored_once(estimator):
        np.testing.assert_array_equal(estimator.predict_proba(rows), shares)
        np.testing.assert_array_equal(estimator.predict(rows), label)
    assert len(computed) == 1
    assert shared not in vars(estimator)


def test_other_rows_are_computed_anew():
    estimator = LogisticRegression(max_iter=1000).fit(ROWS, TARGET)
    with scored_once(estimator):
        first = estimator.predict(ROWS[:5])
        np.testing.assert_array_equal(estimator.predict(ROWS[90:95]), TARGET[90:95])
    np.testing.assert_array_equal(first, estimator.predict(ROWS[:5]))


def test_an_estimator_without_shared_scores_is_left_alone():
    estimator = GaussianNB().fit(ROWS, TARGET)
    before = dict(vars(estimator))
    with scored_once(estimator):
        assert vars(estimator).keys() == before.keys()

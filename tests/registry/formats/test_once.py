"""One computation answers both questions, and answers them as the estimator would."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB

from registry.formats.once import label_and_shares

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

    counting = type("Counting", (type(estimator),), {shared: counted})
    counting.__module__ = type(estimator).__module__
    estimator.__class__ = counting
    for n_rows in (len(rows), 1):
        computed.clear()
        both = label_and_shares(estimator, rows[:n_rows])
        assert len(computed) == 1
        np.testing.assert_array_equal(both[0], label[:n_rows])
        assert both[0].dtype == label.dtype
        np.testing.assert_array_equal(both[1], estimator.predict_proba(rows[:n_rows]))
    np.testing.assert_array_equal(shares, estimator.predict_proba(rows))
    assert shared not in vars(estimator)


def test_words_stay_words():
    names = np.array(["setosa", "versicolor", "virginica"])[TARGET]
    estimator = LogisticRegression(max_iter=1000).fit(ROWS, names)
    label, _ = label_and_shares(estimator, ROWS)
    assert label.tolist() == estimator.predict(ROWS).tolist()


def test_an_estimator_with_rules_of_its_own_is_asked_itself():
    class Contrary(LogisticRegression):
        def predict(self, rows):
            return np.zeros(len(rows))

    estimator = Contrary(max_iter=1000).fit(ROWS, TARGET)
    assert label_and_shares(estimator, ROWS)[0].tolist() == [0.0] * len(ROWS)


def test_an_estimator_without_shared_scores_is_left_alone():
    estimator = GaussianNB().fit(ROWS, TARGET)
    label, shares = label_and_shares(estimator, ROWS)
    np.testing.assert_array_equal(label, estimator.predict(ROWS))
    np.testing.assert_array_equal(shares, estimator.predict_proba(ROWS))

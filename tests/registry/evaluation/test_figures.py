"""Every figure is scikit-learn's own on the same predictions, through the whole engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sklearn import metrics as sk

from tests.registry.evaluation.conftest import Evaluate, Judged, Keep

NEAR = 1e-9


def test_three_classifiers_are_judged_as_scikit_learn_judges_them(
    flowers: Judged, publish_each: Callable[..., dict], keep: Keep, evaluate: Evaluate
) -> None:
    found = publish_each(flowers)
    told = evaluate(keep(flowers.rows), [version.ref for version in found.values()])
    assert told.n_rows == len(flowers.rows)
    for name, version in found.items():
        estimator = flowers.estimators[name]
        said, shares = (
            estimator.predict(flowers.features),
            estimator.predict_proba(flowers.features),
        )
        quality = next(v.quality for v in told.versions if v.version_id == version.id)
        assert quality is not None
        values = {m.name: m.value for m in quality.metrics}
        print(values)
        truth = flowers.truth
        assert values["accuracy_score"] == pytest.approx(sk.accuracy_score(truth, said), abs=NEAR)
        area = sk.roc_auc_score(truth, shares, multi_class="ovr")
        assert values["roc_auc"] == pytest.approx(area, abs=NEAR)
        assert quality.confusion == tuple(
            tuple(row) for row in sk.confusion_matrix(truth, said).tolist()
        )
        assert quality.rows_per_s > 0
    assert len(told.pairs) == 3

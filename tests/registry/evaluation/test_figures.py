"""Every figure is scikit-learn's own on the same predictions, through the whole engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from registry.records import Evaluation, Quality, Version
from tests.registry.evaluation.conftest import Evaluate, Judged, Keep

NEAR = 1e-9
Publish = Callable[..., dict[str, Version]]


def _quality(told: Evaluation, version: Version) -> Quality:
    found = next(v for v in told.versions if v.version_id == version.id)
    assert found.quality, found.failure
    return found.quality


def _values(told: Evaluation, version: Version) -> dict[str, float]:
    return {metric.name: metric.value for metric in _quality(told, version).metrics}


def test_three_classifiers_are_judged_as_scikit_learn_judges_them(
    flowers: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate
) -> None:
    found = publish_each(flowers)
    told = evaluate(keep(flowers.rows), [version.ref for version in found.values()])
    truth = flowers.truth
    assert (told.n_rows, told.findings, len(told.pairs)) == (len(truth), (), 3)
    for name, version in found.items():
        said = flowers.estimators[name].predict(flowers.features)
        shares = flowers.estimators[name].predict_proba(flowers.features)
        expected: dict[str, Any] = {
            "accuracy_score": sk.accuracy_score(truth, said),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, said),
            "roc_auc": sk.roc_auc_score(truth, shares, multi_class="ovr"),
            "log_loss": sk.log_loss(truth, shares),
        }
        values = _values(told, version)
        assert {key: values[key] for key in expected} == pytest.approx(expected, abs=NEAR)
        matrix = sk.confusion_matrix(truth, said)
        assert _quality(told, version).confusion == tuple(map(tuple, matrix.tolist()))
        assert _quality(told, version).rows_per_s > 0


def test_two_classes_are_judged_as_scikit_learn_judges_them(
    tumours: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate
) -> None:
    found = publish_each(tumours)
    told = evaluate(keep(tumours.rows), [version.ref for version in found.values()])
    for name, version in found.items():
        said = tumours.estimators[name].predict(tumours.features)
        share = tumours.estimators[name].predict_proba(tumours.features)[:, 1]
        positive = tumours.truth == "malignant" if "malignant" > "benign" else None
        values = _values(told, version)
        assert values["accuracy_score"] == pytest.approx((said == tumours.truth).mean(), abs=NEAR)
        assert values["roc_auc"] == pytest.approx(sk.roc_auc_score(positive, share), abs=NEAR)


def test_regressors_are_judged_as_scikit_learn_judges_them(
    patients: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate
) -> None:
    found = publish_each(patients, "linear", "ridge", "tree")
    told = evaluate(
        keep(patients.rows), [v.ref for v in found.values()], "progression", "regression"
    )
    truth = patients.truth
    for name, version in found.items():
        said = patients.estimators[name].predict(patients.features)
        expected = {
            "root_mean_squared_error": sk.root_mean_squared_error(truth, said),
            "mean_absolute_error": sk.mean_absolute_error(truth, said),
            "r2_score": sk.r2_score(truth, said),
        }
        values = _values(told, version)
        # to 1e-9 of the numbers, which are hundreds
        assert {key: values[key] for key in expected} == pytest.approx(expected, rel=NEAR)


def test_parquet_gives_the_figures_of_the_same_csv(
    flowers: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate, tmp_path: Any
) -> None:
    version = publish_each(flowers, "bayes")["bayes"]
    flowers.rows.to_parquet(tmp_path / "rows.parquet")
    both = [
        evaluate(keep(flowers.rows), [version.ref]),
        evaluate(keep((tmp_path / "rows.parquet").read_bytes(), "rows.parquet"), [version.ref]),
    ]
    assert _values(both[0], version) == _values(both[1], version)


def test_slices_part_the_rows(
    flowers: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate
) -> None:
    version = publish_each(flowers, "bayes")["bayes"]
    rows = flowers.rows.assign(garden=np.where(np.arange(len(flowers.rows)) % 3, "north", "south"))
    told = evaluate(keep(rows), [version.ref], "species", "classification", "garden")
    slices = {one.value: one for one in _quality(told, version).slices}
    said = flowers.estimators["bayes"].predict(flowers.features) == flowers.truth
    assert set(slices) == {"north", "south"}
    north = next(m.value for m in slices["north"].metrics if m.name == "accuracy_score")
    assert north == pytest.approx(said[(rows.garden == "north").to_numpy()].mean(), abs=NEAR)


def test_the_rows_that_broke_are_the_ones(
    flowers: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate, reg: Any, alice: Any
) -> None:
    from registry import evaluations

    found = publish_each(flowers, "logistic", "bayes")
    told = evaluate(keep(flowers.rows), [version.ref for version in found.values()])
    base, other = (flowers.estimators[n].predict(flowers.features) for n in found)
    broke = np.flatnonzero((base == flowers.truth) & (other != flowers.truth)) + 1
    refs = [version.ref for version in found.values()]
    lines = evaluations.changed_rows(reg, alice, told.id, *refs).decode("utf-8-sig").splitlines()
    assert [int(line.split(",")[0]) for line in lines[1:]] == broke.tolist()
    assert lines[0].split(",")[-3:] == ["actual", *refs]
    assert told.pairs[0].n_broken == len(broke)

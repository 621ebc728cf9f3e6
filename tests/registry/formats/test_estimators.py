"""What is read out of scikit-learn files: parameters, columns, classes, and the schema proposed."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry import formats, inputs
from registry.errors import NotInstalled, PredictionFailed, UnsafeArtifact
from registry.formats import runtime
from registry.records import Inspection, Schema
from tests.makers import models


def _inspect(model: Any) -> Inspection:
    return formats.inspect(io.BytesIO(pickle.dumps(model)), "model.pkl")


def _completed(model: Any) -> Schema:
    file = io.BytesIO(pickle.dumps(model))
    found = formats.inspect(file, "model.pkl")
    fmt = formats.get("sklearn")
    schema = fmt.complete(fmt.load_model(file, 1), found, found.schema)
    assert schema is not None
    return schema


def test_a_pipeline_tells_its_columns_before_it_is_loaded() -> None:
    schema = _inspect(models.pipeline()).schema
    assert schema is not None
    age, city, tenure, plan = schema.fields
    frame, _ = models.customers()
    assert (age.name, age.type, age.nullable) == ("age", "double", True)
    assert age.default == frame.age.median()
    assert (city.type, city.categories) == ("string", ("Bern", "Oslo", "Turin"))
    assert city.nullable
    assert tenure.type == "double"
    assert plan.categories == ("free", "pro")
    assert schema.classes == ("left", "stayed")
    assert [o.role for o in schema.outputs] == ["label", "probabilities"]
    assert schema.example == {f.name: f.default for f in schema.fields}


def test_facts_of_the_estimator_are_read() -> None:
    found = _inspect(models.forest())
    assert found.class_name == "sklearn.ensemble._forest.RandomForestClassifier"
    assert found.framework == "scikit-learn"
    assert found.framework_version == runtime.installed("scikit-learn")
    assert found.libraries["scikit-learn"] == found.framework_version
    assert found.task == "classification"
    assert found.parameters["n_estimators"] == 5
    assert found.details["n_features"] == 4
    assert not found.findings


def test_parameters_of_steps_are_named_as_scikit_learn_names_them() -> None:
    found = _inspect(models.pipeline()).parameters
    expected = models.pipeline().get_params()
    assert found["model__n_estimators"] == expected["model__n_estimators"]
    strategy = "columns__numbers__simpleimputer__strategy"
    assert found[strategy] == expected[strategy]


def test_columns_without_names_are_numbered() -> None:
    schema = _inspect(models.unnamed_classifier()).schema
    assert schema is not None
    assert [f.name for f in schema.fields] == ["x0", "x1", "x2", "x3"]


def test_the_middle_of_the_splits_of_a_forest_becomes_the_example() -> None:
    schema = _completed(models.forest())
    frame, _ = models.iris()
    for column in frame:
        assert frame[column].min() < schema.example[column] < frame[column].max()


def test_a_regressor_gives_a_value_and_a_cluster_a_label() -> None:
    several = _inspect(models.several_targets())
    assert several.task == "regression"
    assert several.schema
    assert several.schema.outputs[0].shape == (-1, 2)
    cluster = _inspect(models.cluster())
    assert cluster.task == "clustering"
    assert cluster.schema
    assert [o.role for o in cluster.schema.outputs] == ["label"]


def test_a_model_of_texts_takes_one_text() -> None:
    schema = _inspect(models.text_classifier()).schema
    assert schema is not None
    assert [(f.name, f.type) for f in schema.fields] == [("text", "string")]


def test_a_support_vector_machine_without_probabilities_promises_none() -> None:
    from sklearn.svm import SVC

    schema = _inspect(SVC().fit(*models.iris())).schema
    assert schema is not None
    assert [o.role for o in schema.outputs] == ["label"]


def test_columns_picked_by_type_and_dropped_ones_are_understood() -> None:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

    frame, target = models.customers()
    kept = frame.dropna()
    columns = make_column_transformer(
        (MinMaxScaler(), make_column_selector(dtype_include=float)),
        (OneHotEncoder(), ["plan"]),
        ("drop", ["city"]),
        remainder="passthrough",
    )
    model = make_pipeline(columns, LogisticRegression()).fit(kept, target[kept.index])
    schema = _inspect(model).schema
    assert schema is not None
    assert [f.name for f in schema.fields] == ["age", "tenure", "plan"]
    low, high = kept.age.min(), kept.age.max()
    assert schema.fields[0].default == pytest.approx((low + high) / 2, rel=1e-3)


def test_categorical_columns_of_a_histogram_model_are_found_and_answered() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame, target = models.customers()
    frame = frame.astype({"city": "category", "plan": "category"})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype")
    model.fit(frame, target)
    schema = _completed(model)
    assert schema.fields[1].categories == ("Bern", "Oslo", "Turin")
    fmt = formats.get("sklearn")
    loaded = fmt.load_model(io.BytesIO(pickle.dumps(model)), 1)
    rows = [{"age": 30, "city": "Oslo", "tenure": 3, "plan": "free"}]
    rows += [{"age": None, "city": None, "tenure": 30, "plan": "pro"}]
    answer = fmt.predict(loaded, inputs.prepare(schema, rows).inputs, schema)
    import pandas as pd

    given = pd.DataFrame(rows).astype(frame.dtypes.to_dict())
    np.testing.assert_allclose(answer["probabilities"], model.predict_proba(given))


def test_what_was_never_fitted_or_cannot_answer_says_so() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    unfitted = _inspect(LogisticRegression())
    assert not unfitted.runnable
    assert "never fitted" in unfitted.why_not_runnable
    scaler = _inspect(StandardScaler().fit(models.iris()[0]))
    assert not scaler.runnable
    assert "Pipeline" in scaler.why_not_runnable
    data = _inspect({"weights": [1, 2]})
    assert not data.runnable
    assert "a dict" in data.why_not_runnable


def test_another_version_of_scikit_learn_is_a_warning() -> None:
    model = pickle.dumps(models.classifier())
    here = runtime.installed("scikit-learn").encode()
    older = model.replace(here, b"1.2.2")
    assert older != model
    found = formats.inspect(io.BytesIO(older), "model.pkl")
    finding = next(f for f in found.findings if f.rule == "version")
    assert "1.2.2" in finding.what
    assert finding.todo


def test_a_missing_library_is_named_with_what_to_install() -> None:
    content = b"\x80\x04\x8c\x0dcatboost.core\x8c\x12CatBoostClassifier\x93)\x81}b."
    found = formats.inspect(io.BytesIO(content), "model.pkl")
    finding = next(f for f in found.findings if f.rule == "missing-library")
    assert "pip install catboost" in finding.todo
    trusted = frozenset(("catboost.core.CatBoostClassifier",))
    with pytest.raises(NotInstalled, match="pip install catboost"):
        formats.get("sklearn").load_model(io.BytesIO(content), 1, trusted)


def test_a_library_nobody_knows_is_never_recommended() -> None:
    """A file could name a package that was published to do harm."""
    content = b"\x80\x04\x8c\x0bevilpackage\x8c\x05Model\x93)\x81}b."
    found = formats.inspect(io.BytesIO(content), "model.pkl")
    assert "evilpackage" not in found.libraries
    assert not any("pip install" in f.todo for f in found.findings)
    trusted = frozenset(("evilpackage.Model",))
    with pytest.raises(PredictionFailed, match="evilpackage"):
        formats.get("sklearn").load_model(io.BytesIO(content), 1, trusted)


def test_names_and_classes_are_shown_cleaned_and_cut() -> None:
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    nasty = ["a\u202eb\x00c", "x" * 5000, "<b>"]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=nasty)
    target = np.where(frame[nasty[2]] > 0, "yes\n=1+1", "n" * 3000)
    model = LogisticRegression().fit(frame, target)
    schema = _completed(model)
    assert [len(f.name) for f in schema.fields] == [5, 200, 3]
    assert not any("\u202e" in f.name or "\x00" in f.name for f in schema.fields)
    assert max(map(len, schema.classes)) <= 200
    fmt = formats.get("sklearn")
    loaded = fmt.load_model(io.BytesIO(pickle.dumps(model)), 1)
    rows = [{f.name: 1.0 for f in schema.fields}]
    answer = fmt.predict(loaded, inputs.prepare(schema, rows).inputs, schema)
    expected = model.predict(pd.DataFrame(np.ones((1, 3)), columns=nasty))
    assert answer["label"].tolist() == expected.tolist()


def test_ten_thousand_columns_are_the_most() -> None:
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier().fit(np.zeros((2, 3)), [0, 1])
    model.n_features_in_ = 2**40
    schema = _inspect(model).schema
    assert schema is not None
    assert len(schema.fields) == 10_000


def test_skops_loads_nothing_that_is_off_the_list(tmp_path: Path) -> None:
    path = models.skops_classifier(tmp_path)
    import zipfile

    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    swapped = content["schema.json"].replace(b'"LogisticRegression"', b'"Popen"', 1)
    swapped = swapped.replace(b'"sklearn.linear_model._logistic"', b'"subprocess"', 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, swapped if name == "schema.json" else data)
    with path.open("rb") as file, pytest.raises(UnsafeArtifact):
        formats.get("skops").load_model(file, 1)

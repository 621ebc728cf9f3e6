"""The pool: what goes in comes out as from the model itself, and one worker serves all."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace

import joblib
import numpy as np
import pytest

from registry import inputs
from registry.errors import (
    BrokenArtifact,
    Busy,
    InvalidInput,
    PredictionFailed,
    StoreError,
    UnknownFormat,
)
from registry.records import Field
from tests.makers import benign
from tests.makers import models as makers

SLOW_LOAD = "time.sleep(0.3)"


def test_answers_equal_those_of_the_model(pool, known, tmp_path):
    path = makers.sklearn_pipeline(tmp_path)
    version = known(path)
    frame, _ = makers.customers()
    rows = frame.iloc[:50].astype(object).where(frame.notna(), None).to_dict("records")
    answer = pool.predict(version, inputs.prepare(version.schema, rows).inputs)
    raw = joblib.load(path)
    assert answer.outputs["label"].tolist() == raw.predict(frame.iloc[:50]).tolist()
    np.testing.assert_array_equal(
        answer.outputs["probabilities"], raw.predict_proba(frame.iloc[:50])
    )
    assert answer.warm
    assert answer.load_ms == 0
    assert answer.predict_ms > 0


@pytest.mark.parametrize("name", ["xgboost_classifier", "lightgbm_regressor"])
def test_models_of_boosting_libraries_answer_inside_the_fence(name, pool, known, tmp_path):
    if name not in benign.MODELS:
        pytest.skip("not installed: pip install -r requirements-boosting.txt")
    path = benign.MODELS[name](tmp_path)
    version = known(path)
    row = version.schema.example
    answer = pool.predict(version, inputs.prepare(version.schema, [row]).inputs)
    raw = joblib.load(path).predict(np.array([list(row.values())], dtype=float))
    (output,) = (answer.outputs[key] for key in ("label", "value") if key in answer.outputs)
    np.testing.assert_allclose(output, raw)


def test_big_questions_and_answers_take_the_memory_file(pool, spec, tmp_path):
    path = makers.sklearn_unnamed(tmp_path)
    version = spec(path, "sklearn")
    version = replace(version, schema=pool.check(version).schema)
    raw = joblib.load(path)
    many = np.random.default_rng(0).normal(size=(30_000, raw.n_features_in_))
    outputs = pool.predict(version, {"": many}).outputs
    assert many.nbytes > 1 << 17
    assert outputs["probabilities"].nbytes > 1 << 17
    np.testing.assert_array_equal(outputs["probabilities"], raw.predict_proba(many))
    assert outputs["probabilities"].flags.writeable


def test_an_arrow_table_of_many_rows_arrives_whole(pool, known, tmp_path):
    version = known(makers.sklearn_pipeline(tmp_path))
    rows = [version.schema.example] * 5_000
    table = inputs.prepare(version.schema, rows).inputs
    assert table.nbytes > 1 << 17
    answer = pool.predict(version, table)
    assert len(answer.outputs["label"]) == 5_000


def test_ten_threads_load_a_model_once(brisk, script):
    version = script("return rows[:, 0] + 1", before=SLOW_LOAD)
    opened, answers = [], []

    def open_artifact():
        opened.append(1)
        return version.open()

    counted = replace(version, open=open_artifact)

    def ask(n):
        answers.append((n, brisk.predict(counted, {"": np.array([[float(n)]])})))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert sorted(float(a.outputs["value"][0]) - n for n, a in answers) == [1.0] * 10
    assert sum(not a.warm for _, a in answers) == 1
    assert max(a.queue_ms for _, a in answers) >= 300
    assert [worker.n_predictions for worker in brisk.states()] == [10]


def test_those_who_wait_for_a_load_share_its_failure(brisk, script):
    version = script("pass", before=f"{SLOW_LOAD}\nraise ValueError('bad file')")
    opened, failures = [], []

    def open_artifact():
        opened.append(1)
        return version.open()

    counted = replace(version, open=open_artifact)

    def ask():
        with pytest.raises(PredictionFailed, match="bad file") as failed:
            brisk.warm(counted)
        failures.append(failed.value)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert len(failures) == 4
    with pytest.raises(PredictionFailed):
        brisk.warm(counted)
    assert len(opened) == 2


def test_the_model_used_longest_ago_makes_room(brisk, script, ask):
    first, second, third = (script("return rows[:, 0]") for _ in range(3))
    ask(first)
    ask(second)
    ask(first)
    ask(third)
    assert brisk.state(first.version_id) == "warm"
    assert brisk.state(second.version_id) == "cold"
    assert [worker.version_id for worker in brisk.states()] == [first.version_id, third.version_id]
    assert all(worker.memory_bytes > 0 for worker in brisk.states())
    assert not ask(second).warm


def test_all_workers_in_use_is_busy(brisk, script, ask):
    slow = [script("time.sleep(1.8)\nreturn rows[:, 0]") for _ in range(2)]
    another = script("return rows[:, 0]")
    for version in slow:
        brisk.warm(version)
    asked = [threading.Thread(target=lambda v=version: [ask(v), ask(v)]) for version in slow]
    for thread in asked:
        thread.start()
    time.sleep(0.2)
    with pytest.raises(Busy):
        ask(another)
    for thread in asked:
        thread.join()
    assert ask(another).outputs["value"].tolist() == [0.0]


def test_a_version_that_was_dropped_is_cold(brisk, script, ask):
    version = script("return rows[:, 0]")
    ask(version)
    pid = brisk.states()[0].pid
    brisk.drop(version.version_id)
    assert brisk.state(version.version_id) == "cold"
    assert not os.path.exists(f"/proc/{pid}")
    brisk.drop(version.version_id)


def test_a_corrected_schema_reaches_a_loaded_model(pool, known, tmp_path):
    version = known(makers.sklearn_classifier(tmp_path))
    schema = version.schema
    row = inputs.prepare(schema, schema.example).inputs
    both = pool.predict(replace(version, schema=schema), row).outputs
    labels = replace(schema, outputs=tuple(o for o in schema.outputs if o.role == "label"))
    one = pool.predict(replace(version, schema=labels), row)
    assert set(both) == {"label", "probabilities"}
    assert set(one.outputs) == {"label"}
    assert one.warm


def test_a_check_reports_what_the_loader_warned_of(brisk, script):
    version = script(
        "return rows[:, 0]", before="import warnings\nwarnings.warn('trained long ago')"
    )
    version = replace(version, schema=replace(version.schema, example={"x": 1.0}))
    checked = brisk.check(version)
    assert [finding.what for finding in checked.findings] == ["trained long ago"]
    assert checked.load_ms > 0
    assert checked.predict_ms > 0
    assert brisk.state(version.version_id) == "warm"


def test_a_check_fails_when_the_example_does(brisk, script):
    version = script("raise KeyError('x')")
    version = replace(version, schema=replace(version.schema, example={"x": 1.0}))
    with pytest.raises(PredictionFailed, match="KeyError"):
        brisk.check(version)
    wrong = replace(version.schema, example={"x": "high"})
    with pytest.raises(InvalidInput):
        brisk.check(replace(version, schema=wrong))


def test_warming_says_how_long_loading_took(brisk, script):
    version = script("return rows[:, 0]", before=SLOW_LOAD)
    load_ms = brisk.warm(version)
    assert load_ms >= 300
    assert brisk.warm(version) == load_ms


def test_missing_bytes_are_a_store_error(brisk, script, ask):
    def missing():
        raise StoreError("the stored bytes are missing")

    with pytest.raises(StoreError):
        ask(replace(script("return rows"), open=missing))
    assert brisk.states() == []


def test_a_file_is_inspected_and_nothing_is_run(brisk, script, tmp_path):
    path = makers.sklearn_classifier(tmp_path)
    with path.open("rb") as file:
        file.seek(7)
        found, _ = brisk.inspect(file.fileno(), path.name)
        assert found.format == "sklearn"
        assert not os.get_inheritable(file.fileno())
    text = tmp_path / "notes.txt"
    text.write_text("no model")
    with text.open("rb") as file, pytest.raises(UnknownFormat):
        brisk.inspect(file.fileno(), text.name)
    empty = tmp_path / "model.onnx"
    empty.touch()
    with empty.open("rb") as file, pytest.raises(BrokenArtifact):
        brisk.inspect(file.fileno(), empty.name)


def test_a_sample_table_proposes_columns(brisk, tmp_path):
    path = tmp_path / "sample.csv"
    path.write_text("age,plan\n41,basic\n29,gold\n")
    with path.open("rb") as file:
        found = brisk.read_table(file.fileno(), path.name)
    assert [column["name"] for column in found["columns"]] == ["age", "plan"]
    assert found["n_rows"] == 2


def test_a_picture_is_decoded(brisk, tmp_path):
    from PIL import Image

    path = tmp_path / "red.png"
    Image.new("RGB", (20, 10), (255, 0, 0)).save(path)
    with path.open("rb") as file:
        found = brisk.decode(file.fileno(), "picture", width=4, height=2, channels=3)
    assert found["pixels"].dtype == np.uint8
    assert found["pixels"].tolist() == [[[255, 0, 0]] * 4] * 2
    assert found["small"].shape == (10, 20, 3)


def test_a_schema_that_no_longer_fits_is_refused_by_the_model(brisk, script, ask):
    version = script("return rows[:, 1]")
    with pytest.raises(PredictionFailed, match="IndexError"):
        ask(version)
    wider = replace(version.schema, fields=(*version.schema.fields, Field("y", "double")))
    answer = brisk.predict(replace(version, schema=wider), {"": np.array([[1.0, 2.0]])})
    assert answer.outputs["value"].tolist() == [2.0]

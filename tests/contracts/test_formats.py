"""Every format that runs: read without running, loaded, asked, and agreeing with its maker."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry import codec, formats, inputs
from registry.formats.contract import Format
from registry.records import Inspection, Schema
from tests.makers import models

RUNNABLE = [
    pytest.param(name, maker, id=maker.__name__)
    for name, makers in models.RUNNABLE.items()
    for maker in makers
]
STORED = [
    pytest.param(name, maker, id=maker.__name__)
    for name, makers in models.STORED.items()
    for maker in makers
]
EVERY = RUNNABLE + STORED
Maker = Callable[[Path], Path]


@pytest.fixture(autouse=True)
def _torch_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))


def _inspect(path: Path) -> Inspection:
    with path.open("rb") as file:
        return formats.inspect(file, path.name)


def _load(path: Path) -> tuple[Format, Any, Schema]:
    found = _inspect(path)
    fmt = formats.get(found.format)
    with path.open("rb") as file:
        model = fmt.load_model(file, 1)
    schema = fmt.complete(model, found, found.schema)
    assert schema is not None
    return fmt, model, schema


def _ask(path: Path, rows: Any) -> dict[str, np.ndarray]:
    fmt, model, schema = _load(path)
    return fmt.predict(model, inputs.prepare(schema, rows).inputs, schema)


@pytest.mark.parametrize(("name", "maker"), EVERY)
def test_a_file_is_known_by_its_content_alone(name: str, maker: Maker, tmp_path: Path) -> None:
    path = maker(tmp_path)
    with path.open("rb") as file:
        assert formats.detect(file, "nothing.txt") == name


@pytest.mark.parametrize(("name", "maker"), EVERY)
def test_what_was_read_survives_the_codec(name: str, maker: Maker, tmp_path: Path) -> None:
    found = _inspect(maker(tmp_path))
    assert codec.load(Inspection, json.loads(json.dumps(codec.dump(found)))) == found
    assert found.summary
    assert not [f for f in found.findings if f.rule == "extension"]


@pytest.mark.parametrize(("name", "maker"), STORED)
def test_what_cannot_run_says_why(name: str, maker: Maker, tmp_path: Path) -> None:
    found = _inspect(maker(tmp_path))
    assert not found.runnable
    assert len(found.why_not_runnable) > 20


@pytest.mark.parametrize(("name", "maker"), RUNNABLE)
def test_the_example_of_a_completed_schema_gets_an_answer(
    name: str, maker: Maker, tmp_path: Path
) -> None:
    fmt, model, schema = _load(maker(tmp_path))
    assert schema.example
    assert codec.load(Schema, json.loads(json.dumps(codec.dump(schema)))) == schema
    answers = fmt.predict(model, inputs.prepare(schema, schema.example).inputs, schema)
    assert set(answers) == {output.name for output in schema.outputs}
    for output in schema.outputs:
        array = answers[output.name]
        assert array.dtype.kind in "biufcSU"
        assert len(array) == 1
        if output.role == "probabilities":
            assert array.shape == (1, len(schema.classes))


@pytest.mark.parametrize(("name", "maker"), RUNNABLE)
def test_a_correction_outlives_the_check(name: str, maker: Maker, tmp_path: Path) -> None:
    fmt, model, schema = _load(maker(tmp_path))
    assert fmt.complete(model, _inspect(maker(tmp_path)), schema) == schema


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows = json.loads(frame.to_json(orient="records", double_precision=15))
    return [dict(row) for row in rows]


def _unnamed(matrix: np.ndarray) -> list[dict[str, float]]:
    return [{f"x{i}": float(v) for i, v in enumerate(row)} for row in matrix]


@pytest.mark.parametrize(
    ("maker", "model"),
    [
        (models.sklearn_classifier, models.classifier),
        (models.sklearn_forest, models.forest),
        (models.sklearn_histogram, models.histogram_classifier),
        (models.skops_classifier, models.classifier),
    ],
)
def test_a_classifier_on_named_columns_answers_as_in_its_library(
    maker: Maker, model: Callable[[], Any], tmp_path: Path
) -> None:
    frame, _ = models.iris()
    answers = _ask(maker(tmp_path), _rows(frame))
    assert answers["label"].tolist() == model().predict(frame).tolist()
    np.testing.assert_allclose(answers["probabilities"], model().predict_proba(frame))


@pytest.mark.parametrize(
    "maker", [models.sklearn_pipeline, models.sklearn_pickle, models.skops_pipeline]
)
def test_a_pipeline_on_a_frame_with_gaps_answers_as_in_its_library(
    maker: Maker, tmp_path: Path
) -> None:
    frame, _ = models.customers()
    answers = _ask(maker(tmp_path), _rows(frame))
    assert answers["label"].tolist() == models.pipeline().predict(frame).tolist()
    np.testing.assert_allclose(answers["probabilities"], models.pipeline().predict_proba(frame))


def test_a_regressor_on_an_array_answers_as_in_its_library(tmp_path: Path) -> None:
    features, _ = models.diabetes()
    rows = _unnamed(features)
    answers = _ask(models.sklearn_regressor(tmp_path), rows)
    np.testing.assert_allclose(answers["value"], models.regressor().predict(features))
    several = _ask(models.sklearn_several_targets(tmp_path), rows)["value"]
    np.testing.assert_allclose(several, models.several_targets().predict(features), rtol=1e-5)


def test_a_text_model_takes_one_column_of_text(tmp_path: Path) -> None:
    rows = [{"text": "good film"}, {"text": "awful film"}]
    assert _ask(models.sklearn_text(tmp_path), rows)["label"].tolist() == [1, 0]


def test_onnx_answers_as_the_model_it_was_converted_from(tmp_path: Path) -> None:
    frame, _ = models.iris()
    matrix = frame.to_numpy(np.float32)
    answers = _ask(models.onnx_classifier(tmp_path), _unnamed(matrix))
    assert answers["output_label"].tolist() == models.forest().predict(frame).tolist()
    np.testing.assert_allclose(
        answers["output_probability"], models.forest().predict_proba(frame), atol=1e-5
    )
    plain = _ask(models.onnx_classifier_tensors(tmp_path), _unnamed(matrix))
    assert plain["label"].tolist() == models.unnamed_classifier().predict(matrix).tolist()
    features, _ = models.diabetes()
    value = _ask(models.onnx_regressor(tmp_path), _unnamed(features))["variable"]
    np.testing.assert_allclose(value, models.regressor().predict(features), rtol=1e-4)


def test_onnx_with_an_input_per_column_answers_as_its_pipeline(tmp_path: Path) -> None:
    frame, _ = models.customers()
    kept = frame[["age", "tenure", "city"]].dropna()
    answers = _ask(models.onnx_columns(tmp_path), _rows(kept))
    expected = models.onnx_columns_pipeline()
    assert answers["output_label"].tolist() == expected.predict(kept).tolist()


@pytest.mark.parametrize(
    ("maker", "module", "shape"),
    [
        (models.torchscript_mlp, models.mlp, (5, 4)),
        (models.torchscript_cnn, models.cnn, (5, 1, 8, 8)),
        (models.torchscript_traced, models.cnn, (5, 1, 8, 8)),
        (models.torch_export_mlp, models.mlp, (5, 4)),
        (models.torch_export_cnn, models.cnn, (5, 1, 8, 8)),
        (models.torch_whole_module, models.mlp, (5, 4)),
    ],
)
def test_torch_files_answer_as_the_module_itself(
    maker: Maker, module: Callable[[], Any], shape: tuple[int, ...], tmp_path: Path
) -> None:
    import torch

    given = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    answers = _ask(maker(tmp_path), {"input": given})
    expected = module()(torch.from_numpy(given)).detach().numpy()
    np.testing.assert_allclose(answers["output"], expected, rtol=1e-4, atol=1e-5)


def test_reading_any_file_imports_no_framework(tmp_path: Path) -> None:
    paths = []
    for n, param in enumerate(EVERY):
        folder = tmp_path / str(n)
        folder.mkdir()
        paths.append(str(param.values[1](folder)))  # type: ignore[operator]
    code = """
        import json, sys
        from registry import formats
        for path in json.loads(sys.argv[1]):
            with open(path, "rb") as file:
                formats.inspect(file, path)
        heavy = ("torch", "sklearn", "onnxruntime", "joblib", "skops", "sqlalchemy", "streamlit")
        print([name for name in heavy if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), json.dumps(paths)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(formats.__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"


def test_every_format_keeps_the_contract() -> None:
    for name in formats.FORMATS:
        fmt = formats.get(name)
        assert name == fmt.NAME
        assert fmt.GROUP in ("", "sklearn", "onnx", "torch")
        assert all(ending.startswith(".") for ending in fmt.EXTENSIONS)
        assert formats.group(name) == fmt.GROUP
    assert {name for name in formats.FORMATS if formats.group(name)} == set(models.RUNNABLE)

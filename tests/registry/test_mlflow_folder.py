"""The folder that MLflow loads: each file as its documentation says, for every flavor."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from registry import exports, models
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, Metric, Version
from registry.tables import VersionRow
from tests.makers import models as makers

Publish = Callable[..., Version]


def folder(reg: Registry, actor: Actor, version: Version) -> zipfile.ZipFile:
    bundle = exports.open_export(reg, actor, version.ref, "mlflow")
    assert bundle.filename.endswith("-mlflow.zip")
    return zipfile.ZipFile(io.BytesIO(b"".join(bundle.blocks)))


def described(archive: zipfile.ZipFile) -> dict:
    return yaml.safe_load(archive.read("MLmodel"))


@pytest.fixture
def pickled(reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path) -> Version:
    metric = Metric("f1_score", 0.9, dataset="holdout", higher_is_better=True)
    file = makers.sklearn_pickle(tmp_path)
    version = publish_file(alice, file, check=False, name="Plain", metrics=(metric,))
    models.edit(reg, alice, version.model, license="MIT", tags=["demo"])
    return version


def test_a_plain_pickle_is_kept_as_it_is(
    reg: Registry, alice: Actor, pickled: Version, tmp_path: Path
) -> None:
    archive = folder(reg, alice, pickled)
    assert sorted(archive.namelist()) == [
        "MLmodel", "conda.yaml", "input_example.json", "model.pkl", "python_env.yaml",
        "requirements.txt", "vitrine.json",
    ]  # fmt: skip
    assert archive.read("model.pkl") == makers.sklearn_pickle(tmp_path).read_bytes()
    python, own = (described(archive)["flavors"][n] for n in ("python_function", "sklearn"))
    assert python["loader_module"] == "mlflow.sklearn"
    assert (python["model_path"], python["predict_fn"]) == ("model.pkl", "predict")
    assert python["env"] == {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    assert (own["pickled_model"], own["serialization_format"]) == ("model.pkl", "cloudpickle")
    assert own["sklearn_version"] == pickled.inspection.framework_version


def test_the_signature_has_mlflows_column_types(
    reg: Registry, alice: Actor, pickled: Version
) -> None:
    assert pickled.schema
    archive = folder(reg, alice, pickled)
    told = described(archive)
    assert json.loads(told["signature"]["inputs"]) == [
        {"type": field.type, "name": field.name, "required": not field.nullable}
        for field in pickled.schema.fields
    ]
    example = json.loads(archive.read("input_example.json"))
    assert example["columns"] == [field.name for field in pickled.schema.fields]
    assert [len(row) for row in example["data"]] == [len(pickled.schema.fields)]
    assert told["saved_input_example_info"] == {
        "artifact_path": "input_example.json",
        "pandas_orient": "split",
        "type": "dataframe",
    }


def test_what_mlflow_has_no_place_for_is_kept_as_metadata(
    reg: Registry, alice: Actor, pickled: Version
) -> None:
    told = described(folder(reg, alice, pickled))
    assert told["model_uuid"] == pickled.id
    ours = told["metadata"]["vitrine"]
    assert (ours["ref"], ours["license"], ours["tags"]) == (pickled.ref, "MIT", ["demo"])
    assert ours["metrics"] == [
        {"name": "f1_score", "value": 0.9, "dataset": "holdout", "higher_is_better": True}
    ]


def test_the_requirements_are_pinned_in_all_three_files(
    reg: Registry, alice: Actor, pickled: Version
) -> None:
    archive = folder(reg, alice, pickled)
    lines = archive.read("requirements.txt").decode().split()
    assert lines[0] == "mlflow"
    assert any(line.startswith("scikit-learn==") for line in lines)
    conda = yaml.safe_load(archive.read("conda.yaml"))
    assert conda["dependencies"][-1] == {"pip": lines}
    env = yaml.safe_load(archive.read("python_env.yaml"))
    assert env["dependencies"] == ["-r requirements.txt"]


def test_what_joblib_wrote_leaves_as_skops(reg: Registry, alice: Actor, iris: Version) -> None:
    archive = folder(reg, alice, iris)
    own = described(archive)["flavors"]["sklearn"]
    assert (own["pickled_model"], own["serialization_format"]) == ("model.skops", "skops")
    assert own["skops_trusted_types"] == [
        "numpy.dtype",
        "numpy.ndarray",
        "sklearn.linear_model._logistic.LogisticRegression",
    ]
    with archive.open("model.skops") as inner, zipfile.ZipFile(inner) as saved:
        assert "schema.json" in saved.namelist()


def test_what_waits_in_quarantine_is_not_called_trusted(
    reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    honest, held = makers.skops_classifier(tmp_path), tmp_path / "held.skops"
    with zipfile.ZipFile(honest) as saved, zipfile.ZipFile(held, "w") as copy:
        for name in saved.namelist():
            copy.writestr(name, saved.read(name).replace(b"sklearn.linear_model", b"acme_models"))
    version = publish_file(alice, held, check=False, name="Held")
    assert version.status == "quarantined"
    own = described(folder(reg, alice, version))["flavors"]["sklearn"]
    assert own["skops_trusted_types"] == ["numpy.ndarray"]


def test_a_file_that_no_flavor_loads_is_refused(
    reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(
        alice, makers.STORED["safetensors"][0](tmp_path), check=False, name="Weights"
    )
    assert "no flavor" in exports.why_not(version, "mlflow")
    with pytest.raises(InvalidInput, match="no flavor"):
        exports.open_export(reg, alice, version.ref, "mlflow")


def inputs_of(archive: zipfile.ZipFile) -> list[dict]:
    return json.loads(described(archive)["signature"]["inputs"])


def test_a_graph_with_an_input_per_column_is_asked_for_tensors_by_name(
    reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, makers.onnx_columns(tmp_path), check=False, name="Columns")
    assert [(i["name"], i["tensor-spec"]) for i in inputs_of(folder(reg, alice, version))] == [
        ("age", {"dtype": "float32", "shape": [-1, 1]}),
        ("tenure", {"dtype": "int64", "shape": [-1, 1]}),
        ("city", {"dtype": "object", "shape": [-1, 1]}),
    ]


def test_a_graph_with_probabilities_takes_one_matrix_without_a_name(
    reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    file = makers.onnx_classifier_tensors(tmp_path)
    archive = folder(reg, alice, publish_file(alice, file, check=False, name="Matrix"))
    assert inputs_of(archive) == [
        {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}
    ]
    outputs = json.loads(described(archive)["signature"]["outputs"])
    assert [output["name"] for output in outputs] == ["label", "probabilities"]
    assert archive.read("model.onnx") == file.read_bytes()


def test_a_graph_with_one_number_for_a_row_is_asked_for_columns(
    reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, makers.onnx_regressor(tmp_path), check=False, name="Number")
    assert {i["type"] for i in inputs_of(folder(reg, alice, version))} == {"double"}


def test_a_graph_inspected_before_its_inputs_were_kept_is_looked_at_again(
    reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, makers.onnx_columns(tmp_path), check=False, name="Columns")
    with reg.writing() as s:
        row = s.get_one(VersionRow, version.id)
        details = {k: v for k, v in row.inspection["details"].items() if k != "inputs"}
        row.inspection = {**row.inspection, "details": details}
    assert [i["name"] for i in inputs_of(folder(reg, alice, version))] == ["age", "tenure", "city"]

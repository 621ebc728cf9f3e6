"""What left as a zip comes back: packages, hub repositories, MLflow folders, with their words."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry import exports, hub_card, lineage, models, packages, publish, staging, versions
from registry.core import Registry
from registry.records import Actor, Details, Draft, Metric, Told, Version
from tests.makers import fitted
from tests.makers import models as makers

Publish = Callable[..., Version]
Drop = Callable[..., Draft | None]
METRICS = (
    Metric("accuracy_score", 0.95, "", "", True, "file"),
    Metric("latency", 3.5, "ms", "holdout", False, "file"),
)
CARD = "---\nlanguage: en\n---\n\n# Iris\n\nMeasured by hand."
# As MLflow 3.17.2 wrote it for a pipeline, saved with cloudpickle.
MLMODEL = """\
artifact_path: runs/0/models/m-c2473d19640a47e18de7cbd9d60051dc/artifacts
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.9.1
    skops_trusted_types: null
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: m-c2473d19640a47e18de7cbd9d60051dc
run_id: 73cb27e20a6a43b7983899a7e34d03dd
signature:
  inputs: '[{"type": "double", "name": "sepal length (cm)", "required": true}, {"type":
    "double", "name": "sepal width (cm)", "required": false}, {"type": "double", "name":
    "petal length (cm)", "required": true}, {"type": "double", "name": "petal width
    (cm)", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-11-21 21:00:18.882062'
"""


@pytest.fixture
def drop(reg: Registry, alice: Actor) -> Drop:
    """Stage a zip, given as bytes or as members, and take it apart."""

    def run(members: bytes | dict[str, bytes], name: str = "model.zip") -> Draft | None:
        made = io.BytesIO()
        if isinstance(members, dict):
            with zipfile.ZipFile(made, "w") as archive:
                for path, data in members.items():
                    archive.writestr(path, data)
        with staging.receive(reg, alice, name) as incoming:
            incoming.write(members if isinstance(members, bytes) else made.getvalue())
            staged = incoming.finish()
        return packages.unpack(reg, alice, staged.id)

    return run


@pytest.fixture
def said(reg: Registry, alice: Actor, iris: Version) -> Version:
    """Alice's model with everything that can be said of it."""
    about = {"license": "Apache-2.0", "task": "classification", "tags": ["flowers", "team:lab"]}
    models.edit(reg, alice, iris.model, card=CARD, description="Which iris?", **about)
    return versions.edit(reg, alice, iris.ref, metrics=METRICS, parameters={"C": 1.0})


@pytest.fixture
def by_mlflow(tmp_path: Path) -> dict[str, bytes]:
    """Members of a folder that MLflow wrote."""
    return {
        "MLmodel": MLMODEL.encode(),
        "model.pkl": makers.pickle_file(tmp_path, fitted.classifier()).read_bytes(),
        "requirements.txt": b"mlflow==3.17.2\nscikit-learn==1.9.1\n",
        "conda.yaml": b"name: mlflow-env\n",
        "python_env.yaml": b"python: 3.11.7\n",
        "input_example.json": b'{"columns": ["a"], "data": [[1.0]]}',
        "registered_model_meta": b"model_name: m\n",
    }


def sent(reg: Registry, actor: Actor, version: Version, what: exports.What) -> bytes:
    return b"".join(exports.open_export(reg, actor, version.ref, what).blocks)


def told(draft: Draft | None) -> Told:
    assert draft is not None
    return packages.told(draft)


def test_a_hub_repository_comes_back_with_its_metadata(
    reg: Registry, alice: Actor, said: Version, drop: Drop
) -> None:
    draft = drop(sent(reg, alice, said, "hub"))
    found = told(draft)
    assert (found.name, found.license, found.task) == ("Iris", "Apache-2.0", "classification")
    assert found.tags == ("flowers", "team:lab")
    assert found.metrics == METRICS
    assert draft
    assert draft.inspection.details[packages.KEPT]["card"].strip() == CARD
    assert draft.staged.digest == said.artifact.digest


@pytest.mark.parametrize("what", exports.WHAT)
def test_parents_come_back_for_who_may_see_them_and_only_where_they_are_the_same(
    reg: Registry, alice: Actor, bob: Actor, iris: Version, drop: Drop, publish_file: Publish,
    iris_file: Path, what: exports.What,
) -> None:  # fmt: skip
    tuned = publish_file(
        alice, iris_file, check=what == "mlflow", name="Tuned", parents=(iris.ref,)
    )
    found = told(drop(sent(reg, alice, tuned, what))).parents
    assert found == {iris.ref: iris.artifact.digest}
    assert lineage.known(reg, alice, found) == (iris.ref,)
    assert lineage.known(reg, bob, found) == lineage.known(reg, bob, {"alice/none@1": ""}) == ()
    assert lineage.known(reg, alice, {iris.ref: "0" * 64, "alice/iris@9": "", "odd": ""}) == ()


@pytest.mark.parametrize(
    "lineage_told", ["x", {"parents": "alice/iris@1"}, {"parents": [3, None], "digests": 3}]
)
def test_a_lineage_that_makes_no_sense_names_nobody(
    drop: Drop, iris_file: Path, lineage_told: object
) -> None:
    manifest = json.dumps({"vitrine": 1, "lineage": lineage_told}).encode()
    draft = drop({"vitrine.json": manifest, "model.joblib": iris_file.read_bytes()})
    assert told(draft).parents == {}


@pytest.mark.parametrize(
    "license", ["MIT", "GPL-3.0-only", "GPL-3.0-or-later", "LicenseRef-proprietary", ""]
)
def test_every_license_survives_the_way_through_a_hub_card(
    reg: Registry, alice: Actor, said: Version, license: str
) -> None:
    model = replace(models.get(reg, alice, said.model), license=license)
    assert hub_card.license_of(hub_card.front_matter(model, said)) == license


def test_a_package_comes_back_as_the_same_version(
    reg: Registry, alice: Actor, said: Version, drop: Drop
) -> None:
    draft = drop(sent(reg, alice, said, "package"))
    found = told(draft)
    assert draft
    assert (found.description, found.license) == ("Which iris?", "Apache-2.0")
    assert (found.metrics, found.parameters) == (METRICS, {"C": 1.0})
    assert draft.inspection.schema == said.schema


def test_a_folder_for_mlflow_comes_back_with_schema_and_metrics(
    reg: Registry, alice: Actor, said: Version, drop: Drop
) -> None:
    draft = drop(sent(reg, alice, said, "mlflow"))
    found = told(draft)
    assert draft
    assert draft.inspection.format == "skops"
    assert (found.metrics, found.license) == (METRICS, "Apache-2.0")
    assert draft.inspection.schema
    assert said.schema
    assert draft.inspection.schema.fields == said.schema.fields
    assert draft.inspection.schema.classes == said.schema.classes


def test_what_mlflow_wrote_becomes_a_version_of_its_model_file(
    reg: Registry, alice: Actor, drop: Drop, by_mlflow: dict[str, bytes]
) -> None:
    draft = drop(by_mlflow)
    assert draft
    assert (draft.staged.filename, draft.inspection.format) == ("model.pkl", "sklearn")
    assert draft.inspection.schema
    assert [(f.name, f.type, f.nullable) for f in draft.inspection.schema.fields][:2] == [
        ("sepal length (cm)", "double", False),
        ("sepal width (cm)", "double", True),
    ]
    assert draft.inspection.schema.classes
    assert told(draft).training == {
        "mlflow run": "73cb27e20a6a43b7983899a7e34d03dd",
        "mlflow model": "m-c2473d19640a47e18de7cbd9d60051dc",
        "mlflow version": "3.17.2",
        "mlflow flavors": ["python_function", "sklearn"],
    }
    kept = draft.inspection.details[packages.KEPT]
    version = publish.publish(reg, alice, draft.id, Details(name="Came", files=kept["files"]))
    assert sorted((a.kind, a.filename) for a in version.artifacts) == [
        ("config", "input_example.json"),
        ("config", "python_env.yaml"),
        ("model", "model.pkl"),
        ("requirements", "conda.yaml"),
        ("requirements", "requirements.txt"),
    ]


def test_metrics_and_parameters_of_an_mlmodel_are_kept(
    drop: Drop, by_mlflow: dict[str, bytes]
) -> None:
    more = (
        "metrics:\n- {key: f1_score, value: 0.9, dataset_name: holdout}\n"
        "params:\n- {key: C, value: '1.0'}\n"
    )
    found = told(drop({**by_mlflow, "MLmodel": (MLMODEL + more).encode()}))
    assert found.metrics == (Metric("f1_score", 0.9, "", "holdout", None, "file"),)
    assert found.parameters == {"C": "1.0"}


@pytest.mark.parametrize(
    "change",
    [
        {"code/helper.py": b"import os\n"},
        {"MLmodel": MLMODEL.replace("model.pkl", "../model.pkl").encode()},
        {"MLmodel": MLMODEL.replace("model.pkl", "elsewhere.pkl").encode()},
    ],
    ids=["code", "a way out", "no such file"],
)
def test_a_folder_that_is_more_than_one_file_stays_whole(
    drop: Drop, by_mlflow: dict[str, bytes], change: dict[str, bytes]
) -> None:
    assert drop({**by_mlflow, **change}) is None


@pytest.mark.parametrize(
    "front",
    [
        "a: &a [1]\nlicense: *a\n",
        "license: [\n",
        "- a list\n",
        "license: 7\ntags: mit\nmodel-index: {results: 3}\n",
        "model-index:\n- results:\n  - metrics:\n    - {type: f1, value: .nan}\n"
        "    - {type: f1, value: yes}\n    - {value: 1}\n    - 3\n",
    ],
)
def test_a_front_matter_that_makes_no_sense_says_nothing(
    drop: Drop, iris_file: Path, front: str
) -> None:
    card = f"---\n{front}---\n\n# Iris\n".encode()
    found = told(drop({"README.md": card, "model.joblib": iris_file.read_bytes()}))
    assert found == Told()


def test_a_hubs_own_words_become_ours(drop: Drop, iris_file: Path) -> None:
    card = b"""---
license: mit
library_name: sklearn
pipeline_tag: tabular-classification
datasets: [iris]
model-index:
- name: Flowers
  results:
  - task: {type: tabular-classification}
    dataset: {name: Iris, type: iris}
    metrics:
    - {type: accuracy, value: 0.97}
    - {type: f1, value: 0.96, name: F1}
---
# Flowers
"""
    draft = drop({"README.md": card, "model.joblib": iris_file.read_bytes()})
    found = told(draft)
    assert (found.name, found.license, found.task) == ("Flowers", "MIT", "classification")
    assert [(m.name, m.value, m.dataset) for m in found.metrics] == [
        ("accuracy_score", 0.97, "Iris"),
        ("f1_score", 0.96, "Iris"),
    ]
    assert draft
    kept = draft.inspection.details[packages.KEPT]["card"]
    assert kept == "---\ndatasets: [iris]\n---\n\n# Flowers\n"

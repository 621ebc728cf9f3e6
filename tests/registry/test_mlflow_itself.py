"""MLflow itself, in an environment of its own: it answers as we do, and what it wrote runs here."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry import checks, exports, packages, publish, staging, versions
from registry.core import Registry
from registry.predict import predict
from registry.records import Actor, Details, Metric, Schema, Tensor, Version
from tests.house_rules import ROOT
from tests.makers import models as makers

pytestmark = pytest.mark.long
Mlflow = Callable[..., Any]
MLP = Schema("tensors", tensors=(Tensor("input", "float32", (-1, 4)),))
ONNX = ("onnx_classifier", "onnx_classifier_tensors", "onnx_columns")
TORCH = {"torchscript": "torchscript_mlp", "torch_export": "torch_export_mlp"}
# In MLflow's environment: {"folder", "rows" or "tensor", "libraries"} in; out come all answers to
# them, and the first to the example that lies in the folder.
ASK = """
import json, sys
asked = json.load(sys.stdin)
sys.path.append(asked["libraries"])  # torch, where MLflow's own environment has none
import mlflow, numpy as np, pandas as pd
model = mlflow.pyfunc.load_model(asked["folder"])
if asked.get("rows"):
    given = pd.DataFrame(asked["rows"])
    for column in model.metadata.get_input_schema().inputs:
        kinds = {"long": "int64", "integer": "int32", "float": "float32"}
        kind = kinds.get(column.type.name)
        if kind and column.name:
            given[column.name] = given[column.name].astype(kind)
else:
    given = np.asarray(asked["tensor"], "float32")
def answers(given):
    said = model.predict(given)
    if isinstance(said, pd.DataFrame):
        said = said.to_dict("list")
    found = list(said.values()) if isinstance(said, dict) else [said]
    return [np.asarray([list(v.values()) if isinstance(v, dict) else v for v in one]).tolist()
            for one in found]
example = answers(model.metadata.load_input_example(asked["folder"]))
print("\\n" + json.dumps([answers(given), example]))
"""
SAVE = """
import json, sys
kind, target, run = sys.argv[1:]
import mlflow, numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
mlflow.set_tracking_uri(run)
bunch = load_iris(as_frame=True)
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(bunch.data, bunch.target_names[bunch.target])
signature = mlflow.models.infer_signature(bunch.data, model.predict(bunch.data))
more = {"skops_trusted_types": []} if kind == "skops" else {}
with mlflow.start_run() as run:
    said = mlflow.sklearn.log_model(
        model, name="iris", signature=signature, input_example=bunch.data[:2],
        serialization_format=kind, metadata={"vitrine": {"metrics": [
            {"name": "accuracy_score", "value": 0.97, "dataset": "iris"}]}}, **more)
    path = mlflow.artifacts.download_artifacts(said.model_uri, dst_path=target)
rows = bunch.data.iloc[::15]
answers = mlflow.pyfunc.load_model(path).predict(rows)
print("\\n" + json.dumps([path, rows.to_dict("records"), list(answers), run.info.run_id]))
"""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's interpreter: that of `make peers`, else one that is made, which takes minutes."""
    known = Path(os.environ.get("VITRINE_PEERS", ROOT / "peers/bin/python"))
    if known.exists():
        return known.absolute()
    folder = tmp_path_factory.mktemp("peers")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wanted = ROOT / "benchmarks/requirements.txt"
    subprocess.run([folder / "bin/pip", "install", "--quiet", "-r", wanted], check=True)
    return folder / "bin/python"


@pytest.fixture
def mlflow(python: Path, tmp_path: Path) -> Mlflow:
    """Runs a script there; gives what its last line says."""

    def run(script: str, *arguments: str, **asked: Any) -> Any:
        done = subprocess.run(
            [python, "-W", "ignore", "-c", script, *arguments], input=json.dumps(asked),
            capture_output=True, text=True, cwd=tmp_path, check=False,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.rpartition("\n")[2] or done.stdout.splitlines()[-1])

    return run


def asked_of(version: Version) -> dict[str, Any]:
    """Rows or a tensor that the version takes."""
    assert version.schema
    if version.schema.kind == "table":
        first = dict(version.schema.example)
        numbers = {n: v for n, v in first.items() if isinstance(v, float)}
        return {"rows": [first, first | {name: value + 1.5 for name, value in numbers.items()}]}
    shape = [2 if n < 0 else n for n in version.schema.tensors[0].shape]
    return {"tensor": np.random.default_rng(7).normal(size=shape).round(3).tolist()}


def ours(reg: Registry, actor: Actor, version: Version, asked: dict[str, Any]) -> list[Any]:
    assert version.schema
    name = version.schema.tensors[0].name if version.schema.tensors else ""
    given = asked["rows"] if "rows" in asked else {name: asked["tensor"]}
    return [output.values for output in predict(reg, actor, version.ref, given).outputs]


def assert_same(theirs: Any, mine: Any) -> None:
    """Numbers as close as single floats are, words to the letter."""
    theirs, mine = np.asarray(theirs).ravel(), np.asarray(mine).ravel()
    if mine.dtype.kind in "fc":
        np.testing.assert_allclose(theirs.astype(float), mine, rtol=1e-5, atol=1e-6)
    else:
        assert [str(v) for v in theirs] == [str(v) for v in mine]


@pytest.mark.parametrize(
    "maker",
    ["sklearn_classifier", "sklearn_forest", "sklearn_pickle", "sklearn_regressor",
     "sklearn_pipeline", "skops_pipeline", "onnx_regressor", *ONNX, *TORCH.values()],
)  # fmt: skip
def test_mlflow_loads_what_leaves_and_gives_the_same_answers(
    reg: Registry, alice: Actor, publish_file: Callable[..., Version], tmp_path: Path,
    mlflow: Mlflow, maker: str,
) -> None:  # fmt: skip
    made = {f.__name__: f for found in makers.RUNNABLE.values() for f in found}
    more = {"schema": MLP} if maker in TORCH.values() else {}
    version = publish_file(alice, made[maker](tmp_path), name="Leaves", **more)
    asked = asked_of(version)
    data = b"".join(exports.open_export(reg, alice, version.ref, "mlflow").blocks)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "folder")
    libraries = str(Path(np.__file__).parents[1])
    theirs, first = mlflow(ASK, folder=str(tmp_path / "folder"), libraries=libraries, **asked)
    mine = ours(reg, alice, version, asked)
    assert len(theirs) == (2 if maker in ONNX else 1)  # of a graph, the probabilities as well
    for one, other in zip(theirs, mine, strict=False):
        assert_same(one, other)
    assert version.schema
    rows = {"rows": [version.schema.example]} if "rows" in asked else {
        "tensor": version.schema.example[version.schema.tensors[0].name]}  # fmt: skip
    assert_same(first[0], ours(reg, alice, version, rows)[0])


@pytest.mark.parametrize("kind", ["cloudpickle", "skops"])
def test_what_mlflow_wrote_runs_here_with_the_same_answers(
    reg: Registry, alice: Actor, tmp_path: Path, mlflow: Mlflow, kind: str
) -> None:
    runs = f"sqlite:///{tmp_path / 'runs.db'}"
    target = tmp_path / "saved"  # apart from the runs, which hold the same folder
    target.mkdir()
    path, rows, theirs, run_id = mlflow(SAVE, kind, str(target), runs)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file in sorted(Path(path).rglob("*")):
            archive.write(file, file.relative_to(Path(path).parent))
    with staging.receive(reg, alice, "iris.zip") as incoming:
        incoming.write(made.getvalue())
        staged = incoming.finish()
    draft = packages.unpack(reg, alice, staged.id)
    assert draft
    said = packages.told(draft)
    assert said.training["mlflow run"] == run_id
    assert said.metrics == (Metric("accuracy_score", 0.97, "", "iris", None, "file"),)
    details = Details(name="Came", training=said.training, metrics=said.metrics)
    version = publish.publish(reg, alice, draft.id, details)
    checks.run(reg, version.id)
    version = versions.get(reg, alice, version.ref)
    assert version.status == "ready", version.failure
    assert version.schema
    assert {field.type for field in version.schema.fields} == {"double"}
    assert list(predict(reg, alice, version.ref, rows).outputs[0].values) == theirs

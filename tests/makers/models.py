"""Builders of tiny real models, one function each: `name(folder) -> path`.

What is fitted is fitted once per process; a call only writes the file.
"""

from __future__ import annotations

import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

JOBLIB_COMPRESSIONS = ("zlib", "gzip", "bz2", "xz", "lzma")
PICKLE_PROTOCOLS = (2, 3, 4, 5)


# What the models are fitted on


@cache
def iris() -> tuple[Any, np.ndarray]:
    """Four measurements of flowers as a frame, and their names."""
    from sklearn.datasets import load_iris

    data = load_iris(as_frame=True)
    return data.data, np.array(data.target_names)[data.target]


@cache
def diabetes() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_diabetes

    features, target = load_diabetes(return_X_y=True)
    return features.astype(np.float32), target


@cache
def customers() -> tuple[Any, np.ndarray]:
    """A frame with gaps, text and whole numbers, and who left."""
    import pandas as pd

    rng = np.random.default_rng(7)
    n = 120
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "city": pd.Series(rng.choice(["Bern", "Oslo", "Turin"], n), dtype=object),
            "tenure": rng.integers(0, 40, n),
            "plan": pd.Series(rng.choice(["free", "pro"], n), dtype=object),
        }
    )
    left = np.where((frame.tenure < 12) & (frame["plan"] == "free"), "left", "stayed")
    frame.loc[::10, "age"] = np.nan
    frame.loc[::15, "city"] = np.nan
    return frame, left


# Estimators


@cache
def classifier() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=500).fit(*iris())


@cache
def forest(n_trees: int = 5) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=n_trees, max_depth=4, random_state=0).fit(*iris())


@cache
def unnamed_classifier() -> Any:
    """Fitted on an array, so that the columns have no names."""
    from sklearn.linear_model import LogisticRegression

    frame, target = iris()
    return LogisticRegression(max_iter=500).fit(frame.to_numpy(), target)


@cache
def regressor() -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(n_estimators=5, random_state=0).fit(*diabetes())


@cache
def histogram_classifier() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(*iris())


@cache
def pipeline() -> Any:
    """A Pipeline with a ColumnTransformer on a frame: gaps filled, numbers scaled, text encoded."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer(
        [("numbers", numbers, ["age", "tenure"]), ("texts", texts, ["city", "plan"])]
    )
    model = GradientBoostingClassifier(n_estimators=10, random_state=0)
    return Pipeline([("columns", columns), ("model", model)]).fit(*customers())


@cache
def text_classifier() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = ["good film", "great film", "bad film", "awful film"] * 5
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 1, 0, 0] * 5)


@cache
def cluster() -> Any:
    from sklearn.cluster import KMeans

    return KMeans(3, n_init=1, random_state=0).fit(iris()[0])


@cache
def several_targets() -> Any:
    from sklearn.linear_model import LinearRegression

    features, target = diabetes()
    return LinearRegression().fit(features, np.stack([target, target * 2], axis=1))


# scikit-learn files


def sklearn_classifier(folder: Path) -> Path:
    return joblib_file(folder, classifier())


def sklearn_forest(folder: Path, n_trees: int = 5) -> Path:
    return joblib_file(folder, forest(n_trees), "forest.joblib")


def sklearn_unnamed(folder: Path) -> Path:
    return joblib_file(folder, unnamed_classifier(), "unnamed.joblib")


def sklearn_regressor(folder: Path) -> Path:
    return joblib_file(folder, regressor(), "regressor.joblib")


def sklearn_histogram(folder: Path) -> Path:
    return joblib_file(folder, histogram_classifier(), "histogram.joblib")


def sklearn_pipeline(folder: Path) -> Path:
    return joblib_file(folder, pipeline(), "pipeline.joblib")


def sklearn_text(folder: Path) -> Path:
    return joblib_file(folder, text_classifier(), "text.joblib")


def sklearn_cluster(folder: Path) -> Path:
    return joblib_file(folder, cluster(), "cluster.joblib")


def sklearn_several_targets(folder: Path) -> Path:
    return joblib_file(folder, several_targets(), "several.joblib")


def joblib_file(
    folder: Path, model: Any, name: str = "model.joblib", compress: str | None = None
) -> Path:
    import joblib

    path = folder / name
    joblib.dump(model, path, compress=(compress, 3) if compress else 0)
    return path


def pickle_file(folder: Path, model: Any, protocol: int = 4, name: str = "model.pkl") -> Path:
    path = folder / name
    path.write_bytes(pickle.dumps(model, protocol=protocol))
    return path


def sklearn_pickle(folder: Path) -> Path:
    return pickle_file(folder, pipeline())


def skops_classifier(folder: Path) -> Path:
    return skops_file(folder, classifier())


def skops_pipeline(folder: Path) -> Path:
    return skops_file(folder, pipeline(), "pipeline.skops")


def skops_file(folder: Path, model: Any, name: str = "model.skops") -> Path:
    from skops import io

    io.dump(model, folder / name)
    return folder / name


# ONNX files


def onnx_classifier(folder: Path) -> Path:
    """Label as text and a ZipMap of probabilities."""
    return _converted(folder, "classifier.onnx", forest(), iris()[0].to_numpy(np.float32)[:1])


def onnx_classifier_tensors(folder: Path) -> Path:
    """Label and probabilities as plain tensors."""
    return _converted(
        folder, "plain.onnx", unnamed_classifier(), iris()[0].to_numpy(np.float32)[:1], zipmap=False
    )


def onnx_regressor(folder: Path) -> Path:
    return _converted(folder, "regressor.onnx", regressor(), diabetes()[0][:1])


def onnx_columns(folder: Path) -> Path:
    """One input per column of a frame."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    types = {"age": FloatTensorType, "tenure": Int64TensorType}
    inputs = [(n, types.get(n, StringTensorType)([None, 1])) for n in ("age", "tenure", "city")]
    return _converted(folder, "columns.onnx", onnx_columns_pipeline(), None, inputs=inputs)


@cache
def onnx_columns_pipeline() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [("n", StandardScaler(), ["age", "tenure"]), ("t", OneHotEncoder(), ["city"])]
    )
    frame, target = customers()
    kept = frame[["age", "tenure", "city"]].dropna()
    model = Pipeline([("columns", columns), ("model", LogisticRegression())])
    return model.fit(kept, target[kept.index])


def _converted(
    folder: Path, name: str, model: Any, row: Any, *, inputs: Any = None, zipmap: bool = True
) -> Path:
    path = folder / name
    path.write_bytes(_onnx_bytes(name, lambda: _convert(model, row, inputs, zipmap)))
    return path


_ONNX: dict[str, bytes] = {}


def _onnx_bytes(name: str, build: Callable[[], bytes]) -> bytes:
    if name not in _ONNX:
        _ONNX[name] = build()
    return _ONNX[name]


def _convert(model: Any, row: Any, inputs: Any, zipmap: bool) -> bytes:
    from skl2onnx import to_onnx

    options = None if zipmap else {"zipmap": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = to_onnx(model, row, initial_types=inputs, options=options)
    content: bytes = made.SerializeToString()
    return content


def onnx_picture(folder: Path) -> Path:
    """A convolution over 8 × 8 gray pictures, batch of any size, ten scores."""
    path = folder / "picture.onnx"
    path.write_bytes(_onnx_bytes("picture.onnx", _onnx_picture))
    return path


def _onnx_picture() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=(4, 1, 3, 3)).astype(np.float32), "kernel"),
        numpy_helper.from_array(rng.normal(size=(144, 10)).astype(np.float32), "dense"),
    ]
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["logits"]),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 1, 8, 8])
    answer = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "digits", [given], [answer], weights)
    return _onnx_model(graph)


def onnx_dynamic(folder: Path) -> Path:
    """Two inputs of any size, added."""
    path = folder / "dynamic.onnx"
    path.write_bytes(_onnx_bytes("dynamic.onnx", _onnx_dynamic))
    return path


def _onnx_dynamic() -> bytes:
    from onnx import TensorProto, helper

    node = helper.make_node("Add", ["a", "b"], ["total"])
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", "m"]) for n in "ab"]
    answer = helper.make_tensor_value_info("total", TensorProto.FLOAT, ["n", "m"])
    return _onnx_model(helper.make_graph([node], "sum", infos, [answer]))


def _onnx_model(graph: Any) -> bytes:
    from onnx import checker, helper

    model = helper.make_model(
        graph, producer_name="vitrine-tests", opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


# torch files


@cache
def mlp() -> Any:
    import torch

    torch.manual_seed(0)
    layers = (torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    return torch.nn.Sequential(*layers).eval()


@cache
def cnn() -> Any:
    """Digits: 8 × 8 gray pictures to ten scores."""
    import torch

    torch.manual_seed(0)
    layers = (
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(144, 10),
    )
    return torch.nn.Sequential(*layers).eval()


def torchscript_mlp(folder: Path) -> Path:
    """Scripted, so that the file says nothing of its inputs but the code."""
    return _scripted(folder, "mlp.pt", mlp())


def torchscript_cnn(folder: Path) -> Path:
    return _scripted(folder, "cnn.pt", cnn())


def torchscript_traced(folder: Path) -> Path:
    import torch

    path = folder / "traced.pt"
    with _quiet():
        torch.jit.trace(cnn(), torch.zeros(2, 1, 8, 8)).save(str(path))
    return path


def _scripted(folder: Path, name: str, module: Any) -> Path:
    import torch

    with _quiet():
        torch.jit.script(module).save(str(folder / name))
    return folder / name


def torch_export_cnn(folder: Path) -> Path:
    return _exported(folder, "cnn.pt2", cnn(), (2, 1, 8, 8))


def torch_export_mlp(folder: Path) -> Path:
    return _exported(folder, "mlp.pt2", mlp(), (2, 4))


_EXPORTED: dict[str, bytes] = {}


def _exported(folder: Path, name: str, module: Any, shape: tuple[int, ...]) -> Path:
    import torch

    path = folder / name
    if name in _EXPORTED:
        path.write_bytes(_EXPORTED[name])
        return path
    batch = torch.export.Dim("batch", min=1, max=4096)
    with _quiet():
        program = torch.export.export(
            module, (torch.zeros(shape),), dynamic_shapes=({0: batch},), strict=False
        )
        torch.export.save(program, path)
    _EXPORTED[name] = path.read_bytes()
    return path


def torch_state_dict(folder: Path) -> Path:
    return _saved(folder, "weights.pt", cnn().state_dict())


def torch_checkpoint(folder: Path) -> Path:
    return _saved(folder, "epoch3.ckpt", {"model": mlp().state_dict(), "epoch": 3, "loss": 0.25})


def torch_legacy_state_dict(folder: Path) -> Path:
    """In the layout from before torch 1.6."""
    import torch

    path = folder / "legacy.pth"
    torch.save(mlp().state_dict(), path, _use_new_zipfile_serialization=False)
    return path


def torch_whole_module(folder: Path) -> Path:
    """Made of torch's own layers only, so that it can run."""
    return _saved(folder, "whole.pt", mlp())


def torch_own_class(folder: Path) -> Path:
    """A whole module of a class that is not in the file."""
    module = OwnNetwork.build()
    return _saved(folder, "own.pt", module)


class OwnNetwork:
    """Makes a module of a class of ours."""

    @staticmethod
    def build() -> Any:
        import torch

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = torch.nn.Linear(2, 2)

        Network.__module__, Network.__qualname__ = "mine.networks", "Network"
        _pretend_module("mine.networks", Network=Network)
        return Network()


def _pretend_module(name: str, **content: Any) -> None:
    """Make a module of that name importable, as pickle insists on while saving."""
    import sys
    import types

    for part in (name.partition(".")[0], name):
        sys.modules.setdefault(part, types.ModuleType(part))
    vars(sys.modules[name]).update(content)


def _saved(folder: Path, name: str, content: Any) -> Path:
    import torch

    torch.save(content, folder / name)
    return folder / name


class _quiet(warnings.catch_warnings):  # noqa: N801  used like a function
    """torch warns that its own formats will be replaced."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")


def safetensors_file(folder: Path) -> Path:
    from safetensors.numpy import save_file

    path = folder / "weights.safetensors"
    tensors = {"w": np.ones((3, 4), np.float32), "b": np.zeros(3, np.float32)}
    save_file(tensors, path, metadata={"format": "pt"})
    return path


# Formats that are stored and described


def keras_zip(folder: Path) -> Path:
    path = folder / "model.keras"
    about = {"keras_version": "3.15.1", "date_saved": "2026-01-01@12:00:00"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(about))
        archive.writestr("config.json", json.dumps(_keras_config()))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
    return path


def keras_h5(folder: Path) -> Path:
    import h5py

    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(_keras_config())
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.create_dataset("model_weights/dense/kernel", data=np.zeros((4, 3), np.float32))
    return path


def _keras_config() -> dict[str, Any]:
    shape = [None, 4]
    layers = [
        {"class_name": "InputLayer", "config": {"name": "flower", "batch_shape": shape}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 3}},
    ]
    return {"class_name": "Functional", "config": {"name": "net", "layers": layers}}


def tflite_file(folder: Path) -> Path:
    """A flatbuffer by hand: one graph, an input [1, 4] and an output [1, 3], both float32."""
    path = folder / "model.tflite"
    path.write_bytes(_Flat().model())
    return path


class _Flat:
    """Writes just enough of a flatbuffer, front to back, with offsets patched in."""

    def __init__(self) -> None:
        self.data = bytearray(b"\x00\x00\x00\x00TFL3")

    def table(self, *layouts: str) -> tuple[int, list[int]]:
        """A table whose fields are all present; where it starts, and where each field lies."""
        sizes = [struct.calcsize("<" + layout) for layout in layouts]
        places = [4 + sum(sizes[:n]) for n in range(len(sizes))]
        vtable = struct.pack(f"<HH{len(sizes)}H", 4 + 2 * len(sizes), 4 + sum(sizes), *places)
        start = len(self.data) + len(vtable)
        self.data += vtable + struct.pack("<i", len(vtable)) + bytes(sum(sizes))
        return start, [start + place for place in places]

    def point(self, place: int, target: int) -> None:
        struct.pack_into("<I", self.data, place, target - place)

    def string(self, text: bytes) -> int:
        return self._append(struct.pack("<I", len(text)) + text + b"\x00")

    def numbers(self, *values: int) -> int:
        return self._append(struct.pack(f"<I{len(values)}i", len(values), *values))

    def tables(self, *targets: int) -> int:
        start = self._append(struct.pack("<I", len(targets)) + bytes(4 * len(targets)))
        for n, target in enumerate(targets):
            place = start + 4 + 4 * n
            struct.pack_into("<I", self.data, place, (target - place) & 0xFFFFFFFF)
        return start

    def _append(self, content: bytes) -> int:
        start = len(self.data)
        self.data += content
        return start

    def model(self) -> bytes:
        model, at = self.table("I", "I", "I", "I")
        self.point(0, model)
        struct.pack_into("<I", self.data, at[0], 3)
        listed = self._append(struct.pack("<I", 1) + bytes(4))
        graph, parts = self.table("I", "I", "I")
        self.point(listed + 4, graph)
        self.point(at[1], self.numbers())
        self.point(at[2], listed)
        self.point(at[3], self.string(b"tiny"))
        slots = self._append(struct.pack("<I", 2) + bytes(8))
        self.point(parts[0], slots)
        self.point(parts[1], self.numbers(0))
        self.point(parts[2], self.numbers(1))
        for n, (name, shape) in enumerate(((b"flower", (1, 4)), (b"answer", (1, 3)))):
            tensor, fields = self.table("I", "I", "I", "I")
            self.point(slots + 4 + 4 * n, tensor)
            self.point(fields[0], self.numbers(*shape))
            self.point(fields[3], self.string(name))
        return bytes(self.data)


def tensorflow_pb(folder: Path) -> Path:
    """A frozen graph: a placeholder and an identity."""
    path = folder / "graph.pb"
    path.write_bytes(_graph_def(("x", "Placeholder"), ("y", "Identity")))
    return path


def tensorflow_saved_model(folder: Path) -> Path:
    path = folder / "saved.zip"
    about = _message(5, b"2.19.0")
    meta = _message(1, about) + _message(2, _graph_def(("x", "Placeholder"), ("f", "ReadFile")))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export/saved_model.pb", b"\x08\x01" + _message(2, meta))
        archive.writestr("export/variables/variables.index", b"")
    return path


def _graph_def(*nodes: tuple[str, str]) -> bytes:
    return b"".join(
        _message(1, _message(1, name.encode()) + _message(2, operation.encode()))
        for name, operation in nodes
    )


def _message(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size, length = len(content), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([number << 3 | 2]) + length + content


def tensorrt_engine(folder: Path) -> Path:
    path = folder / "model.engine"
    path.write_bytes(b"ftrt" + bytes(252))
    return path


def mlflow_zip(folder: Path) -> Path:
    path = folder / "mlflow.zip"
    text = """\
artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
  sklearn:
    sklearn_version: 1.9.1
mlflow_version: 3.17.0
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
"""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/MLmodel", text)
        archive.writestr("model/model.pkl", b"\x80\x04N.")
    return path


RUNNABLE: dict[str, tuple[Callable[[Path], Path], ...]] = {
    "sklearn": (
        sklearn_classifier,
        sklearn_forest,
        sklearn_unnamed,
        sklearn_regressor,
        sklearn_histogram,
        sklearn_pipeline,
        sklearn_pickle,
        sklearn_text,
        sklearn_cluster,
        sklearn_several_targets,
    ),
    "skops": (skops_classifier, skops_pipeline),
    "onnx": (
        onnx_classifier,
        onnx_classifier_tensors,
        onnx_regressor,
        onnx_columns,
        onnx_picture,
        onnx_dynamic,
    ),
    "torchscript": (torchscript_mlp, torchscript_cnn, torchscript_traced),
    "torch_export": (torch_export_mlp, torch_export_cnn),
    "torch_pickle": (torch_whole_module,),
}
"""Makers by format, of files that can be loaded and asked."""

STORED: dict[str, tuple[Callable[[Path], Path], ...]] = {
    "torch_pickle": (torch_state_dict, torch_checkpoint, torch_legacy_state_dict, torch_own_class),
    "safetensors": (safetensors_file,),
    "keras": (keras_zip, keras_h5),
    "tflite": (tflite_file,),
    "tensorflow": (tensorflow_pb, tensorflow_saved_model),
    "tensorrt": (tensorrt_engine,),
    "mlflow": (mlflow_zip,),
}
"""Makers by format, of files that are described and stored."""

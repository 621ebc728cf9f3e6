"""Honest files in the shapes their libraries and common tools give them: `name(folder) -> path`."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.makers import models, stored
from tests.makers.crafted_zips import Part, crafted, parts_of, written

Maker = Callable[[Path], Path]


def zip_deflated(folder: Path) -> Path:
    """An MLflow folder as Python's shutil or a file manager packs it."""
    return _packed(folder, zipfile.ZIP_DEFLATED)


def zip_streamed(folder: Path) -> Path:
    """Written to a pipe: sizes follow behind each member."""
    content = _Pipe()
    _pack(content, models.mlflow_zip(folder), zipfile.ZIP_DEFLATED, force_zip64=False)
    return written(folder, bytes(content.data), "streamed.zip")


def zip_large(folder: Path) -> Path:
    """With the wide headers that NumPy and streaming writers use."""
    content = _Pipe()
    _pack(content, models.mlflow_zip(folder), zipfile.ZIP_STORED, force_zip64=True)
    return written(folder, bytes(content.data), "large.zip")


def zip_with_folders(folder: Path) -> Path:
    """Folders as members, times and owners in extra fields, as Info-ZIP writes them."""
    extra = struct.pack("<HHBI", 0x5455, 5, 1, 0) + struct.pack(
        "<HHBBIBI", 0x7875, 11, 1, 4, 0, 4, 0
    )
    parts = parts_of(models.mlflow_zip(folder))
    for part in parts:
        part.mode, part.local, part.central = 0o100644, {"extra": extra}, {"extra": extra[:9]}
    top = Part("model/", mode=0o040755, local={"extra": extra})
    return written(folder, crafted([top, *parts]), "mlflow.zip")


def zip_accents(folder: Path) -> Path:
    notes = Part("model/Übersicht – Juli.txt", b"notes")
    return written(folder, crafted([*parts_of(models.mlflow_zip(folder)), notes]), "mlflow.zip")


class _Pipe(io.RawIOBase):
    """Takes bytes and cannot go back."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def _pack(target: Any, source: Path, method: int, *, force_zip64: bool) -> None:
    with zipfile.ZipFile(target, "w", method) as archive:
        for part in parts_of(source):
            with archive.open(part.name, "w", force_zip64=force_zip64) as member:
                member.write(part.data)


def _packed(folder: Path, method: int) -> Path:
    content = io.BytesIO()
    _pack(content, models.mlflow_zip(folder), method, force_zip64=False)
    return written(folder, content.getvalue(), "deflated.zip")


def mlflow_pytorch(folder: Path) -> Path:
    """A folder with a torch file, an ONNX file, arrays and tables in it."""
    import pandas as pd

    arrays = io.BytesIO()
    np.savez_compressed(arrays, a=np.zeros((50, 50)), b=np.arange(3))
    more = [
        Part("model/data/model.pth", models.torch_state_dict(folder).read_bytes()),
        Part("model/data/model.onnx", models.onnx_picture(folder).read_bytes()),
        Part("model/data/weights.safetensors", models.safetensors_file(folder).read_bytes()),
        Part("model/input_example.json", b'{"columns": ["a"], "data": [[1]]}'),
        Part("model/example.npz", arrays.getvalue()),
        Part("model/conda.yaml", b"channels:\n- conda-forge\ndependencies:\n- python=3.11\n"),
        Part("model/requirements.txt", b"torch==2.13.0\n"),
        Part("model/table.csv", pd.DataFrame({"a": [1]}).to_csv().encode()),
        Part("model/empty.txt"),
        Part("model/words.txt", b"cat\ndog\n"),
    ]
    return written(folder, crafted([*parts_of(models.mlflow_zip(folder)), *more]), "mlflow.zip")


def torch_many_members(folder: Path) -> Path:
    """A state dict of 2,000 tensors."""
    import torch

    torch.save({f"w{n}": torch.full((3,), float(n)) for n in range(2000)}, folder / "many.pt")
    return folder / "many.pt"


def torch_kinds(folder: Path) -> Path:
    """Tensors of every type, empty and shared ones."""
    import torch

    kinds = (torch.bfloat16, torch.float16, torch.float64, torch.int8, torch.bool, torch.complex64)
    tensors = {str(kind): torch.zeros(2, 3).to(kind) for kind in kinds}
    base = torch.arange(10.0)
    torch.save({**tensors, "empty": torch.zeros(0), "a": base, "b": base[2:5]}, folder / "kinds.pt")
    return folder / "kinds.pt"


def torch_random_bytes(folder: Path) -> Path:
    """Weights that begin like archives and pickles."""
    import torch

    starts = (b"PK\x03\x04", b"\x1f\x8b\x08\x00", b"\x80\x04\x95\x00", b"BZh9", b"\x7fELF")
    tensors = {str(n): torch.frombuffer(bytearray(s + bytes(60)), dtype=torch.uint8).clone()
               for n, s in enumerate(starts)}  # fmt: skip
    torch.save(tensors, folder / "bytes.pt")
    return folder / "bytes.pt"


def torchscript_extra(folder: Path) -> Path:
    """With files of the author's beside the code."""
    import torch

    from tests.makers.networks import mlp, quiet

    path = folder / "extra.pt"
    with quiet():
        module = torch.jit.script(mlp())
        torch.jit.save(module, str(path), _extra_files={"labels.json": '["a", "b"]'})
    return path


_CONTROL = """
def forward(self, x: Tensor):
    y = x
    for i in range(3):
        if float(y.sum()) > 1:
            y = torch.relu(y) + i
        else:
            y = torch.sigmoid(y)
    return {"a": y, "b": y.argmax(1)}
"""


def torchscript_control(folder: Path) -> Path:
    """Loops, branches, dictionaries and constants."""
    import torch

    from tests.makers.networks import quiet

    with quiet():
        made = torch.jit.ScriptModule()
        made.define(_CONTROL)
        made.save(str(folder / "control.pt"))
    return folder / "control.pt"


def torchscript_nested(folder: Path) -> Path:
    """Layers in layers without names of their own, which torch looks up by number."""
    import torch

    from tests.makers.networks import cnn, mlp, quiet

    inner = torch.nn.Sequential(torch.nn.Sequential(mlp(), torch.nn.Identity()))
    both = torch.nn.ModuleDict({"a-b": inner, "c": torch.nn.Sequential(cnn())})

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.both = both

        def forward(self, x: Any) -> Any:
            return self.both["a-b"](x)

    with quiet():
        torch.jit.trace(Network(), torch.zeros(2, 4)).save(str(folder / "nested.pt"))
    return folder / "nested.pt"


def torchscript_constants(folder: Path) -> Path:
    """Frozen: the weights are constants."""
    import torch

    from tests.makers.networks import cnn, quiet

    with quiet():
        torch.jit.freeze(torch.jit.script(cnn())).save(str(folder / "frozen.pt"))
    return folder / "frozen.pt"


def torch_export_symbols(folder: Path) -> Path:
    """Sizes that are expressions of other sizes."""
    import torch

    from tests.makers.networks import quiet

    class Network(torch.nn.Module):
        def forward(self, x: Any, y: Any) -> Any:
            joined = torch.cat([x, y]).reshape(-1, 2)
            return joined[: joined.shape[0] // 2] * x.shape[0] + 1

    sizes = ({0: torch.export.Dim("n", min=2, max=64)}, {0: torch.export.Dim("m", min=2, max=64)})
    with quiet():
        program = torch.export.export(
            Network(), (torch.zeros(8, 4), torch.zeros(6, 4)), dynamic_shapes=sizes, strict=False
        )
        torch.export.save(program, folder / "symbols.pt2")
    return folder / "symbols.pt2"


def safetensors_kinds(folder: Path) -> Path:
    """Empty tensors, scalars, and the metadata of transformers."""
    from safetensors.numpy import save_file

    path = folder / "kinds.safetensors"
    tensors = {"empty": np.zeros((0, 4), np.float32), "scalar": np.array(1.0)}
    tensors |= {"h": np.ones(3, "f2"), "b": np.zeros(7, bool), "z": np.zeros((2, 0), np.int64)}
    save_file(tensors, path, metadata={"format": "pt", "note": "Über"})
    return path


def skops_sparse(folder: Path) -> Path:
    """A model that keeps a sparse matrix, which skops writes as an archive of arrays."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.neighbors import KNeighborsClassifier

    rows = CountVectorizer().fit_transform(["good film", "bad film"] * 10)
    return models.skops_file(folder, KNeighborsClassifier(3).fit(rows, [0, 1] * 10), "sparse.skops")


def keras_whole(folder: Path) -> Path:
    """A configuration as Keras 3 writes it, with how the model was compiled."""
    return _keras(folder, _KERAS_3)


def keras_h5_whole(folder: Path) -> Path:
    """As Keras 2 writes it, compressed, with the optimizer."""
    import h5py

    path = models.keras_h5(folder)
    with h5py.File(path, "r+") as file:
        loss = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}
        told = {"loss": loss, "metrics": ["accuracy"], "optimizer_config": {
            "class_name": "Adam", "config": {"learning_rate": 0.001}}}  # fmt: skip
        file.attrs["training_config"] = json.dumps(told)
        group = file["model_weights"]
        group.attrs["layer_names"] = [b"dense"]
        group.create_dataset("big", data=np.zeros((500, 500)), compression="gzip", shuffle=True)
        file.create_dataset("optimizer_weights/iter", data=np.int64(3))
    return path


def _keras(folder: Path, config: Any) -> Path:
    parts = parts_of(models.keras_zip(folder))
    for part in parts:
        if part.name == "config.json":
            part.data = json.dumps(config).encode()
    parts.append(Part("assets/layers/text/vocabulary.txt", b"cat\ndog\n"))
    return written(folder, crafted(parts), "model.keras")


def _k(module: str, name: str, config: Any, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


_POLICY = _k("keras", "DTypePolicy", {"name": "float32"})
_TENSOR = {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32",
           "keras_history": ["flower", 0, 0]}}  # fmt: skip
_KERAS_3 = {
    **_k("keras", "Functional", {
        "name": "net",
        "layers": [
            _k("keras.layers", "InputLayer", {"name": "flower", "batch_shape": [None, 4]}),
            {**_k("keras.layers", "Dense", {
                "name": "dense", "units": 3, "activation": "relu", "dtype": _POLICY,
                "kernel_initializer": _k("keras.initializers", "GlorotUniform", {"seed": None}),
                "kernel_regularizer": _k("keras.regularizers", "L2", {"l2": 0.01})}),
             "inbound_nodes": [{"args": [_TENSOR], "kwargs": {}}]},
            _k("keras.layers", "StringLookup", {"vocabulary": ["a", "b"]}),
            _k("keras.layers", "TextVectorization", {"vocabulary": None, "split": "whitespace"}),
            _k("keras.src.ops.numpy", "Add", {"name": "add"}, "Add"),
        ]}, "Functional"),
    "compile_config": {
        "optimizer": _k("keras.optimizers", "Adam", {"learning_rate": 0.001}),
        "loss": _k("builtins", "function", "sparse_categorical_crossentropy", "function"),
        "metrics": ["accuracy", _k("keras.metrics", "AUC", {"name": "auc"})],
    },
}  # fmt: skip


def tensorflow_functions(folder: Path) -> Path:
    """A SavedModel whose graph calls its own functions, with weights saved and restored."""
    body = stored.message(1, stored.message(1, b"__inference_call_17"))
    body += stored.graph_def(("m", "MatMul"), ("b", "BiasAdd"), ("s", "Softmax"), number=3)
    graph = stored.graph_def(
        ("x", "Placeholder"), ("v", "VarHandleOp"), ("r", "ReadVariableOp"),
        ("c", "StatefulPartitionedCall"), ("d", "__inference_call_17"), ("s", "SaveV2"),
        ("l", "RestoreV2"), ("n", "NoOp"), ("i", "Identity"), ("k", "Const"),
    ) + stored.message(2, stored.message(1, body))  # fmt: skip
    parts = [
        Part("saved_model.pb", stored.saved_model(graph)),
        Part("variables/variables.data-00000-of-00001", b"PK\x03\x04 numbers"),
        Part("variables/variables.index", b"\x00index"),
        Part("fingerprint.pb", b"\x08\x01"),
        Part("assets/vocabulary.txt", b"cat\n"),
    ]
    return written(folder, crafted(parts), "saved.zip")


def onnx_functions(folder: Path) -> Path:
    """A function of the file's own, a branch, an empty weight, and text."""
    from onnx import TensorProto, checker, helper

    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    double = helper.make_node("Add", ["x", "x"], ["y"])
    function = helper.make_function("own", "Twice", ["x"], ["y"], [double], opsets[:1])
    answer = helper.make_tensor_value_info("z", TensorProto.FLOAT, [None])
    branch = helper.make_graph([helper.make_node("Identity", ["t"], ["z"])], "b", [], [answer])
    weights = [
        helper.make_tensor("none", TensorProto.FLOAT, [0, 4], []),
        helper.make_tensor("half", TensorProto.FLOAT16, [2], [1.0, 2.0]),
        helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b"b"]),
        helper.make_tensor("four", TensorProto.INT4, [3], [1, 2, 3]),
        helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
    ]
    nodes = [
        helper.make_node("Twice", ["a"], ["t"], domain="own"),
        helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch),
    ]
    given = helper.make_tensor_value_info("a", TensorProto.FLOAT, [None])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None])
    graph = helper.make_graph(nodes, "g", [given], [out], weights)
    model = helper.make_model(graph, functions=[function], opset_imports=opsets)
    model.ir_version = 10
    checker.check_model(model)
    return written(folder, model.SerializeToString(), "functions.onnx")


def _opset(version: int) -> Maker:
    def make(folder: Path) -> Path:
        from onnx import TensorProto, helper

        info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in "ab"]
        nodes = [
            helper.make_node("Relu", ["a"], ["r"]),
            helper.make_node("Softmax", ["r"], ["b"], axis=1),
        ]
        graph = helper.make_graph(nodes, "g", info[:1], info[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
        model.ir_version = 7
        return written(folder, model.SerializeToString(), f"opset{version}.onnx")

    return make


HONEST: dict[str, Maker] = {
    **{maker.__name__: maker for makers in (*models.RUNNABLE.values(), *models.STORED.values())
       for maker in makers
       if maker not in (models.tensorrt_engine, models.torch_own_class)},
    **{maker.__name__: maker for maker in (
        zip_deflated, zip_streamed, zip_large, zip_with_folders, zip_accents, mlflow_pytorch,
        torch_many_members, torch_kinds, torch_random_bytes,
        torchscript_nested, torchscript_extra, torchscript_control,
        torchscript_constants, torch_export_symbols, safetensors_kinds, skops_sparse, keras_whole,
        keras_h5_whole, tensorflow_functions, onnx_functions)},
    **{f"onnx_opset_{version}": _opset(version) for version in (7, 9, 11, 13, 15, 17, 19, 21)},
}  # fmt: skip

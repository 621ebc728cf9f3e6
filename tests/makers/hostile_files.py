"""Hostile containers, graphs and headers; none of them is ever loaded outside a worker.

`TECHNIQUES` maps a name to a function `(folder) -> path`; `EXPECTED` to the rule that must stop
it, the format it claims, and the level: "refuse" or "quarantine".
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.makers import models, stored
from tests.makers.crafted_zips import ZIPS, Maker, Part, crafted, parts_of, written

TECHNIQUES: dict[str, Maker] = {name: maker for name, (_, _, _, maker) in ZIPS.items()}
EXPECTED: dict[str, tuple[str, str, str]] = {
    name: (rule, claimed, "refuse") for name, (rule, claimed, _, _) in ZIPS.items()
}
for _, _, _about, _maker in ZIPS.values():
    _maker.__doc__ = _about


def technique(rule: str, format: str, verdict: str = "refuse") -> Callable[[Maker], Maker]:
    """Add a maker; its docstring is the description."""

    def add(maker: Maker) -> Maker:
        name = maker.__name__
        TECHNIQUES[name] = maker
        EXPECTED[name] = (rule, format, verdict)
        return maker

    return add


# NumPy


def _array(folder: Path, content: bytes, name: str = "evil.npy") -> Path:
    parts = parts_of(models.skops_classifier(folder))
    return written(folder, crafted([*parts, Part(name, content)]), "model.skops")


def _npy(descr: str, shape: tuple[int, ...], data: bytes = b"") -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@technique("npy-header", "skops")
def npy_objects(folder: Path) -> Path:
    """An array of Python objects, which is a pickle"""
    return _array(folder, _npy("|O", (1,), b"\x80\x02N."))


@technique("npy-header", "skops")
def npy_huge(folder: Path) -> Path:
    """A header that claims a petabyte"""
    return _array(folder, _npy("<f8", (2**47,), bytes(8)))


@technique("npy-header", "skops")
def npy_size(folder: Path) -> Path:
    """A header that fits fewer bytes than there are"""
    return _array(folder, _npy("<f8", (1,), bytes(4096)))


@technique("npy-header", "skops")
def npy_negative(folder: Path) -> Path:
    """A shape below zero"""
    return _array(folder, _npy("<f8", (-1,), bytes(8)))


@technique("npy-header", "skops")
def npz_objects(folder: Path) -> Path:
    """An archive of arrays with objects in it"""
    inner = crafted([Part("a.npy", _npy("|O", (1,), b"\x80\x02N."))])
    return _array(folder, inner, "evil.npz")


# HDF5


def _h5(folder: Path, fill: Callable[[Any], None]) -> Path:
    import h5py

    path = models.keras_h5(folder)
    with h5py.File(path, "r+") as file:
        fill(file)
    return path


@technique("hdf5-link", "keras")
def hdf5_external_link(folder: Path) -> Path:
    """Weights that are a link to another file"""
    import h5py

    def fill(file: Any) -> None:
        file["model_weights/w"] = h5py.ExternalLink("/etc/secrets.h5", "/w")

    return _h5(folder, fill)


@technique("hdf5-link", "keras")
def hdf5_external_link_in_keras(folder: Path) -> Path:
    """The same inside a .keras file"""
    import h5py

    def fill(file: Any) -> None:
        file["w"] = h5py.ExternalLink("/etc/secrets.h5", "/w")

    return _keras(folder, weights=stored.hdf5_bytes(fill))


@technique("hdf5-external", "keras")
def hdf5_external_storage(folder: Path) -> Path:
    """Numbers that are the bytes of /etc/passwd"""

    def fill(file: Any) -> None:
        file.create_dataset("w", (16,), "u1", external=[("/etc/passwd", 0, 16)])

    return _h5(folder, fill)


@technique("hdf5-virtual", "keras")
def hdf5_virtual(folder: Path) -> Path:
    """A data set made of another file's"""
    import h5py

    def fill(file: Any) -> None:
        layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
        layout[:] = h5py.VirtualSource("/etc/secrets.h5", "w", shape=(4,))
        file.create_virtual_dataset("w", layout)

    return _h5(folder, fill)


@technique("hdf5-shape", "keras")
def hdf5_petabyte(folder: Path) -> Path:
    """A data set of a petabyte without a byte"""

    def fill(file: Any) -> None:
        file.create_dataset("w", (2**47,), "f8", chunks=(1024,))

    return _h5(folder, fill)


@technique("hdf5-soft-link", "keras", "quarantine")
def hdf5_soft_link(folder: Path) -> Path:
    """Another name for other weights"""
    import h5py

    def fill(file: Any) -> None:
        file["model_weights/other"] = h5py.SoftLink("/nowhere")

    return _h5(folder, fill)


# Keras


def _keras(folder: Path, config: Any = None, weights: bytes | None = None) -> Path:
    changed = {"config.json": json.dumps(config or stored.keras_config()).encode()}
    if weights is not None:
        changed["model.weights.h5"] = weights
    parts = parts_of(models.keras_zip(folder))
    for part in parts:
        part.data = changed.get(part.name, part.data)
    return written(folder, crafted(parts), "model.keras")


def _with_layer(class_name: str, config: dict[str, Any], **more: Any) -> dict[str, Any]:
    whole = stored.keras_config()
    whole["config"]["layers"].append({"class_name": class_name, "config": config, **more})
    return whole


_LAMBDA = {"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}


@technique("keras-code", "keras")
def keras_lambda(folder: Path) -> Path:
    """A Lambda layer with marshalled code"""
    return _keras(folder, _with_layer("Lambda", _LAMBDA))


@technique("keras-code", "keras")
def keras_lambda_h5(folder: Path) -> Path:
    """The same in HDF5"""

    def fill(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(_with_layer("Lambda", _LAMBDA))

    return _h5(folder, fill)


@technique("keras-code", "keras")
def keras_lambda_as_activation(folder: Path) -> Path:
    """A lambda deep inside an ordinary layer"""
    return _keras(folder, _with_layer("Dense", {"activation": _LAMBDA["function"]}))


@technique("keras-code", "keras")
def keras_lambda_in_training(folder: Path) -> Path:
    """A lambda as the loss of an .h5 file"""

    def fill(file: Any) -> None:
        file.attrs["training_config"] = json.dumps({"loss": _LAMBDA["function"]})

    return _h5(folder, fill)


@technique("keras-code", "keras")
def keras_tfsm_layer(folder: Path) -> Path:
    """A layer that loads a SavedModel from a path"""
    return _keras(folder, _with_layer("TFSMLayer", {"filepath": "/tmp/evil"}))


@technique("keras-code", "keras")
def keras_torch_module(folder: Path) -> Path:
    """A layer that unpickles a torch module"""
    return _keras(folder, _with_layer("TorchModuleWrapper", {"module": "gASV"}))


@technique("keras-module", "keras")
def keras_foreign_module(folder: Path) -> Path:
    """A class of a module that Keras would import"""
    return _keras(folder, _with_layer("Popen", {"args": ["id"]}, module="subprocess"))


@technique("keras-module", "keras")
def keras_inner_module(folder: Path) -> Path:
    """A class of Keras that is no part of a model"""
    return _keras(folder, _with_layer("RemoteMonitor", {}, module="keras.callbacks"))


@technique("keras-function", "keras")
def keras_function(folder: Path) -> Path:
    """A function of Keras that fetches files: CVE-2025-8747"""
    function = {"class_name": "function", "module": "keras.utils", "config": "get_file"}
    return _keras(folder, _with_layer("Dense", {"activation": function}))


@technique("keras-path", "keras")
def keras_vocabulary(folder: Path) -> Path:
    """A vocabulary that is a path: CVE-2025-12058"""
    return _keras(folder, _with_layer("StringLookup", {"vocabulary": "/etc/passwd"}))


@technique("keras-custom", "keras", "quarantine")
def keras_custom_class(folder: Path) -> Path:
    """A class of somebody's own"""
    return _keras(folder, _with_layer("MyLayer", {}, registered_name="mine>MyLayer"))


# TensorFlow


def _pb(folder: Path, operation: str) -> Path:
    nodes = stored.graph_def(("x", "Placeholder"), ("y", operation))
    return written(folder, nodes, "graph.pb")


@technique("tensorflow-operation", "tensorflow")
def tensorflow_read_file(folder: Path) -> Path:
    """A graph that reads files"""
    return _pb(folder, "ReadFile")


@technique("tensorflow-operation", "tensorflow")
def tensorflow_write_file(folder: Path) -> Path:
    """A graph that writes files"""
    return _pb(folder, "WriteFile")


@technique("tensorflow-operation", "tensorflow")
def tensorflow_python(folder: Path) -> Path:
    """A graph that calls Python"""
    return _pb(folder, "PyFunc")


@technique("tensorflow-operation", "tensorflow")
def tensorflow_in_a_function(folder: Path) -> Path:
    """A function of the library that writes files"""
    body = stored.message(1, stored.message(1, b"innocent"))
    body += stored.graph_def(("w", "WriteFile"), number=3)
    library = stored.message(2, stored.message(1, body))
    graph = stored.graph_def(("x", "Placeholder"), ("y", "innocent")) + library
    return written(folder, graph, "graph.pb")


@technique("tensorflow-operation", "tensorflow")
def tensorflow_second_saved_model(folder: Path) -> Path:
    """Two SavedModels in one archive, the second hostile"""
    honest = stored.saved_model(stored.graph_def(("x", "Placeholder")))
    hostile = stored.saved_model(stored.graph_def(("x", "PyFunc")))
    parts = [Part("a/saved_model.pb", honest), Part("b/saved_model.pb", hostile)]
    return written(folder, crafted(parts), "saved.zip")


@technique("keras-code", "tensorflow")
def tensorflow_keras_lambda(folder: Path) -> Path:
    """A Lambda layer in what Keras 2 keeps beside a SavedModel"""
    layer = json.dumps({"class_name": "Lambda", "config": _LAMBDA}).encode()
    graph = stored.saved_model(stored.graph_def(("x", "Placeholder")))
    about = stored.message(1, stored.message(5, layer))
    parts = [Part("saved_model.pb", graph), Part("keras_metadata.pb", about)]
    return written(folder, crafted(parts), "saved.zip")


@technique("tensorflow-unknown", "tensorflow", "quarantine")
def tensorflow_unknown(folder: Path) -> Path:
    """An operation on no list"""
    return _pb(folder, "Addons>Frobnicate")


# TensorFlow Lite


@technique("not-read-to-the-end", "tflite")
def tflite_offset(folder: Path) -> Path:
    """A list of graphs that lies outside the file"""
    content = bytearray(models.tflite_file(folder).read_bytes())
    struct.pack_into("<I", content, struct.unpack_from("<I", content)[0] + 12, 2**31)
    return written(folder, bytes(content), "model.tflite")


@technique("not-read-to-the-end", "tflite")
def tflite_index(folder: Path) -> Path:
    """An operator that uses a tensor that is not there"""
    return written(folder, stored.tflite_bytes(inputs=(9,)), "model.tflite")


@technique("tflite-flex", "tflite")
def tflite_flex(folder: Path) -> Path:
    """An operator of all TensorFlow, which writes files"""
    return written(folder, stored.tflite_bytes(custom=b"FlexWriteFile"), "model.tflite")


@technique("tflite-custom", "tflite", "quarantine")
def tflite_custom(folder: Path) -> Path:
    """An operator of somebody's own"""
    return written(folder, stored.tflite_bytes(custom=b"Frobnicate"), "model.tflite")


# TensorRT


@technique("engine-content", "tensorrt")
def engine_elf(folder: Path) -> Path:
    """A program called .engine"""
    return written(folder, b"\x7fELF\x02\x01\x01" + bytes(300), "model.engine")


@technique("engine-content", "tensorrt")
def engine_pickle(folder: Path) -> Path:
    """A pickle called .engine, which runs although it ends early"""
    return written(folder, b"\x80\x04cposix\nsystem\n\x8c\x02id\x85R", "model.engine")


@technique("machine-code", "tensorrt", "quarantine")
def engine_plain(folder: Path) -> Path:
    """An engine: machine code, which nothing can check"""
    return models.tensorrt_engine(folder)


# safetensors


def _safetensors(folder: Path, header: str, data: bytes) -> Path:
    content = struct.pack("<Q", len(header)) + header.encode() + data
    return written(folder, content, "weights.safetensors")


def _tensor(start: int, stop: int, shape: list[int]) -> str:
    return json.dumps({"dtype": "F32", "shape": shape, "data_offsets": [start, stop]})


@technique("safetensors-layout", "safetensors")
def safetensors_gap(folder: Path) -> Path:
    """Bytes between two tensors"""
    header = f'{{"a": {_tensor(0, 8, [2])}, "b": {_tensor(16, 24, [2])}}}'
    return _safetensors(folder, header, bytes(24))


@technique("safetensors-layout", "safetensors")
def safetensors_overlap(folder: Path) -> Path:
    """Two tensors over the same bytes"""
    header = f'{{"a": {_tensor(0, 8, [2])}, "b": {_tensor(4, 12, [2])}}}'
    return _safetensors(folder, header, bytes(12))


@technique("safetensors-layout", "safetensors")
def safetensors_twice(folder: Path) -> Path:
    """One name for two tensors, of which readers take one or the other"""
    header = f'{{"a": {_tensor(0, 8, [2])}, "a": {_tensor(0, 8, [2])}}}'
    return _safetensors(folder, header, bytes(8))


@technique("safetensors-layout", "safetensors")
def safetensors_trailing(folder: Path) -> Path:
    """A pickle behind the tensors"""
    return _safetensors(folder, f'{{"a": {_tensor(0, 8, [2])}}}', bytes(8) + b"\x80\x02N.")


@technique("safetensors-layout", "safetensors")
def safetensors_size(folder: Path) -> Path:
    """A shape larger than its bytes"""
    return _safetensors(folder, f'{{"a": {_tensor(0, 8, [2**40])}}}', bytes(8))


# MLflow


def _mlflow(folder: Path, *more: Part, replace: tuple[bytes, bytes] = (b"", b"")) -> Path:
    parts = parts_of(models.mlflow_zip(folder))
    for part in parts:
        if part.name.endswith("MLmodel"):
            part.data = part.data.replace(*replace) if replace[0] else part.data
    return written(folder, crafted([*parts, *more]), "mlflow.zip")


@technique("package-program", "mlflow")
def mlflow_library(folder: Path) -> Path:
    """A native library among the files"""
    return _mlflow(folder, Part("model/data/x.bin", b"\x7fELF" + bytes(60)))


@technique("package-program", "mlflow")
def mlflow_script(folder: Path) -> Path:
    """A shell script"""
    return _mlflow(folder, Part("model/setup.sh", b"id\n"))


@technique("package-code", "mlflow", "quarantine")
def mlflow_python(folder: Path) -> Path:
    """Python code that MLflow would run"""
    return _mlflow(folder, Part("model/code/loader.py", b"import os\n"))


@technique("mlflow-loader", "mlflow", "quarantine")
def mlflow_loader(folder: Path) -> Path:
    """A loader module of somebody's own"""
    return _mlflow(folder, replace=(b"mlflow.sklearn", b"os.path"))


@technique("zip-nested", "mlflow")
def mlflow_archive(folder: Path) -> Path:
    """A wheel among the files"""
    return _mlflow(folder, Part("model/x.whl", crafted([Part("setup.cfg", b"x")])))


@technique("keras-code", "mlflow")
def mlflow_hostile_member(folder: Path) -> Path:
    """An honest folder with a hostile Keras model in it"""
    content = keras_lambda(folder).read_bytes()
    return _mlflow(folder, Part("model/data/model.keras", content))


@technique("npy-header", "mlflow")
def mlflow_array(folder: Path) -> Path:
    """An example input that is a pickle"""
    return _mlflow(folder, Part("model/example.npy", _npy("|O", (1,), b"\x80\x02N.")))


# TorchScript and torch.export


def _script(folder: Path, statement: str) -> Path:
    parts = parts_of(models.torchscript_mlp(folder))
    code = next(p for p in parts if p.name.endswith("nn/functional.py"))
    code.data = code.data.replace(b"  return", f"  {statement}\n  return".encode(), 1)
    return written(folder, crafted(parts), "mlp.pt")


@technique("torchscript-call", "torchscript")
def torchscript_save(folder: Path) -> Path:
    """Code that writes a file"""
    return _script(folder, 'torch.save([1], "/tmp/evil")')


@technique("torchscript-call", "torchscript")
def torchscript_from_file(folder: Path) -> Path:
    """Code that reads a file"""
    return _script(folder, '_0 = torch.from_file("/etc/passwd", False, 10)')


@technique("torchscript-call", "torchscript")
def torchscript_spaced(folder: Path) -> Path:
    """The same with a gap where torch's parser sees none"""
    return _script(folder, '_0 = (torch. \\\n  from_file("/etc/passwd", False, 10))')


@technique("torchscript-call", "torchscript")
def torchscript_getattr(folder: Path) -> Path:
    """The same by its name as text"""
    return _script(folder, '_0 = getattr(torch, "from_file")("/etc/passwd", False, 10)')


@technique("torchscript-call", "torchscript")
def torchscript_foreign_operator(folder: Path) -> Path:
    """Code that calls another library's operator"""
    return _script(folder, '_0 = ops.image.read_file("/etc/passwd")')


@technique("torchscript-pickle", "torchscript")
def torchscript_debug_pickle(folder: Path) -> Path:
    """A call hidden where torch keeps line numbers"""
    parts = parts_of(models.torchscript_mlp(folder))
    small = next(p for p in parts if p.name.endswith(".debug_pkl"))
    small.data = b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."
    return written(folder, crafted(parts), "mlp.pt")


def _export(folder: Path, old: bytes, new: bytes, *more: Part) -> Path:
    parts = parts_of(models.torch_export_mlp(folder))
    for part in parts:
        if part.name.endswith(".json"):
            part.data = part.data.replace(old, new)
    return written(folder, crafted([*parts, *more]), "mlp.pt2")


@technique("torch-export-pickle", "torch_export")
def export_use_pickle(folder: Path) -> Path:
    """Weights that are pickles"""
    return _export(folder, b'"use_pickle": false', b'"use_pickle": true')


@technique("torch-export-native", "torch_export")
def export_native(folder: Path) -> Path:
    """Native code that torch would load"""
    return _export(folder, b"", b"", Part("mlp/data/aotinductor/model/x.so", b"\x7fELF"))


@technique("torch-export-expression", "torch_export")
def export_expression(folder: Path) -> Path:
    """A size expression that imports"""
    return _export(folder, b"Symbol('s", b"__import__('os').system('s")


@technique("torch-export-expression", "torch_export")
def export_builtin(folder: Path) -> Path:
    """A size expression that calls exec, without a single odd character"""
    return _export(folder, b"Symbol('s", b"exec('import os")


@technique("torch-export-tree", "torch_export")
def export_default(folder: Path) -> Path:
    """A shape of outputs that imports a module by name and keeps a function of it"""
    context = {
        "default_factory_module": "antigravity",
        "default_factory_name": "webbrowser",
        "dict_context": [],
    }
    return _export_tree(folder, "collections.defaultdict", context)


@technique("torch-export-tree", "torch_export")
def export_enumeration(folder: Path) -> Path:
    """The same as the key of a dictionary"""
    key = {"__enum__": True, "fqn": "antigravity:webbrowser", "name": "open"}
    return _export_tree(folder, "builtins.dict", json.dumps([key]))


def _export_tree(folder: Path, kind: str, context: object) -> Path:
    leaf = {"type": None, "context": None, "children_spec": []}
    plain = json.dumps(json.dumps([1, leaf])).encode()
    tree = {"type": kind, "context": context, "children_spec": [leaf]}
    return _export(folder, plain, json.dumps(json.dumps([1, tree])).encode())


@technique("torch-export-target", "torch_export")
def export_target(folder: Path) -> Path:
    """An operation that is found attribute by attribute: torch.os.system"""
    return _export(folder, b"torch.ops.aten.relu.default", b"torch.serialization.os.system")


@technique("torch-export-target", "torch_export")
def export_argument(folder: Path) -> Path:
    """The same as an argument of an operation"""
    return _export(folder, b'"arg": {"as_tensor": {"name": "linear"}}',
                   b'"arg": {"as_operator": "torch.serialization.os.system"}')  # fmt: skip


@technique("torch-export-target", "torch_export")
def export_from_file(folder: Path) -> Path:
    """An operation of torch that reads files"""
    return _export(folder, b"torch.ops.aten.relu.default", b"torch.ops.aten.from_file.default")


@technique("torch-export-operator", "torch_export", "quarantine")
def export_custom_operator(folder: Path) -> Path:
    """An operator of another library"""
    return _export(folder, b"torch.ops.aten.relu.default", b"torch.ops.mine.relu.default")


@technique("zip-pickle", "torch_export")
def export_pickle(folder: Path) -> Path:
    """A pickle called weights"""
    return _export(folder, b"", b"", Part("mlp/data/weights/extra", b"\x80\x02N."))


@technique("torch-export-object", "torch_export")
def export_object(folder: Path) -> Path:
    """An object of a class of its own"""
    return _export(folder, b"", b"", Part("mlp/data/constants/custom_obj_0", b"x"))


# ONNX


def _onnx(folder: Path, change: Callable[[Any], None]) -> Path:
    import onnx

    model = onnx.load(models.onnx_picture(folder))
    change(model)
    return written(folder, model.SerializeToString(), "model.onnx")


def _external(**told: str) -> Maker:
    def make(folder: Path) -> Path:
        def change(model: Any) -> None:
            tensor = model.graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = 1
            for key, value in told.items():
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value

        return _onnx(folder, change)

    return make


for _name, _about, _told in (
    ("onnx_traversal", "Weights above the folder", {"location": "../../etc/passwd"}),
    ("onnx_absolute", "Weights at an absolute path", {"location": "/etc/passwd"}),
    ("onnx_hidden", "Weights in a hidden file", {"location": ".ssh"}),
    ("onnx_offset", "An offset below zero", {"location": "w.bin", "offset": "-1"}),
    ("onnx_length", "A length that is no number", {"location": "w.bin", "length": "1e9"}),
):
    TECHNIQUES[_name] = _external(**_told)
    EXPECTED[_name] = ("onnx-external", "onnx", "refuse")
    TECHNIQUES[_name].__doc__ = _about


@technique("onnx-tensor", "onnx")
def onnx_oversize(folder: Path) -> Path:
    """A weight that claims more numbers than it has bytes"""

    def change(model: Any) -> None:
        model.graph.initializer[0].dims[0] = 2**40

    return _onnx(folder, change)


@technique("onnx-tensor", "onnx")
def onnx_oversize_attribute(folder: Path) -> Path:
    """The same in a node's constant"""

    def change(model: Any) -> None:
        attribute = model.graph.node[1].attribute.add(name="value", type=4)
        attribute.t.data_type = 1
        attribute.t.dims.append(2**40)

    return _onnx(folder, change)


@technique("onnx-dimensions", "onnx")
def onnx_negative(folder: Path) -> Path:
    """A weight of a size below zero"""

    def change(model: Any) -> None:
        model.graph.initializer[0].dims[0] = -4

    return _onnx(folder, change)


@technique("onnx-dimensions", "onnx")
def onnx_absurd_input(folder: Path) -> Path:
    """An input of 2**50 numbers"""

    def change(model: Any) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**50

    return _onnx(folder, change)


@technique("onnx-function", "onnx")
def onnx_recursive(folder: Path) -> Path:
    """Two functions that call each other"""
    from onnx import helper

    def change(model: Any) -> None:
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
        for name, other in (("F", "G"), ("G", "F")):
            node = helper.make_node(other, ["x"], ["y"], domain="own")
            model.functions.append(helper.make_function("own", name, ["x"], ["y"], [node], opsets))
        model.opset_import.append(opsets[1])

    return _onnx(folder, change)


@technique("onnx-domain", "onnx", "quarantine")
def onnx_custom_domain(folder: Path) -> Path:
    """An operator of another library"""

    def change(model: Any) -> None:
        model.graph.node[1].domain = "mine"
        model.opset_import.add(domain="mine", version=1)

    return _onnx(folder, change)


@technique("onnx-checker", "onnx")
def onnx_no_such_operator(folder: Path) -> Path:
    """A graph that ONNX's checker refuses"""

    def change(model: Any) -> None:
        model.graph.node[1].op_type = "Frobnicate"

    return _onnx(folder, change)


@technique("not-read-to-the-end", "torch_pickle")
def old_tar(folder: Path) -> Path:
    """The tar archive that torch wrote before 2017, with nothing in it"""
    import io
    import tarfile

    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in ("pickle", "storages", "tensors"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO(np.zeros(0).tobytes()))
    return written(folder, content.getvalue(), "old.pt")

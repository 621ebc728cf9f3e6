"""TorchScript: code and weights in one zip, read without torch, run by torch.jit."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import ZipFile

from registry.errors import BrokenArtifact, PredictionFailed
from registry.formats import archives, arrays, runtime, torch_run, torch_zip
from registry.formats.stubs import Instance, Weight
from registry.formats.text import clean
from registry.records import Inspection, Schema, Tensor

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

NAME = "torchscript"
FRAMEWORK = "PyTorch"
GROUP = "torch"
EXTENSIONS = (".pt", ".pth", ".ts", ".torchscript")

_MAX_CODE = 4 << 20
_ARGUMENT = re.compile(r"\s*(\w+)\s*:\s*([\w.\[\], ]+?)\s*(?:=[^,]*)?$")
_MANGLED = re.compile(r"__torch__\.|___torch_mangle_\d+\.")
_OPEN_SIZES = {"Conv1d": 1, "Conv2d": 2, "Conv3d": 3}


def detect(head: bytes, file: BinaryIO) -> bool:
    """A zip with a `data.pkl`, constants and code."""
    listed = archives.names(head, file)
    folder = archives.folder(listed, "data.pkl")
    if folder is None:
        return False
    return f"{folder}constants.pkl" in listed or any(
        name.startswith(f"{folder}code/") for name in listed
    )


def inspect(file: BinaryIO) -> Inspection:
    """Read the class, the code of its forward and the shapes of its weights."""
    with archives.opened(file) as archive:
        listed = archive.namelist()
        folder = archives.folder(listed, "data.pkl") or ""
        root = torch_zip.pickle_inside(archive, folder).root
        if not isinstance(root, Instance):
            raise BrokenArtifact("the TorchScript file holds no module: save it again")
        code = _code(archive, folder, root)
        traced = _traced_shapes(archive, folder, listed)
        schema = schema_of(root, code, traced)
        details = {
            "tensors": torch_zip.shapes(root),
            "forward": clean(" ".join(_header(code).split()), 500),
            "file version": archives.text(archive, folder + "version"),
            "traced": bool(traced),
        }
    n = torch_zip.total(root)
    name = clean(root.cls.name)
    return Inspection(
        NAME,
        FRAMEWORK,
        summary=f"{name}, TorchScript" + (f", {n:,} parameters" if n else ""),
        class_name=clean(_MANGLED.sub("", root.cls.path)),
        task=arrays.task_of(schema.tensors, schema.outputs) if schema else "",
        details=details,
        libraries={"torch": ""} if runtime.installed("torch") == "" else {},
        n_parameters=n,
        schema=schema,
    )


def _code(archive: ZipFile, folder: str, root: Instance) -> str:
    """Source of the root class; "" when it is not where it should be."""
    path = f"{folder}code/{root.cls.module.replace('.', '/')}.py"
    if path not in archive.namelist():
        return ""
    return archives.read(archive, path, _MAX_CODE).decode("utf-8", "replace")


def _header(code: str) -> str:
    """The last `def forward(…) -> …:` of a source; the root class comes last in its file."""
    start = code.rfind("def forward(")
    end = code.find(":\n", start)
    return code[start:end] if 0 <= start < end else ""


def _arguments(code: str) -> list[tuple[str, str]]:
    """(name, type) of the forward's arguments without self."""
    header = _header(code)
    inner = header[header.find("(") + 1 : header.rfind(")")]
    parts = re.split(r",\s*(?![^\[]*\])", inner)[1:50]
    found = [_ARGUMENT.match(part) for part in parts]
    return [(clean(m[1]), m[2]) for m in found if m]


def _traced_shapes(
    archive: ZipFile, folder: str, listed: list[str]
) -> list[tuple[str, tuple[int, ...]]]:
    """(type, shape) of the inputs it was traced with, which torch keeps since 2.1."""
    if f"{folder}traced_inputs.pkl" not in listed:
        return []
    try:
        root = torch_zip.pickle_inside(archive, folder, "traced_inputs.pkl").root
    except BrokenArtifact:
        return []
    given = root.get("forward") if isinstance(root, dict) else None
    if not isinstance(given, list) or not all(isinstance(w, Weight) for w in given):
        return []
    return [(w.dtype, w.shape) for w in given]


def schema_of(
    root: Instance, code: str, traced: list[tuple[str, tuple[int, ...]]]
) -> Schema | None:
    """What `forward` takes, from its code and the shapes seen while tracing; None when unclear."""
    arguments = [name for name, kind in _arguments(code) if kind == "Tensor"] or ["input"]
    if len(traced) == len(arguments):
        tensors = [
            Tensor(name, dtype or "float32", (-1, *shape[1:]) if shape else ())
            for name, (dtype, shape) in zip(arguments, traced, strict=True)
        ]
    elif len(arguments) == 1:
        first = _first_layer(root)
        if first is None:
            return None
        tensors = [Tensor(arguments[0], *first)]
    else:
        tensors = [Tensor(name, "float32", (-1, -1)) for name in arguments]
    pictured = arrays.hinted(tensors)
    settled = all(size > 0 for t in pictured for size in t.shape[1:])
    return Schema(
        kind="tensors",
        tensors=pictured,
        example=arrays.example(pictured) if settled else {},
    )


def _first_layer(root: Instance) -> tuple[str, tuple[int, ...]] | None:
    """Type and shape that the first layer with a weight matrix takes; -1 where it does not say."""
    for name, weight, owner in torch_zip.weights(root):
        layer = owner.cls.name if owner else ""
        if len(weight.shape) < 2 or not name.rpartition(".")[2].startswith("weight"):
            continue
        dtype = weight.dtype or "float32"
        if layer == "Embedding":
            return "int64", (-1, -1)
        if layer in ("LSTM", "GRU", "RNN"):
            return dtype, (-1, -1, weight.shape[1])
        if len(weight.shape) == 2:
            return dtype, (-1, weight.shape[1])
        groups = owner.state.get("groups", 1) if owner else 1
        channels = weight.shape[1] * (groups if type(groups) is int else 1)
        return dtype, (-1, channels, *[-1] * _OPEN_SIZES.get(layer, len(weight.shape) - 2))
    return None


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Load with torch.jit, on the processor, for answering only.

    Raises:
        PredictionFailed: torch refuses the file.
    """
    torch = torch_run.prepare(threads)
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the format is wanted all the same
            return torch.jit.load(file, map_location="cpu").eval()
    except RuntimeError as wrong:
        raise PredictionFailed("torch cannot load this file", clean(wrong, 2000)) from None


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Find an input size that works and learn the outputs from one call."""
    return torch_run.complete(model, schema)


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """The module's outputs by name."""
    return torch_run.predict(model, inputs, schema)

"""Layouts of model files: which one a file is, by its content, and what it says about itself."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, cast

from registry.errors import BrokenArtifact, UnknownFormat
from registry.formats.text import clean, finding, refusal
from registry.formats.unknown import describe

if TYPE_CHECKING:
    from registry.formats.contract import Format
    from registry.records import Finding, Inspection

FORMATS: tuple[str, ...] = (
    "skops",
    "torchscript",
    "torch_export",
    "torch_pickle",
    "keras",
    "mlflow",
    "tensorflow",
    "safetensors",
    "tflite",
    "tensorrt",
    "onnx",
    "sklearn",
)
"""In the order of asking: marks nobody else uses first, then layouts known by their structure."""

HEAD_BYTES = 4096


@cache
def get(name: str) -> Format:
    """The module of a format.

    Raises:
        UnknownFormat: No such name.
    """
    if name not in FORMATS:
        raise UnknownFormat(f"no format is called {clean(name)}")
    return cast("Format", importlib.import_module(f"registry.formats.{name}"))


def group(name: str) -> str:
    """Zygote group that runs a format, or "" when nothing here does."""
    return get(name).GROUP


def extensions() -> tuple[str, ...]:
    """File name endings of all formats, for the upload field."""
    return tuple(dict.fromkeys(end for name in FORMATS for end in get(name).EXTENSIONS))


def detect(file: BinaryIO, filename: str) -> str:
    """Name of the format, by content alone.

    Raises:
        UnknownFormat: It is no model file that Vitrine knows; the message says what it looks like.
        BrokenArtifact: It is empty, or starts like a model file and ends early.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise BrokenArtifact(
            refusal("the file is empty", "There is nothing to read", "Save the model again")
        )
    for name in FORMATS:
        if get(name).detect(head, file):
            return name
    raise UnknownFormat(describe(head, filename))


def inspect(file: BinaryIO, filename: str) -> Inspection:
    """Detect the format and read what the file says about itself; executes nothing.

    Raises:
        UnknownFormat: It is no model file that Vitrine knows.
        BrokenArtifact: It is empty, damaged or ends early.
    """
    fmt = get(detect(file, filename))
    file.seek(0)
    found = fmt.inspect(file)
    return replace(found, findings=(*_lies(fmt, filename, found), *found.findings))


def _lies(fmt: Format, filename: str, found: Inspection) -> list[Finding]:
    """A warning when the file name says another format than the content."""
    ending = PurePath(filename).suffix.lower()
    if ending in fmt.EXTENSIONS:
        return []
    if not ending:
        what = "the file name has no ending"
    else:
        what = f"the name ends in {ending}, but the content is {title(found.format)}"
    return [
        finding(
            "warn",
            "extension",
            what,
            "Only the content counts here; other tools may go by the name",
            f"Rename it to end in {fmt.EXTENSIONS[0]}",
        )
    ]


def title(name: str) -> str:
    """A format's name for people."""
    return _TITLES.get(name, name)


_TITLES = {
    "sklearn": "a Python pickle (scikit-learn, joblib)",
    "skops": "skops",
    "onnx": "ONNX",
    "torchscript": "TorchScript",
    "torch_export": "a torch.export program",
    "torch_pickle": "a PyTorch pickle",
    "safetensors": "safetensors",
    "keras": "Keras",
    "tflite": "TensorFlow Lite",
    "tensorflow": "TensorFlow",
    "tensorrt": "a TensorRT engine",
    "mlflow": "an MLflow model",
}

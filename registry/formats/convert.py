"""What a model file can become: formats that carry no code. Runs inside a locked worker only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from registry.errors import InvalidInput, PredictionFailed
from registry.formats import convert_sklearn, convert_torch, convert_weights
from registry.formats import group as group_of
from registry.records import Finding, Inspection, Schema

ENDINGS = {"onnx": ".onnx", "skops": ".skops", "safetensors": ".safetensors"}
"""Every target with the ending of its files. All of them are data: nothing here can hold code."""

_TARGETS: dict[str, tuple[str, ...]] = {
    "sklearn": ("onnx", "skops"),
    "skops": ("onnx",),
    "torchscript": ("onnx", "safetensors"),
    "torch_pickle": ("onnx", "safetensors"),
    "torch_export": ("onnx",),
}
_NEEDS_ONNXSCRIPT = (
    "torch exports such programs to ONNX only with onnxscript, which this server does not have"
)
_NO_NETWORK = "the file holds weights without a network, and ONNX needs both"


@dataclass(frozen=True)
class Made:
    """A converted file: its size, its bytes in pieces, and what is worth knowing of it."""

    size_bytes: int
    pieces: Iterable[bytes]
    findings: tuple[Finding, ...] = ()


def targets(inspection: Inspection) -> dict[str, str]:
    """Formats this file could become, each with why not ("" when it can be tried)."""
    found = dict.fromkeys(_TARGETS.get(inspection.format, ()), "")
    if inspection.format == "torch_export":
        found["onnx"] = _NEEDS_ONNXSCRIPT
    elif inspection.format == "torch_pickle" and not inspection.runnable:
        is_module = inspection.class_name not in ("state dict", "checkpoint", "")
        found["onnx"] = inspection.why_not_runnable if is_module else _NO_NETWORK
    elif "onnx" in found and not inspection.runnable:
        found = dict.fromkeys(found, inspection.why_not_runnable)
    if "safetensors" in found and not inspection.n_parameters:
        found["safetensors"] = "the file holds no tensors"
    return found


def needs_loading(target: str) -> bool:
    """Whether the model is loaded for it; weights are copied out of a file that never runs."""
    return target != "safetensors"


def group(format: str, target: str) -> str:
    """Zygote group that does it."""
    return group_of(format) if needs_loading(target) else "inspect"


def loaded(model: Any, format: str, target: str, schema: Schema | None, most_bytes: int) -> Made:
    """A loaded model in another format.

    Raises:
        InvalidInput: The model cannot be this; the problem says why.
        PredictionFailed: The library that converts refused, or the result is too large.
    """
    findings: tuple[Finding, ...] = ()
    if target == "skops":
        data = convert_sklearn.to_skops(model)
    elif group_of(format) == "torch":
        data = convert_torch.to_onnx(model, schema)
    elif schema is None:
        raise InvalidInput({"schema": "nothing says what the model takes"})
    else:
        data, findings = convert_sklearn.to_onnx(model, schema)
    if len(data) > most_bytes:
        raise PredictionFailed(f"the result would be larger than {most_bytes >> 20} MB")
    return Made(len(data), (data,), findings)


def weights(file: BinaryIO, most_bytes: int) -> Made:
    """The tensors of a file as safetensors.

    Raises:
        InvalidInput, PredictionFailed, BrokenArtifact: As `convert_weights.to_safetensors`.
    """
    size_bytes, pieces = convert_weights.to_safetensors(file, most_bytes)
    return Made(size_bytes, pieces)


def written(made: Made) -> Iterator[bytes]:
    """The pieces, no more than were announced.

    Raises:
        PredictionFailed: There are more or fewer bytes.
    """
    left = made.size_bytes
    for piece in made.pieces:
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise PredictionFailed("the result is not as large as announced")

"""safetensors: a JSON header and raw numbers; weights without a network."""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives
from registry.formats.stored import complete, load_model, predict
from registry.formats.stubs import lengths, product
from registry.formats.text import clean, refusal
from registry.records import Inspection

__all__ = ["complete", "load_model", "predict"]

NAME = "safetensors"
FRAMEWORK = "safetensors"
GROUP = ""
EXTENSIONS = (".safetensors",)

_MAX_HEADER = 100_000_000  # Source: safetensors 0.8, tensor.rs, MAX_HEADER_SIZE
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_FRAMEWORKS = {"pt": "PyTorch", "tf": "TensorFlow", "flax": "JAX", "np": "NumPy", "mlx": "MLX"}
_MAX_SHOWN = 200
WHY = (
    "safetensors holds weights without the network: export the model with torch.jit, torch.export "
    "or ONNX and upload that"
)


def detect(head: bytes, file: BinaryIO) -> bool:
    """A plausible header length, and JSON behind it."""
    if len(head) < 10 or head[8:9] != b"{":
        return False
    length: int = struct.unpack("<Q", head[:8])[0]
    return 2 <= length <= _MAX_HEADER


def inspect(file: BinaryIO) -> Inspection:
    """Read the header and check that it fits the bytes behind it."""
    header, metadata, total = read_header(file)
    shown = {
        clean(name): f"{clean(t['dtype'], 20)} {list(t['shape'])}"
        for name, t in list(header.items())[:_MAX_SHOWN]
    }
    details: dict[str, Any] = {
        "tensors": shown,
        "n_tensors": len(header),
        "metadata": {clean(k): clean(v, 500) for k, v in list(metadata.items())[:50]},
    }
    return Inspection(
        NAME,
        _FRAMEWORKS.get(str(metadata.get("format")), FRAMEWORK),
        summary=f"weights: {len(header)} tensors, {total:,} parameters",
        class_name="state dict",
        details=details,
        n_parameters=total or None,
        runnable=False,
        why_not_runnable=WHY,
    )


def read_header(file: BinaryIO) -> tuple[dict[str, Any], dict[str, Any], int]:
    """(tensors, metadata, number of values), every byte of the file accounted for.

    Raises:
        BrokenArtifact: Tensors overlap, leave gaps or do not fit their shapes.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else _MAX_HEADER
    if 8 + length > size:
        raise _broken("its header ends early")
    header = archives.parsed(file.read(length), "the safetensors header")
    if not isinstance(header, dict):
        raise _broken("its header is no table of tensors")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise _broken("its metadata is no table")
    try:
        return header, metadata, _checked(header, size - 8 - length)
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise _broken(str(wrong)) from None


def _checked(header: dict[str, Any], data_size: int) -> int:
    """Number of values in all tensors, which must lie side by side and fill the rest."""
    total = end = 0
    for tensor in sorted(header.values(), key=lambda t: t["data_offsets"]):
        start, stop = tensor["data_offsets"]
        count = product(lengths(tensor["shape"]))
        bits = _BITS.get(tensor["dtype"])
        if start != end or stop < start:
            raise ValueError("its tensors overlap or leave gaps")
        if bits is None or (stop - start) * 8 != count * bits:
            raise ValueError("a tensor's bytes do not fit its shape")
        total, end = total + count, stop
    if end != data_size:
        raise ValueError("the file ends early" if end > data_size else "bytes follow its tensors")
    return total


def _broken(why: str) -> BrokenArtifact:
    return BrokenArtifact(
        refusal("the safetensors file is damaged", clean(why), "Save it again and upload it whole")
    )

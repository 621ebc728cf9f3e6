"""TensorRT engines: machine code for one graphics card; known by their mark, never opened."""

from __future__ import annotations

from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats.stored import complete, load_model, predict
from registry.formats.text import refusal
from registry.records import Inspection

__all__ = ["complete", "load_model", "predict"]

NAME = "tensorrt"
FRAMEWORK = "TensorRT"
GROUP = ""
EXTENSIONS = (".engine", ".plan", ".trt")

_MARKS = (b"ftrt", b"ptrt")  # plan files of TensorRT 8 and later, and of 7 and earlier
_LEAST_BYTES = 32
WHY = "TensorRT engines hold machine code for one kind of graphics card and are only ever stored"


def detect(head: bytes, file: BinaryIO) -> bool:
    """A plan's mark."""
    return head[:4] in _MARKS


def inspect(file: BinaryIO) -> Inspection:
    """Nothing but the mark is read."""
    file.seek(0)
    head = file.read(_LEAST_BYTES)
    if len(head) < _LEAST_BYTES:
        raise BrokenArtifact(
            refusal("the engine ends early", "Only its mark is there", "Build the engine again")
        )
    return Inspection(
        NAME,
        FRAMEWORK,
        summary="TensorRT engine",
        details={"mark": head[:4].decode()},
        runnable=False,
        why_not_runnable=WHY,
    )

"""TensorRT engines: machine code that nothing here can check."""

from __future__ import annotations

from typing import BinaryIO

from registry.formats.marks import is_pickle
from registry.formats.text import finding
from registry.scanners.contract import Look

NAME = "tensorrt"
FORMATS = ("tensorrt",)

_OTHERS = ((b"\x7fELF", "a Linux program"), (b"MZ", "a Windows program"), (b"PK", "an archive"))


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Always a warning; worse when the content is something else altogether."""
    head = file.read(4096)
    other = next((kind for mark, kind in _OTHERS if head.startswith(mark)), "")
    if other or is_pickle(head):
        look.findings.append(
            finding(
                "block",
                "engine-content",
                f"the file is {other or 'a pickle'}, not an engine",
                "Whoever loads it runs something else than a model",
                "Upload the ONNX file that the engine was built from",
            )
        )
    look.findings.append(
        finding(
            "warn",
            "machine-code",
            "the file is machine code",
            "It cannot be checked, and whoever loads it runs it",
            "Share the ONNX file it was built from instead",
        )
    )

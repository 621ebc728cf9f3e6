"""safetensors: the header, which must account for every byte behind it."""

from __future__ import annotations

from typing import BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import safetensors
from registry.formats.text import finding
from registry.scanners.contract import Look

NAME = "safetensors"
FORMATS = ("safetensors",)


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Check keys, shapes and offsets; the numbers themselves are harmless."""
    try:
        safetensors.read_header(file)
    except BrokenArtifact as broken:
        look.findings.append(
            finding(
                "block",
                "safetensors-layout",
                broken.message,
                "Programs could read other weights out of it than those that were checked",
                "Save the weights again with the safetensors library",
            )
        )

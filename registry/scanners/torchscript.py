"""TorchScript: the code in the file may compute, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from registry.formats import archives
from registry.formats.dry_run import dry_run_torch
from registry.formats.text import clean, finding
from registry.records import Finding
from registry.scanners.contract import Look

NAME = "torchscript"
FORMATS = ("torchscript",)

_MAX_CODE = 16 << 20
_MAX_PICKLE = 64 << 20
_CALLS = re.compile(
    r"\b(?:(?:torch|aten)\.(?:save|from_file|load)\b"
    r"|ops\.(?!(?:aten|prim|prims|quantized|prepacked|sparse|torchvision)\.)\w+\.\w+"
    r"|ops\.aten\.(?:save|from_file|load)\b)"
)
_CLASSES = re.compile(r"__torch__\.torch\.classes\.(?!(?:quantized|sparse|rnn|xnnpack)\.)[\w.]+")
_READERS = ("torch.jit._pickle.", "torch._utils.", "collections.OrderedDict")
_TYPES = re.compile(r"torch\.\w+Storage|__torch__\.[\w.]+")


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Read all code and the small pickles beside it.

    Raises:
        BrokenArtifact: A part is damaged or larger than any code.
    """
    with archives.opened(file) as archive:
        for name in archive.namelist():
            if name.endswith(".py"):
                code = archives.read(archive, name, _MAX_CODE).decode("utf-8", "replace")
                look.findings.extend(_calls(name, code))
            elif name.endswith((".debug_pkl", "traced_inputs.pkl", "constants.pkl")):
                seen = dry_run_torch(archives.read(archive, name, _MAX_PICKLE))
                look.findings.extend(_names(name, list(seen.globals)))


def _calls(name: str, code: str) -> Iterator[Finding]:
    found = _CALLS.search(code)
    if found:
        yield finding(
            "block",
            "torchscript-call",
            f"{clean(name)} calls {found[0]}",
            "It reads or writes files, or needs native code that is not torch's own",
            "Export the model without it, or export it to ONNX",
        )
    custom = _CLASSES.search(code)
    if custom:
        yield finding(
            "warn",
            "torchscript-class",
            f"{clean(name)} uses {clean(custom[0])}",
            "The class is native code that must be installed beside torch and is not known here",
            "Trust it only if you know who made the file",
        )


def _names(name: str, asked: list[str]) -> Iterator[Finding]:
    """These pickles hold constants and line numbers; torch names a few readers of its own."""
    odd = [n for n in asked if not n.startswith(_READERS) and not _TYPES.fullmatch(n)]
    if odd:
        yield finding(
            "block",
            "torchscript-pickle",
            f"{clean(name)} asks for {clean(odd[0])}",
            "torch writes only constants and line numbers there",
            "Export the model again with torch.jit",
        )

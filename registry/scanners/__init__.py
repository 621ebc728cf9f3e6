"""Scanners: static looks at a model file, every one of which must finish."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, cast

from registry.errors import RegistryError
from registry.formats.text import finding
from registry.records import Finding, Report
from registry.scanners.contract import Look

if TYPE_CHECKING:
    from registry.scanners.contract import Scanner

SCANNERS: tuple[str, ...] = (
    "zips",
    "pickles",
    "hdf5",
    "npy",
    "keras",
    "onnx",
    "tensorflow",
    "tflite",
    "tensorrt",
    "torchscript",
    "torch_export",
    "safetensors",
    "mlflow",
)
"""In the order of looking: containers first, then what lies in them."""

MAX_FINDINGS = 100
VERSION = "2"
"""Raised whenever a scanner or a list changes, so that older reports are known as such."""


@cache
def get(name: str) -> Scanner:
    """The module of a scanner."""
    return cast("Scanner", importlib.import_module(f"registry.scanners.{name}"))


def scan(file: BinaryIO, format: str) -> Report:
    """Look at a file with every scanner of its format; fails closed.

    A scanner that cannot finish, for whatever reason, makes the report incomplete and refuses
    the file. Runs inside a locked worker only.
    """
    look = Look()
    for name in SCANNERS:
        scanner = get(name)
        if format not in scanner.FORMATS:
            continue
        try:
            file.seek(0)
            scanner.scan(file, format, look)
        except RegistryError as broken:
            return _cut_short(look, broken.message)
        except Exception as odd:
            return _cut_short(look, f"{name} stopped at {type(odd).__name__}")
    return Report(_shown(look), True, tuple(look.names.values()), VERSION)


def unfinished(why: str) -> Report:
    """The report of a scan that did not reach the end."""
    return _cut_short(Look(), why)


def _shown(look: Look) -> tuple[Finding, ...]:
    """The findings, each once; of very many, the gravest."""
    found = list(dict.fromkeys(look.findings))
    if len(found) > MAX_FINDINGS:
        found.sort(key=lambda f: ("block", "warn", "info").index(f.level))
    return tuple(found[:MAX_FINDINGS])


def _cut_short(look: Look, why: str) -> Report:
    stopped = finding(
        "block",
        "not-read-to-the-end",
        "the file could not be scanned to its end",
        f"A scan that did not finish is not a pass: {why}",
        "Save the model again and upload the whole file, or export it to ONNX or safetensors",
    )
    return Report((*_shown(look), stopped), False, tuple(look.names.values()), VERSION)

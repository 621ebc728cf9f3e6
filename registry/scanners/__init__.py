"""Scanners: static looks at a model file, every one of which must finish."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from registry.errors import RegistryError
from registry.formats.text import finding
from registry.records import Finding, Named, Report
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

Tell: TypeAlias = Callable[[str, int, int, Sequence[Finding]], None]
MAX_FINDINGS, MAX_NAMES = 100, 2_000
"""As many as a report keeps; one that is cut is never milder for it."""

VERSION = "2"
"""Raised whenever a scanner or a list changes, so that older reports are known as such."""


@cache
def get(name: str) -> Scanner:
    """The module of a scanner."""
    return cast("Scanner", importlib.import_module(f"registry.scanners.{name}"))


def quiet(scanner: str, n: int, of: int, findings: Sequence[Finding]) -> None:
    """Tells nobody."""


def scan(file: BinaryIO, format: str, tell: Tell = quiet) -> Report:
    """Look at a file with every scanner of its format; fails closed.

    A scanner that cannot finish, for whatever reason, makes the report incomplete and refuses
    the file. Runs inside a locked worker only.

    Args:
        tell: Called before each scanner with its name, number, how many there are, and what the
            others have found.
    """
    look = Look()
    chosen = [name for name in SCANNERS if format in get(name).FORMATS]
    for n, name in enumerate(chosen, 1):
        scanner = get(name)
        tell(name, n, len(chosen), look.findings)
        try:
            file.seek(0)
            scanner.scan(file, format, look)
        except RegistryError as broken:
            return _cut_short(look, broken.message)
        except Exception as odd:
            return _cut_short(look, f"{name} stopped at {type(odd).__name__}")
    names = _named(look)
    return Report(_shown(look), True, names, VERSION)


def unfinished(why: str) -> Report:
    """The report of a scan that did not reach the end."""
    return _cut_short(Look(), why)


def _shown(look: Look) -> tuple[Finding, ...]:
    """The findings, each once; of very many the gravest, and how many there are besides."""
    found = list(dict.fromkeys(look.findings))
    if len(found) <= MAX_FINDINGS:
        return tuple(found)
    found.sort(key=lambda f: ("block", "warn", "info").index(f.level))
    left = found[MAX_FINDINGS:]
    why = f"A report shows the {MAX_FINDINGS} gravest; none of the others is graver than these"
    which = sha256(repr([(f.level, f.rule, f.what) for f in left]).encode()).hexdigest()[:12]
    what = f"and {len(left):,} more findings ({which})"  # trust is for these and no others
    more = finding(left[0].level, "more-findings", what, why)
    return (*found[:MAX_FINDINGS], more)


def _named(look: Look) -> tuple[Named, ...]:
    """The names; of very many those that somebody must judge, and a finding that says so.

    Nobody can trust what is not in the report, so that a file with more than that is refused.
    """
    found = list(look.names.values())
    if len(found) <= MAX_NAMES:
        return tuple(found)
    found.sort(key=lambda named: ("dangerous", "unusual", "innocuous").index(named.judgement))
    left = found[MAX_NAMES:]
    listed = left[0].judgement == "innocuous"
    look.findings.append(
        finding(
            "info" if listed else "block",
            "more-names",
            f"and {len(left):,} more names",
            "They are all on the list of what models consist of"
            if listed
            else "Nobody can read, and trust, so many names",
            "" if listed else "Upload the model without what does not belong to it",
        )
    )
    return tuple(found[:MAX_NAMES])


def _cut_short(look: Look, why: str) -> Report:
    stopped = finding(
        "block",
        "not-read-to-the-end",
        "the file could not be scanned to its end",
        f"A scan that did not finish is not a pass: {why}",
        "Save the model again and upload the whole file, or export it to ONNX or safetensors",
    )
    names = _named(look)
    return Report((*_shown(look), stopped), False, names, VERSION)

"""MLflow folders as a zip: every model file inside scanned as what it is; programs do not pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from registry import formats
from registry.errors import BrokenArtifact, UnknownFormat
from registry.formats import mlflow, zips
from registry.formats.marks import is_pickle
from registry.formats.text import clean, finding
from registry.formats.unzipped import Budget, opened
from registry.formats.zips import Member, Odd
from registry.records import Finding
from registry.scanners import inside
from registry.scanners.contract import Look
from registry.scanners.zips import is_archive, is_pickled, refused

NAME = "mlflow"
FORMATS = ("mlflow",)

_PROGRAMS = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
_PROGRAM_NAMES = (".so", ".sh", ".bat", ".cmd", ".ps1", ".exe", ".dll", ".dylib", ".pyd", ".pyc",
                  ".jar", ".class")  # fmt: skip
_LOADERS = frozenset(
    f"mlflow.{name}"
    for name in "sklearn pytorch onnx keras tensorflow xgboost lightgbm catboost statsmodels "
    "prophet spacy pmdarima transformers sentence_transformers fastai paddle pyfunc.model".split()
)
_ARRAYS = (".npy", ".npz")  # which have a scanner of their own


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Scan every member; nothing is unpacked.

    Raises:
        BrokenArtifact: The archive or its MLmodel cannot be read.
    """
    for described in mlflow.descriptions(file):
        look.findings.extend(_loader(described))
    try:
        for member in zips.members(file):
            if not member.is_folder:
                _member(file, member, look)
    except Odd as odd:
        raise BrokenArtifact(odd.what) from None


def _loader(described: dict[str, Any]) -> Iterator[Finding]:
    flavors = described.get("flavors")
    python = flavors.get("python_function") if isinstance(flavors, dict) else None
    module = python.get("loader_module") if isinstance(python, dict) else None
    if module is not None and module not in _LOADERS:
        yield finding(
            "warn",
            "mlflow-loader",
            f"the folder asks to be loaded by {clean(module)}",
            "MLflow would import that module, and it is not one of its own",
            "Trust it only if you know who made the file",
        )


def _member(file: BinaryIO, member: Member, look: Look) -> None:
    name, shown = member.name.lower(), clean(member.name)
    part = opened(file, member, Budget())
    head = part.read(formats.HEAD_BYTES)
    if head.startswith(_PROGRAMS) or name.endswith(_PROGRAM_NAMES):
        look.findings.append(
            finding(
                "block",
                "package-program",
                f"{shown} is a program or a library",
                "No model needs one to be kept here, and whoever unpacks it could run it",
                "Leave it out, and name what the model needs in requirements.txt",
            )
        )
    elif name.endswith((".py", ".ipynb")):
        look.findings.append(
            finding(
                "warn",
                "package-code",
                f"{shown} is Python code",
                "MLflow runs it when the model is loaded elsewhere",
                "Read it before you trust it",
            )
        )
    elif head and not name.endswith(_ARRAYS):
        _model(part, member.name, head, look)


def _model(part: BinaryIO, name: str, head: bytes, look: Look) -> None:
    """A model file inside, as its own format; text and tables are let through."""
    shown = clean(name)
    try:
        found = formats.detect(part, name)
    except (UnknownFormat, BrokenArtifact):
        if is_archive(head):
            look.findings.append(
                refused(Odd("zip-nested", f"{shown} inside the archive is itself an archive"))
            )
        elif is_pickled(name, head, part):
            look.findings.append(refused(Odd("zip-pickle", f"{shown} is no pickle to be read")))
        return
    if found == "sklearn" and is_pickle(head) and not is_pickled(name, head, part):
        return  # text that only begins like a pickle
    if found == "mlflow":
        look.findings.append(
            refused(Odd("zip-nested", f"{shown} inside the archive is itself an MLflow folder"))
        )
    else:
        inside.scan(part, found, look)

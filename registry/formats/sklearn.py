"""scikit-learn and whatever else has its shape, pickled: plain, or by joblib in any compression."""

from __future__ import annotations

import pickletools
import re
from typing import TYPE_CHECKING, Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import answers, compressed, proposals
from registry.formats.dry_run import Limits, Seen, dry_run
from registry.formats.text import finding
from registry.records import Finding, Inspection, Schema

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

NAME = "sklearn"
FRAMEWORK = "scikit-learn"
GROUP = "sklearn"
EXTENSIONS = (".joblib", ".pkl", ".pickle", ".sav", ".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4")

_OPCODES = frozenset(opcode.code for opcode in pickletools.opcodes)
# Protocols 0 and 1 have no header: a name, or a container that starts with one.
_OLD = re.compile(rb"[(\]}]{0,3}(?:[ldt]?p?\d*\n)?[(]{0,2}[ci][A-Za-z_][\w.]*\r?\n[\w.<>]+\r?\n")
_OLD_STARTS = tuple(bytes([code]) for code in b"(cdl]}ISVFLNGJKMTUX")


def detect(head: bytes, file: BinaryIO) -> bool:
    """A pickle by its first bytes, inflated where joblib compresses."""
    kind = compressed.kind_of(head)
    if kind == "ZF" or is_pickle(head):
        return True
    if kind and is_pickle(compressed.peek(file, kind)):
        return True
    return head[:1] in _OLD_STARTS and _walks_to_its_end(file)


def is_pickle(head: bytes) -> bool:
    """Whether these first bytes start a pickle of any protocol."""
    if head[:1] == b"\x80" and len(head) > 2 and head[1] <= 5:
        return chr(head[2]) in _OPCODES
    return bool(_OLD.match(head))


def _walks_to_its_end(file: BinaryIO) -> bool:
    """Whether text without any mark is a pickle all the same: it asks for a name, and ends."""
    file.seek(0)
    try:
        seen = dry_run(file, limits=Limits(seconds=1.0, opcodes=500_000))
    except BrokenArtifact:
        return False
    return seen.complete and bool(seen.globals)


def inspect(file: BinaryIO) -> Inspection:
    """Walk the pickle with inert stubs."""
    file.seek(0)
    head = file.read(16)
    kind = "" if is_pickle(head) else compressed.kind_of(head)
    seen = dry_run(compressed.opened(file, kind))
    by_joblib = "joblib.numpy_pickle.NumpyArrayWrapper" in seen.globals or bool(kind)
    details: dict[str, Any] = {
        "saved by": "joblib" if by_joblib else "pickle",
        "protocol": seen.protocol,
        "compression": kind or "none",
    }
    root = seen.root if seen.complete else _first_class(seen)
    found = proposals.inspection(NAME, root, seen.globals.values(), details)
    return proposals.with_finding(found, *_remarks(seen))


def _first_class(seen: Seen) -> object:
    """A stub of the first class named: what a file too large to walk most likely holds."""
    from registry.formats.stubs import Instance

    first = next(iter(seen.globals.values()), None)
    made = Instance(first) if first else None
    if made:
        made.state["unread_"] = None
    return made


def _remarks(seen: Seen) -> list[Finding]:
    remarks = []
    if not seen.complete:
        remarks.append(
            finding(
                "warn",
                "not-read-to-the-end",
                "the file has too many small objects to be read in the time allowed",
                "Parameters, columns and classes are therefore not filled in",
                "Fill them in by hand, or save with joblib, which keeps arrays whole",
            )
        )
    if seen.trailing:
        remarks.append(
            finding(
                "warn",
                "trailing-bytes",
                "more bytes follow after the end of the pickle",
                "No library writes such a file; the loader ignores them",
                "Save the model again, unless you know what they are",
            )
        )
    return remarks


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Load with joblib's loader, which reads plain pickles too.

    Raises:
        NotInstalled: A library that the file needs is missing.
        PredictionFailed: The object cannot answer.
    """
    import joblib

    file.seek(0)
    with answers.missing_libraries():
        return answers.loaded(joblib.load(file), threads)


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Fill in columns, classes, outputs, defaults and an example from the loaded model."""
    return answers.complete(model, schema)


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """Answers "label" and "probabilities", or "value"."""
    return answers.predict(model, inputs, schema)

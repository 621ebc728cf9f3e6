"""scikit-learn and whatever else has its shape, pickled: plain, or by joblib in any compression."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO
from weakref import WeakKeyDictionary

from registry.errors import BrokenArtifact
from registry.formats import answers, compressed, proposals, restricted
from registry.formats.dry_run import Limits, Seen, dry_run
from registry.formats.machine import WRAPPER
from registry.formats.marks import is_pickle
from registry.records import Inspection, Schema

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

NAME = "sklearn"
FRAMEWORK = "scikit-learn"
GROUP = "sklearn"
EXTENSIONS = (".joblib", ".pkl", ".pickle", ".sav", ".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4")

_OLD_STARTS = tuple(bytes([code]) for code in b"(cdl]}ISVFLNGJKMTUX")


def detect(head: bytes, file: BinaryIO) -> bool:
    """A pickle by its first bytes, inflated where joblib compresses."""
    kind = compressed.kind_of(head)
    if kind == "ZF" or is_pickle(head):
        return True
    if kind and is_pickle(compressed.peek(file, kind)):
        return True
    return head[:1] in _OLD_STARTS and _walks_to_its_end(file)


def _walks_to_its_end(file: BinaryIO) -> bool:
    """Whether text without any mark is a pickle all the same: it asks for a name, and ends."""
    file.seek(0)
    try:
        seen = dry_run(file, limits=Limits(seconds=1.0, opcodes=500_000))
    except BrokenArtifact:
        return False
    return bool(seen.globals)


def inspect(file: BinaryIO) -> Inspection:
    """Walk the pickle with inert stubs."""
    seen, kind = walked(file)
    by_joblib = WRAPPER in seen.globals or bool(kind)
    details: dict[str, Any] = {
        "saved by": "joblib" if by_joblib else "pickle",
        "protocol": seen.protocol,
        "compression": kind or "none",
    }
    return proposals.inspection(NAME, seen.root, seen.globals.values(), details)


def walked(file: BinaryIO) -> tuple[Seen, str]:
    """What the file's pickle says, and how it is compressed; walked once per opened file.

    Raises:
        BrokenArtifact: It is damaged, or asks for too much.
    """
    if file not in _WALKED:
        stream, kind = compressed.inflated(file)
        packed = file.seek(0, os.SEEK_END) if kind else 0
        file.seek(0)
        limits = Limits(ratio=compressed.most_ratio(kind))
        _WALKED[file] = dry_run(stream, limits=limits, packed_bytes=packed), kind
    return _WALKED[file]


_WALKED: WeakKeyDictionary[BinaryIO, tuple[Seen, str]] = WeakKeyDictionary()


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Load with joblib's loader, which reads plain pickles too, restricted to the allowlist.

    Raises:
        UnsafeArtifact: It asks for a name that is neither listed nor trusted.
        NotInstalled: A library that the file needs is missing.
        PredictionFailed: The object cannot answer.
    """
    with answers.missing_libraries():
        return answers.loaded(restricted.load(file, trusted), threads)


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Fill in columns, classes, outputs, defaults and an example from the loaded model."""
    return answers.complete(model, schema)


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """Answers "label" and "probabilities", or "value"."""
    return answers.predict(model, inputs, schema)

"""What goes into the pool and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from registry.records import Finding, Inspection, Schema

if TYPE_CHECKING:
    import mmap

    import numpy as np


@dataclass(frozen=True)
class ModelSpec:
    """What a worker needs to load one version.

    `open` gives a fresh read-only descriptor of the artifact, verified by the store.
    `trusted` are names beyond the allowlist that somebody trusts for exactly these bytes.
    """

    version_id: str
    format: str
    digest: str
    open: Callable[[], int]
    schema: Schema | None
    inspection: Inspection
    trusted: tuple[str, ...] = ()


class Answer(NamedTuple):
    """Named arrays from the model and where the time went, in milliseconds."""

    outputs: dict[str, np.ndarray]
    queue_ms: float
    load_ms: float
    predict_ms: float
    warm: bool


class Streamed(NamedTuple):
    """An answer to rows that only the worker has read, and what it says of them."""

    answer: Answer
    n_rows: int
    findings: tuple[Finding, ...] = ()
    digest: str = ""
    inputs: dict[str, Any] | None = None


@dataclass(frozen=True)
class Made:
    """A converted file as its worker left it, hostile bytes, and what the converter said of it."""

    data: mmap.mmap
    findings: tuple[Finding, ...]

"""TensorFlow graphs: operations that compute pass; those that reach out do not."""

from __future__ import annotations

from typing import BinaryIO

from registry.formats import tensorflow
from registry.formats.text import clean, finding
from registry.scanners.contract import Look
from registry.scanners.tensorflow_ops import COMPUTING, REACHING

NAME = "tensorflow"
FORMATS = ("tensorflow",)

_MAX_SHOWN = 20


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Judge every operation of every graph and every function in it.

    Raises:
        BrokenArtifact: The graph is damaged.
    """
    graph = tensorflow.read(file)
    used = set(graph.operations)
    reaching = sorted(used & REACHING)
    unknown = sorted(used - REACHING - COMPUTING - graph.functions)
    for name in reaching[:_MAX_SHOWN]:
        look.findings.append(
            finding(
                "block",
                "tensorflow-operation",
                f"the graph has the operation {clean(name)}",
                "It reaches files or a network, or runs code, when the graph is run elsewhere",
                "Export the model without it",
            )
        )
    for name in unknown[:_MAX_SHOWN]:
        look.findings.append(
            finding(
                "warn",
                "tensorflow-unknown",
                f"the graph has the operation {clean(name)}, which is not on the list",
                "Nothing here knows what it does; it may need a library of its own",
                "Trust it only if you know who made the file, or export the model without it",
            )
        )

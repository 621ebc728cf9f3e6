"""What is installed here, without importing it, and findings about what is not or differs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata

from registry.formats.estimators import PACKAGES
from registry.formats.text import clean, finding
from registry.records import Finding

_NOT_A_LIBRARY = ("", "__main__", "__mp_main__", "__torch__", "copyreg", "__builtin__")


@cache
def installed(package: str) -> str:
    """Version of a distribution on this server, or ""."""
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        return ""


def mismatch(package: str, version: str) -> list[Finding]:
    """A warning when a file was saved by another minor version than the one here."""
    here = installed(package)
    if not version or not here or version.split(".")[:2] == here.split(".")[:2]:
        return []
    return [
        finding(
            "warn",
            "version",
            f"saved with {package} {version}; this server runs {here}",
            "Other versions may refuse the file or, rarely, answer differently",
            f"If it fails or looks wrong, load it with {package} {version} and save it again "
            f"with {here}",
        )
    ]


def libraries(modules: Iterable[str]) -> list[str]:
    """Distributions that a file's names come from, without Python's own."""
    tops = {module.partition(".")[0] for module in modules}
    foreign = sorted(t for t in tops if t not in sys.stdlib_module_names | set(_NOT_A_LIBRARY))
    return [PACKAGES.get(top, clean(top)) for top in foreign[:50]]


def known(module: str) -> bool:
    """Whether the library of this module can be found here. Nothing is imported."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or not top.isidentifier():
        return top in sys.stdlib_module_names
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False

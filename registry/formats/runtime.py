"""What is installed here, without importing it, and findings about what is not or differs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata

from registry.formats.text import finding
from registry.records import Finding

# Only these are ever named as something to install: a file could name a package made to harm.
_WELL_KNOWN = {
    "sklearn": "scikit-learn",
    "imblearn": "imbalanced-learn",
    "category_encoders": "category-encoders",
    "feature_engine": "feature-engine",
    **{
        name: name
        for name in (
            *("numpy", "scipy", "pandas", "pyarrow", "polars", "joblib", "skops", "onnx"),
            *("xgboost", "lightgbm", "catboost", "statsmodels", "mlxtend", "skorch", "sktime"),
            *("torch", "torchvision", "keras", "tensorflow", "jax", "transformers"),
        )
    },
}


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


def package(module: str) -> str:
    """The well-known distribution that a module belongs to, or ""."""
    return _WELL_KNOWN.get(module.partition(".")[0], "")


def libraries(modules: Iterable[str]) -> list[str]:
    """Well-known distributions that a file's names come from."""
    return sorted({package(module) for module in modules} - {""})


def known(module: str) -> bool:
    """Whether the library of this module can be found here. Nothing is imported."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or not top.isidentifier():
        return top in sys.stdlib_module_names
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False

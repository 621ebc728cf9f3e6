"""Writes the classes that model files may name: one list per library version.

`python -m tools.names` walks the libraries that are installed and writes
`registry/formats/allowlists/<library>-<version>.txt`; review the difference before it is committed.
For another scikit-learn, give its wheel: `python -m tools.names <wheel>`.
Functions, and whatever may be called, are never found by walking: `by_hand.txt` names them.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "registry/formats/allowlists"

# Tests, tools, pictures, and what never is part of a fitted model
_SKIPPED = re.compile(
    r"\b(tests?|testing|_test\w*|conftest|externals|datasets|experimental|inspection|callback|"
    r"mocking|metaestimators|fixes|export|linear_assignment_|_build_utils|_unittest_backport|"
    r"_estimator_html_repr|_joblib|_hungarian|_metadata_routing|"
    r"estimator_checks|_mocking|parallel|array_api\w*|_array_api|f2py|setup|distutils|plotting|"
    r"_plotting|_plot|dask|spark|_available_if|_set_output|_indexing|_pprint|_param_validation|"
    r"_repr_html|deprecation|_export|_reingold_tilford|_pairwise_distances_reduction|_seq_dataset|"
    r"_weight_vector|_fast_dict|_partitioner|grower|histogram|splitting|_encode|"
    r"_user_interface|_glm\._newton_solver|_hierarchical_fast|_quad_tree|_cross_validation)\b"
)


def classes(package: str) -> Iterator[type[Any]]:
    """Every class that a package's modules define, their tests and tools left out."""
    top = importlib.import_module(package)
    names = [package]
    if hasattr(top, "__path__"):
        below = pkgutil.walk_packages(top.__path__, package + ".", onerror=lambda name: None)
        names.extend(found.name for found in below)
    for name in names:
        if _SKIPPED.search(name):
            continue
        try:
            module = importlib.import_module(name)
        except Exception:  # noqa: BLE001  optional parts of a library miss what they need
            continue
        for cls in list(vars(module).values()):
            if inspect.isclass(cls) and _defined_in(cls, name):
                yield cls


def _defined_in(cls: type[Any], module: str) -> bool:
    """Whether a file would name the class so: top level, and by this very module."""
    plain = cls.__qualname__.isidentifier() and cls.__module__ == module
    return plain and not issubclass(cls, (BaseException, type))  # a metaclass makes new classes


def _sklearn() -> Iterator[str]:
    for cls in classes("sklearn"):
        if not cls.__name__.rstrip("0123456789").endswith(_UNWANTED):
            yield _path(cls)


def _numpy() -> Iterator[str]:
    import numpy as np

    for name, value in [*vars(np).items(), *((n, v) for n, v in vars(np.dtypes).items())]:
        if isinstance(value, np.ufunc) and name == value.__name__:
            yield f"numpy.{name}"
            yield f"numpy._core._multiarray_umath.{name}"
            yield f"numpy.core._multiarray_umath.{name}"
        elif inspect.isclass(value) and issubclass(value, (np.generic, np.dtype)):
            yield _path(value)
    for module in ("numpy.random", "numpy.polynomial"):
        yield from map(_path, classes(module))


def _scipy() -> Iterator[str]:
    import numpy as np
    from scipy import interpolate, sparse, special
    from scipy.stats import _continuous_distns, _discrete_distns, _distn_infrastructure

    for name, value in vars(special).items():
        if isinstance(value, np.ufunc):
            yield f"scipy.special._ufuncs.{name}"
            yield f"scipy.special.{name}"
    for module in (_continuous_distns, _discrete_distns, _distn_infrastructure):
        for name, cls in vars(module).items():
            if inspect.isclass(cls) and name.endswith(("_gen", "_frozen")):
                yield _path(cls)
    bases = (sparse.sparray, sparse.spmatrix)
    for value in (*vars(sparse).values(), *vars(interpolate).values()):
        if inspect.isclass(value) and not issubclass(value, (Warning, Exception)):
            yield _path(value)
            if issubclass(value, bases):  # where they lived before SciPy 1.8
                yield _path(value).replace("._", ".", 1)


def _pandas() -> Iterator[str]:
    from pandas.api.extensions import ExtensionArray, ExtensionDtype
    from pandas.core.generic import NDFrame
    from pandas.core.indexes.base import Index
    from pandas.core.internals.managers import BaseBlockManager

    kept = (NDFrame, Index, ExtensionArray, ExtensionDtype, BaseBlockManager)
    import pandas as pd

    for cls in [*classes("pandas.core"), *filter(inspect.isclass, vars(pd).values()), *_arrays()]:
        if issubclass(cls, kept) and "sql" not in cls.__module__:
            yield _path(cls)
    for cls in classes("pandas._libs.tslibs.offsets"):
        yield _path(cls)


def _arrays() -> list[type[Any]]:
    import pandas as pd

    return [value for value in vars(pd.arrays).values() if inspect.isclass(value)]


def _torch() -> Iterator[str]:
    import torch

    for cls in classes("torch.nn.modules"):
        if issubclass(cls, torch.nn.Module):
            yield _path(cls)
    for name, value in vars(torch).items():
        if isinstance(value, torch.dtype) or name.endswith("Storage"):
            yield f"torch.{name}"


def _xgboost() -> Iterator[str]:
    import xgboost

    for cls in classes("xgboost.sklearn"):
        if issubclass(cls, xgboost.XGBModel):
            yield _path(cls)
    yield "xgboost.core.Booster"


def _lightgbm() -> Iterator[str]:
    import lightgbm

    for cls in classes("lightgbm.sklearn"):
        if issubclass(cls, lightgbm.LGBMModel):
            yield _path(cls)
    yield "lightgbm.basic.Booster"


def _path(cls: type[Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


WALKS: dict[str, Callable[[], Iterator[str]]] = {
    "numpy": _numpy,
    "scipy": _scipy,
    "pandas": _pandas,
    "scikit-learn": _sklearn,
    "torch": _torch,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
}


def installed(library: str) -> str:
    """Version of a library here, without its build; "" without it."""
    for name in (library, f"{library}-cpu"):
        try:
            return metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return ""


def listed(library: str) -> str:
    """The list of a library as it is installed here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return "".join(f"{name}\n" for name in sorted(set(WALKS[library]())))


def of_wheel(wheel: Path) -> str:
    """The classes in the source of a scikit-learn that is not installed here, nothing imported.

    Only those that the installed version names otherwise.
    """
    known = set(path("scikit-learn").read_text().split())
    found = set()
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            module = member.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if not member.endswith(".py") or _SKIPPED.search(module):
                continue
            for node in ast.parse(archive.read(member)).body:
                if isinstance(node, ast.ClassDef) and not node.name.endswith(_UNWANTED_OF_OLD):
                    found.add(f"{module}.{node.name}")
    return "".join(f"{name}\n" for name in sorted(found - known))


_UNWANTED = ("Mixin", "Builder", "Heap", "Callback", "Bridge", "Finder", "BinaryTree")
_UNWANTED_OF_OLD = (*_UNWANTED, "Warning", "Error", "Meta", "Memory", "deprecated", "backend")


def path(library: str) -> Path:
    """Where the list of the installed version lies."""
    return FOLDER / f"{library}-{installed(library)}.txt"


def main() -> None:
    """Write the list of every library that is here, and of every wheel that is given."""
    for wheel in map(Path, sys.argv[1:]):
        version = wheel.name.split("-")[1]
        if found := of_wheel(wheel):
            (FOLDER / f"scikit-learn-{version}.txt").write_text(found)
    for library in WALKS:
        if installed(library):
            path(library).write_text(listed(library))


if __name__ == "__main__":
    main()

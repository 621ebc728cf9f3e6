"""The allowlist: exact names, cheap to read, and fresh."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import pytest

from registry.formats import names
from tests.house_rules import ROOT
from tools import names as generator


@pytest.mark.parametrize(
    ("module", "name", "judgement"),
    [
        ("sklearn.pipeline", "Pipeline", "innocuous"),
        ("numpy._core.multiarray", "_reconstruct", "innocuous"),
        ("torch._utils", "_rebuild_tensor_v2", "innocuous"),
        ("sklearn.ensemble.forest", "RandomForestClassifier", "innocuous"),
        ("sklearn.ensemble._gb_losses", "BinomialDeviance", "innocuous"),
        ("sklearn.neighbors.kd_tree", "KDTree", "innocuous"),
        ("numpy.core.multiarray", "scalar", "innocuous"),
        ("os", "system", "dangerous"),
        ("nt", "system", "dangerous"),
        ("commands", "getoutput", "dangerous"),
        ("__builtin__", "eval", "dangerous"),
        ("numpy", "savetxt", "dangerous"),
        ("numpy.lib._npyio_impl", "os.system", "dangerous"),
        ("sklearn", "pipeline.Pipeline", "dangerous"),
        ("torch.storage", "_load_from_bytes", "dangerous"),
        ("registry.accounts", "create_user", "dangerous"),
        ("streamlit", "cache_data", "dangerous"),
        ("_cffi_backend", "FFI", "dangerous"),
        ("", "Model", "dangerous"),
        ("mine", "x" * 300, "dangerous"),
        ("mine", "Mo\u0435l", "dangerous"),
        ("mine", "a b", "dangerous"),
        ("__main__", "Model", "unusual"),
        ("__mp_main__", "Model", "unusual"),
        ("mine.models", "Model", "unusual"),
        ("imblearn.pipeline", "Pipeline", "unusual"),
    ],
)
def test_a_name_is_judged(module: str, name: str, judgement: str) -> None:
    assert names.judge(module, name) == judgement


def test_trust_reaches_exact_names_and_no_others() -> None:
    trusted = frozenset(("mine.Model", "mine.Model.save"))
    assert names.may_load("mine", "Model", trusted)
    assert not names.may_load("mine", "Other", trusted)
    assert not names.may_load("mine", "Model.save", trusted)


def test_nothing_listed_is_a_path_or_of_a_script() -> None:
    for path in names.LISTED:
        module, name = names.split(path)
        assert names.is_plain(module, name), path
        assert module.partition(".")[0] != "__main__"


def test_no_function_that_acts_is_listed() -> None:
    acting = {
        "builtins.eval", "builtins.exec", "builtins.open", "builtins.type", "numpy.load",
        "numpy.memmap", "joblib.load", "pandas.read_pickle",
        "sklearn.datasets._base.load_files", "torch.load", "torch.storage._load_from_bytes",
    }  # fmt: skip
    assert acting.isdisjoint(names.LISTED)


def test_every_library_of_this_server_is_known() -> None:
    """So that whatever can be imported here and is off the lists is dangerous."""
    required = {
        _plain(line.partition("==")[0])
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    }
    brought = {
        top
        for top, owners in metadata.packages_distributions().items()
        if top.isidentifier() and any(_plain(owner) in required for owner in owners)
    }
    assert [top for top in brought if names.judge(top, "AnyClass") != "dangerous"] == []


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


WALKED = [name for name in generator.WALKS if generator.installed(name)]


@pytest.mark.parametrize("library", WALKED)
def test_a_list_for_the_installed_version_exists(library: str) -> None:
    assert generator.path(library).exists(), "run: make names"


@pytest.mark.parametrize(
    "library",
    ["numpy", *(pytest.param(n, marks=pytest.mark.long) for n in WALKED if n != "numpy")],
)
def test_a_list_is_what_its_library_has(library: str) -> None:
    code = f"from tools import names; print(names.listed({library!r}), end='')"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == generator.path(library).read_text(), "run: make names"


def test_reading_the_lists_imports_no_framework() -> None:
    code = "import sys, registry.formats.names; print([n for n in sys.modules if n in {!r}])"
    heavy = ("torch", "sklearn", "scipy", "joblib", "pandas")
    done = subprocess.run(
        [sys.executable, "-c", code.format(heavy)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"

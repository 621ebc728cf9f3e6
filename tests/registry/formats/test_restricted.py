"""The real load gets nothing but what is listed or trusted; hostile files meet it in a worker."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from registry import scanners
from registry.errors import NotInstalled, PredictionFailed, Rejected, UnsafeArtifact
from registry.formats import guards, restricted
from registry.formats.stubs import Global, Instance
from registry.records import Inspection
from registry.sandbox.contract import ModelSpec
from registry.sandbox.pool import Pool
from tests.makers import models
from tests.makers.benign import MODELS, fitted
from tests.makers.held import replacing
from tests.makers.hostile_pickles import TECHNIQUES, marker
from tests.makers.hostile_plain import called
from tests.makers.hostile_values import VALUES

FORMATS = {".pkl": "sklearn", ".joblib": "sklearn", ".skops": "skops", ".pt": "torch_pickle"}
REFUSED = (UnsafeArtifact, PredictionFailed, Rejected, NotInstalled)


def _spec(path: Path, format: str) -> ModelSpec:
    found = Inspection(format=format, framework="scikit-learn")
    return ModelSpec(uuid4().hex, format, "", lambda: os.open(path, os.O_RDONLY), None, found)


IN_A_WORKER = [
    *("os_system", "python_2_names", "inst_opcode", "call_of_an_answer", "state_for_a_class"),
    *("code_in_a_state", "maker_of_calls", "huge_buffer", "compressed_object_array"),
    *("after_the_compressed_end", "second_pickle", "skops_type", "skops_function"),
    *("newobj_by_copyreg", "reconstructor_of_a_size", "values_that_call", "skops_key_type"),
    *("skops_code_in_a_state", "skops_partial", "skops_part_in_place_of_another"),
    *("skops_attributes_of_python", "skops_state_that_is_asked"),
    *("skops_state_of_pairs", "skops_state_in_text"),
    *("torch_attributes_of_python", "torch_legacy_attributes_of_python"),
    *(maker.__name__ for maker in VALUES),
]


@pytest.mark.sandbox
@pytest.mark.parametrize("name", IN_A_WORKER)
def test_a_hostile_pickle_is_not_loaded_even_without_a_scan(
    pool: Pool, name: str, tmp_path: Path
) -> None:
    path = TECHNIQUES[name](tmp_path)
    with pytest.raises(UnsafeArtifact if name not in DAMAGED else PredictionFailed):
        pool.check(_spec(path, FORMATS[path.suffix]))
    assert not marker(tmp_path).exists()


def test_a_state_does_not_replace_a_method() -> None:
    from scipy.stats import norm

    replaced = {"name": norm.name, "_attach_methods": norm.cdf}
    assert guards.shadows(norm, replaced) == "norm_gen._attach_methods"
    assert not guards.shadows(norm, {"name": norm.name, "_attach_methods": 1, "own": norm.cdf})


@pytest.mark.sandbox
@pytest.mark.parametrize("ending", [".joblib", ".skops"])
def test_a_loaded_state_does_not_replace_a_method(pool: Pool, tmp_path: Path, ending: str) -> None:
    """The scan imports nothing, so that it cannot know what is a method."""
    path = replacing(tmp_path, "predict", ending)
    with path.open("rb") as file:
        assert scanners.scan(file, FORMATS[ending]).verdict == "clean"
    with pytest.raises(UnsafeArtifact, match=r"in the place of LogisticRegression\.predict"):
        pool.check(_spec(path, FORMATS[ending]))
    pool.check(_spec(replacing(tmp_path, "own", ending), FORMATS[ending]))


DAMAGED = ("after_the_compressed_end",)


@pytest.mark.long
@pytest.mark.sandbox
def test_no_hostile_pickle_is_loaded_even_without_a_scan(pool: Pool, tmp_path: Path) -> None:
    loaded = []
    for name, maker in TECHNIQUES.items():
        path = maker(tmp_path)
        if path.suffix not in FORMATS:
            continue
        spec = _spec(path, FORMATS[path.suffix])
        try:
            pool.check(spec)
        except REFUSED:
            pool.drop(spec.version_id)
        else:
            loaded.append(name)
    assert loaded == []
    assert not marker(tmp_path).exists()


@pytest.mark.sandbox
def test_the_refused_names_reach_the_server(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArtifact, match=r"the file asks for __main__\.Model") as refused:
        pool.check(_spec(TECHNIQUES["own_class"](tmp_path), "sklearn"))
    report = refused.value.report
    assert report.unusual == ("__main__.Model",)
    assert report.verdict == "refuse"


@pytest.mark.sandbox
def test_a_trusted_name_is_let_in_for_one_file(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "mine.pkl"
    path.write_bytes(called("mine.models", "Model"))
    spec = _spec(path, "sklearn")
    trusting = ModelSpec(
        uuid4().hex, "sklearn", "", spec.open, None, spec.inspection, ("mine.models.Model",)
    )
    with pytest.raises(PredictionFailed, match=r"needs the module mine"):
        pool.check(trusting)
    with pytest.raises(UnsafeArtifact):
        pool.check(spec)


HONEST = (
    *("forest", "pipeline", "histogram_classifier", "filled", "searched_at_random"),
    *("near_kd_tree", "gaussian_process", "reduced"),
)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_model_is_loaded_whole(name: str, tmp_path: Path) -> None:
    path = MODELS[name](tmp_path)
    with path.open("rb") as file:
        made = restricted.load(file, frozenset())
    again = restricted.load(io.BytesIO(pickle.dumps(made)), frozenset())
    assert list(vars(made)) == list(vars(again)) == list(vars(fitted(name)))
    assert type(made) is type(again)


def test_object_arrays_are_loaded_by_the_same_rules(tmp_path: Path) -> None:
    content = np.array(["a", None, 3, {"b": np.arange(3)}], dtype=object)
    path = models.joblib_file(tmp_path, {"classes": content, "after": np.arange(5)})
    with path.open("rb") as file:
        made = restricted.load(file, frozenset())
    assert made["classes"][:3].tolist() == ["a", None, 3]
    assert made["after"].tolist() == [0, 1, 2, 3, 4]


GENERATOR = Instance(Global("scipy.stats._continuous_distns", "norm_gen"))
TEMPLATE = """
def _parse_args(self, a,  loc=0, scale=1):
    return (a, ), loc, scale

def _parse_args_rvs(self, a,  loc=0, scale=1, size=None):
    return self._argcheck_rvs(a,  loc, scale, size=size)

def _parse_args_stats(self, a,  loc=0, scale=1, moments='mv'):
    return (a, ), loc, scale, moments
"""


@pytest.mark.parametrize(
    ("state", "fits"),
    [
        ({"_parse_arg_template": TEMPLATE}, True),
        ({"_parse_arg_template": TEMPLATE + "\nimport os"}, False),
        ({"_parse_arg_template": TEMPLATE.replace("(a, )", "(a, print())")}, False),
        ({}, False),
        ([("_parse_arg_template", "import os")], False),
        ((None, {"__class__": 1}), False),
    ],
)
def test_the_state_of_a_distribution_is_read_before_it_runs(state: object, fits: bool) -> None:
    """SciPy executes a text out of it."""
    assert guards.state(GENERATOR, state) is fits


@pytest.mark.parametrize("name", ["norm", "gamma", "randint", "uniform", "poisson", "beta"])
def test_every_distribution_keeps_the_shape_that_is_expected(name: str) -> None:
    from scipy import stats

    distribution = getattr(stats, name)
    assert guards.state(distribution, distribution.__getstate__())


@pytest.mark.parametrize(
    ("path", "args", "fits"),
    [
        ("builtins.bytearray", (b"x",), True),
        ("builtins.bytearray", (2**40,), False),
        ("builtins.getattr", (GENERATOR, "_entropy"), True),
        ("builtins.getattr", (GENERATOR, "__class__"), False),
        ("builtins.getattr", (Global("os", "path"), "system"), False),
        ("copyreg._reconstructor", (int, object, None), True),
        ("copyreg._reconstructor", (int, GENERATOR, "x"), False),
        ("_codecs.encode", ("a", "latin1"), True),
        ("_codecs.encode", ("a", "zip"), False),
        ("numpy._core.multiarray._reconstruct", (np.ndarray, (0,), b"b"), True),
        ("numpy._core.multiarray._reconstruct", (np.ndarray, (2**50,), b"b"), False),
        ("numpy.random._pickle.__randomstate_ctor", ("MT19937", os.system), False),
        ("functools.partial", (np.log1p,), True),
        ("functools.partial", (getattr,), False),
        ("functools.partial", (Global("os", "system"),), False),
        ("sklearn.tree._tree.Tree", [1], False),
    ],
)
def test_a_call_is_judged_by_its_arguments(path: str, args: object, fits: bool) -> None:
    assert guards.call(path, args) is fits


DTYPES = ("f8", ">i4", "?", "O", "U7", "S3", "V5", "M8[ns]", "m8[D]", "c16", "U0",
          [("a", "i4"), ("b", "U3")], [("a", "f4", (2, 3))],
          np.dtype([("a", "i1"), ("b", "f8")], align=True))  # fmt: skip


@pytest.mark.parametrize("described", DTYPES, ids=str)
def test_the_state_of_an_honest_dtype_fits(described: object) -> None:
    dtype = np.dtype(described)  # type: ignore[call-overload]
    _, (code, *more), state = dtype.__reduce__()
    assert guards.state(np.dtype(code, *more), state)
    if dtype.subdtype is None:
        again = restricted.load(io.BytesIO(pickle.dumps(dtype)), frozenset())
        assert again == dtype


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("V8", (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)),
        ("V8", (3, "|", None, ("a",), {"a": (np.dtype("f8"), 4)}, 8, 1, 16)),
        ("V8", (3, "|", None, ("a", "b"), {"a": (np.dtype("i4"), 0)}, 8, 1, 16)),
        ("f8", (3, "<", None, None, None, 4, -1, 0)),
        ("O", (3, "|", None, None, None, -1, -1, 0)),
        ("f8", (3, "<", None, None, None, -1, -1, 63)),
        ("U3", (3, "<", None, None, None, 13, 4, 8)),
        ("f8", (3, "<", None, ("a",), {"a": (np.dtype("f8"), 0)}, -1, -1, 0)),
        ("M8", (4, "<", None, None, None, -1, -1, 0, ({}, (b"ns", 1, 0, 1)))),
        ("f8", 1),
    ],
)
def test_the_state_of_a_dtype_that_numpy_would_crash_on_is_refused(
    code: str, state: object
) -> None:
    assert not guards.state(np.dtype(code), state)

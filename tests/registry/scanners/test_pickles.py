"""Pickles in every wrapping: hostile ones do not pass, honest ones pass in silence."""

from __future__ import annotations

import contextlib
import io
import pickle
import warnings
from pathlib import Path
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
import pytest

from registry import formats, scanners
from registry.errors import Rejected
from registry.records import Report
from registry.sandbox.pool import Pool
from tests.makers import models
from tests.makers.benign import MODELS
from tests.makers.hostile_pickles import TECHNIQUES, marker
from tests.makers.hostile_plain import called

FOR_A_PERSON = {"unknown_library", "own_class"}


def _scan(content: bytes, format: str = "sklearn") -> Report:
    return scanners.scan(io.BytesIO(content), format)


def _rules(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings}


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_hostile_pickle_does_not_pass(name: str, tmp_path: Path) -> None:
    path = TECHNIQUES[name](tmp_path)
    with path.open("rb") as file:
        try:
            found = formats.inspect(file, path.name)
        except Rejected as refused:
            verdict, said = "refuse", refused.message
        else:
            report = scanners.scan(file, found.format)
            verdict, said = report.verdict, report.worst.what if report.worst else ""
    assert verdict == ("quarantine" if name in FOR_A_PERSON else "refuse"), said
    assert len(said) > 20
    assert not marker(tmp_path).exists()


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_models_of_boosting_libraries_pass(library: str, tmp_path: Path) -> None:
    names = [name for name in MODELS if name.startswith(library)]
    if not names:
        pytest.skip(f"{library} is not installed: pip install -r requirements-boosting.txt")
    for name in names:
        report = _scan(MODELS[name](tmp_path).read_bytes())
        assert report.findings == (), name


def test_every_name_is_listed_with_its_judgement() -> None:
    report = _scan(pickle.dumps(models.classifier())[:-1] + b"cos\nsystem\n\x86.")
    judged = {named.name: named.judgement for named in report.names}
    assert judged["sklearn.linear_model._logistic.LogisticRegression"] == "innocuous"
    assert judged["os.system"] == "dangerous"
    assert report.names[0].name == "os.system"


def test_unusual_names_quarantine_and_say_what_to_trust() -> None:
    report = _scan(called("mine.models", "Model"))
    assert report.verdict == "quarantine"
    assert report.unusual == ("mine.models.Model",)
    worst = report.worst
    assert worst
    assert "mine.models.Model" in worst.what
    assert worst.why
    assert worst.todo


def test_two_names_that_look_alike_are_two() -> None:
    alike = b"\x8c\x0esklearn.linear\x8c\x04_x.y\x93\x8c\x11sklearn.linear._x\x8c\x01y\x93"
    report = _scan(b"\x80\x04" + alike + b"\x86.")
    assert report.verdict == "refuse"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"\x80\x02]2\x86.", "old-opcode"),
        (pickle.dumps(1) + b"more", "bytes-after-the-end"),
        (called("builtins", "bytearray", 10**6), "call"),
        (called("sklearn.pipeline", "Pipeline", []), "call"),
        (called("lightgbm.basic", "Booster", None, None, "/etc/passwd"), "call"),
        (b"\x80\x04csklearn.base\nBaseEstimator\n}b.", "state-of-a-class"),
    ],
)
def test_what_no_library_writes_is_refused(content: bytes, rule: str) -> None:
    report = _scan(content)
    assert report.verdict == "refuse"
    assert rule in _rules(report)


def test_names_behind_the_end_are_listed_too() -> None:
    report = _scan(pickle.dumps(1) + pickle.dumps(2) + called("os", "system", "true"))
    assert "os.system" in {named.name for named in report.names}


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_inside_bytes_is_found_in_every_protocol(protocol: int) -> None:
    inner = called("os", "system", "true", protocol=2)
    report = _scan(pickle.dumps({"weights": inner, "n": [1] * 300}, protocol))
    assert "pickle-inside" in _rules(report)
    assert "os.system" in {named.name for named in report.names}


def test_a_pickle_inside_many_bytes_is_found() -> None:
    inner = called("os", "system", "true") + bytes(200_000)
    assert "pickle-inside" in _rules(_scan(pickle.dumps({"weights": inner})))


def test_bytes_that_only_start_like_a_pickle_are_no_pickle() -> None:
    raw = [b"\x80\x04" + bytes(50), b"\x80\x02c\xff\xfe\n\xff\n.", b"(lp0\n", b"]\n[x]"]
    assert _scan(pickle.dumps({"raw": raw})).verdict == "clean"


def test_joblib_arrays_inside_an_inner_pickle_are_refused() -> None:
    """joblib's loader would not skip their bytes there, so neither may the scan."""
    file = io.BytesIO()
    joblib.dump(np.zeros(8), file)
    outer = io.BytesIO()
    joblib.dump(np.array([None], dtype=object), outer)
    start = outer.getvalue().rindex(b"\x80\x05")
    report = _scan(outer.getvalue()[:start] + file.getvalue())
    assert report.verdict == "refuse"
    assert not report.complete


def test_a_truncated_file_is_not_a_pass() -> None:
    content = pickle.dumps(models.classifier())
    report = _scan(content[: len(content) // 2])
    assert not report.complete
    assert report.verdict == "refuse"


def test_what_is_inspected_is_walked_once(tmp_path: Path) -> None:
    path = models.sklearn_pipeline(tmp_path)
    with path.open("rb") as file:
        formats.inspect(file, path.name)
        before = file.tell()
        scanners.get("pickles").scan(file, "sklearn", _look())
        assert file.tell() == before


def _look() -> Any:
    from registry.scanners.contract import Look

    return Look()


@pytest.mark.sandbox
def test_a_worker_says_the_same(pool: Pool, tmp_path: Path) -> None:
    for name, verdict in (("behind_an_array", "refuse"), ("own_class", "quarantine")):
        path = TECHNIQUES[name](tmp_path)
        with path.open("rb") as file:
            _, report = pool.inspect(file.fileno(), path.name)
            assert report.verdict == verdict
            assert report == pool.scan(file.fileno(), "sklearn")


@pytest.mark.long
def test_default_estimators_of_scikit_learn_pass() -> None:
    """Every one of them, fitted, with the parameters its own tests are run with."""
    from sklearn.utils import all_estimators

    troubled, n = {}, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, cls in all_estimators():
            for made in _fitted(cls):
                n += 1
                file = io.BytesIO()
                joblib.dump(made, file)
                for content in (file.getvalue(), pickle.dumps(made, 0), pickle.dumps(made)):
                    report = _scan(content)
                    if report.verdict != "clean":
                        troubled[name] = report.findings
    print(f"{n - len(troubled)} of {n} default estimators pass")
    assert n > 200
    assert troubled == {}


def _fitted(cls: type[Any]) -> list[Any]:
    """An estimator with its defaults, fitted on what it takes; [] where it needs more."""
    from sklearn.datasets import make_blobs
    from sklearn.utils._test_common.instance_generator import _construct_instances
    from sklearn.utils.estimator_checks import (
        _enforce_estimator_tags_X,
        _enforce_estimator_tags_y,
    )

    features, target = make_blobs(n_samples=40, centers=3, random_state=0, n_features=4)
    try:
        several = list(_construct_instances(cls))
    except (TypeError, ValueError, SkipTest):
        return []
    for made in several:
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            made.fit(
                _enforce_estimator_tags_X(made, features), _enforce_estimator_tags_y(made, target)
            )
    return several

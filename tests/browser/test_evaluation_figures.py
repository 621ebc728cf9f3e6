"""Three classifiers and three regressors judged through the browser: every number is the library's.

The exact numbers are read from the CSV that the compare page gives once they are kept as metrics.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sklearn import metrics as sk
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from pages.parts import text
from registry import accounts, publish, results, staging, versions
from registry.core import Registry, open_registry
from registry.records import Actor, Details, Evaluation
from registry.settings import Settings
from tests.browser.conftest import PASSWORD, Server, expect_signed_in, settle, sign_in, start_server
from tests.browser.test_main_job import press

pytestmark = pytest.mark.long
Visit = Callable[..., BrowserContext]
SOON = 180_000
"""Milliseconds a step may take on a machine with much else to do."""


@dataclass
class Judged:
    """Fitted estimators, and rows they have not seen; the column of the answer comes first."""

    rows: pd.DataFrame
    target: str
    task: str
    estimators: dict[str, Any]

    @property
    def truth(self) -> np.ndarray:
        return np.asarray(self.rows[self.target])

    def said(self, name: str) -> np.ndarray:
        return np.asarray(self.estimators[name].predict(self.features))

    @property
    def features(self) -> pd.DataFrame:
        return self.rows.drop(columns=self.target)


def _held_out(frame: pd.DataFrame, target: str, task: str, estimators: dict[str, Any]) -> Judged:
    frame = frame[[target, *(name for name in frame if name != target)]]
    train, test = train_test_split(frame, test_size=0.5, random_state=3)
    for each in estimators.values():
        each.fit(train.drop(columns=target), train[target])
    return Judged(test.reset_index(drop=True), target, task, estimators)


@pytest.fixture(scope="module")
def tumours() -> Judged:
    data = load_breast_cancer(as_frame=True)
    frame = data.frame.assign(diagnosis=[data.target_names[n] for n in data.target])
    three = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": RandomForestClassifier(20, max_depth=3, random_state=0),
        "bayes": GaussianNB(),
    }
    return _held_out(frame.drop(columns="target"), "diagnosis", "classification", three)


@pytest.fixture(scope="module")
def patients() -> Judged:
    frame = load_diabetes(as_frame=True).frame.rename(columns={"target": "progression"})
    three = {
        "linear": LinearRegression(),
        "ridge": Ridge(0.1),
        "tree": DecisionTreeRegressor(max_depth=4, random_state=0),
    }
    return _held_out(frame, "progression", "regression", three)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Server, Registry, Actor]]:
    """A server, and the doors of its home for Ada, who may publish."""
    home = tmp_path / "home"
    home.mkdir()
    reg = open_registry(Settings(home=home, standby_workers=False, _env_file=None))
    accounts.create_user(
        reg, username="root", name="Root", email="r@example.org", password=PASSWORD, role="admin"
    )
    ada = accounts.create_user(
        reg, username="ada", name="Ada", email="a@example.org", password=PASSWORD, role="author"
    )
    server = start_server(home)
    yield server, reg, ada
    server.stop()
    reg.close()


def _publish(reg: Registry, ada: Actor, judged: Judged, folder: Path) -> list[str]:
    """The refs of what was published; the server checks them."""
    refs = []
    for name, estimator in judged.estimators.items():
        path = folder / f"{name}.joblib"
        joblib.dump(estimator, path)
        with staging.receive(reg, ada, path.name) as incoming:
            incoming.write(path.read_bytes())
            staged = incoming.finish()
        draft = publish.examine(reg, ada, staged.id)
        refs.append(publish.publish(reg, ada, draft.id, Details(name=name)).ref)
    return refs


def _evaluate(
    page: Page, served: tuple[Server, Registry, Actor], judged: Judged, refs: list[str], rows: Path
) -> Evaluation:
    """Drop the rows, choose the answer, start, wait, open the result; as the door has it."""
    server, reg, ada = served
    _until(page, lambda: all(versions.get(reg, ada, ref).status == "ready" for ref in refs))
    page.goto(f"{server.url}/compare?" + "&".join(f"v={ref}" for ref in refs))
    expect(page.get_by_role("button", name="Evaluate on rows…")).to_be_visible(timeout=SOON)
    settle(page)
    press(page, "Evaluate on rows…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(rows)
    answer = dialog.get_by_role("combobox", name="Right answer in")
    expect(answer).to_be_visible(timeout=SOON)
    settle(page)
    answer.click()
    page.get_by_role("option", name=judged.target, exact=True).click()
    settle(page)
    task = dialog.get_by_role("combobox", name="Task")
    expect(task).to_have_value(re.compile(judged.task.capitalize()))
    dialog.get_by_role("button", name="Evaluate", exact=True).click()
    last = page.get_by_role("button", name=f"Last evaluation: {rows.name}")
    expect(last).to_be_visible(timeout=SOON)
    settle(page)
    last.click()
    page.wait_for_url("**/evaluation?**", timeout=SOON)
    expect(page.get_by_text(f"{len(judged.rows)} rows").first).to_be_visible(timeout=SOON)
    settle(page)
    return results.find(reg, ada)[0]


def _until(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(SOON // 200):
        if true():
            return
        page.wait_for_timeout(200)
    pytest.fail("waited in vain")


def _kept(page: Page, server: Server, refs: list[str], folder: Path) -> list[dict[str, float]]:
    """Press "Save as metrics" and read them from the CSV of the compare page, by version."""
    press(page, "Save as metrics")
    expect(page.get_by_text("Metrics saved")).to_be_visible(timeout=SOON)
    page.goto(f"{server.url}/compare?" + "&".join(f"v={ref}" for ref in refs))
    expect(page.get_by_role("region", name="Metrics by version")).to_be_visible(timeout=SOON)
    settle(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=SOON) as download:
        page.get_by_role("button", name="CSV, for").click()
    download.value.save_as(folder / "compared.csv")
    with (folder / "compared.csv").open(newline="") as file:
        lines = [row for row in csv.reader(file) if row[0] == "Metrics"]
    return [{row[1].split()[0]: float(row[3 + n]) for row in lines} for n in range(len(refs))]


def _labels_by_scikit_learn(judged: Judged, name: str) -> dict[str, float]:
    truth, said = judged.truth == "malignant", judged.said(name) == "malignant"
    share = judged.estimators[name].predict_proba(judged.features)[:, 1]
    return {
        "accuracy_score": sk.accuracy_score(truth, said),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, said),
        "precision_score": sk.precision_score(truth, said),
        "recall_score": sk.recall_score(truth, said),
        "f1_score": sk.f1_score(truth, said),
        "precision_macro": sk.precision_score(truth, said, average="macro"),
        "recall_macro": sk.recall_score(truth, said, average="macro"),
        "f1_macro": sk.f1_score(truth, said, average="macro"),
        "matthews_corrcoef": sk.matthews_corrcoef(truth, said),
        "roc_auc": sk.roc_auc_score(truth, share),
        "average_precision": sk.average_precision_score(truth, share),
        "log_loss": sk.log_loss(truth, share),
        "brier_score_loss": sk.brier_score_loss(truth, share),
    }


def _numbers_by_scikit_learn(judged: Judged, name: str) -> dict[str, float]:
    pair = (judged.truth, judged.said(name))
    return {
        "root_mean_squared_error": sk.root_mean_squared_error(*pair),
        "mean_absolute_error": sk.mean_absolute_error(*pair),
        "median_absolute_error": sk.median_absolute_error(*pair),
        "max_error": sk.max_error(*pair),
        "r2_score": sk.r2_score(*pair),
        "explained_variance": sk.explained_variance_score(*pair),
        "mean_absolute_percentage_error": sk.mean_absolute_percentage_error(*pair),
    }


def _same(found: dict[str, float], expected: dict[str, float]) -> None:
    assert set(found) - {"expected_calibration_error"} == set(expected)
    for name, value in expected.items():
        assert math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-9), name


def test_three_classifiers_have_the_numbers_of_scikit_learn(
    served: tuple[Server, Registry, Actor], visit: Visit, tumours: Judged, tmp_path: Path
) -> None:
    server, reg, ada = served
    refs = _publish(reg, ada, tumours, tmp_path)
    rows = tmp_path / "tumours.csv"
    tumours.rows.to_csv(rows, index=False)
    page = visit().new_page()
    page.goto(server.url)
    sign_in(page, "ada")
    expect_signed_in(page)
    told = _evaluate(page, served, tumours, refs, rows)
    truth = tumours.truth
    for version, name in zip(told.versions, tumours.estimators, strict=True):
        assert version.quality
        matrix = sk.confusion_matrix(truth, tumours.said(name))
        assert version.quality.confusion == tuple(map(tuple, matrix.tolist()))
        shown = text.number(float(sk.accuracy_score(truth, tumours.said(name))))
        expect(page.get_by_role("row", name=re.compile("^accuracy"))).to_contain_text(shown)
    _the_paired_test_is_that_of_scipy(told, tumours)
    _rows_now_wrong_are_taken_away(page, tumours, tmp_path)
    kept = _kept(page, server, refs, tmp_path)
    for name, found in zip(tumours.estimators, kept, strict=True):
        _same(found, _labels_by_scikit_learn(tumours, name))


def test_three_regressors_have_the_numbers_of_scikit_learn(
    served: tuple[Server, Registry, Actor], visit: Visit, patients: Judged, tmp_path: Path
) -> None:
    server, reg, ada = served
    refs = _publish(reg, ada, patients, tmp_path)
    rows = tmp_path / "patients.csv"
    patients.rows.to_csv(rows, index=False)
    page = visit().new_page()
    page.goto(server.url)
    sign_in(page, "ada")
    expect_signed_in(page)
    told = _evaluate(page, served, patients, refs, rows)
    errors = [np.abs(patients.said(name) - patients.truth) for name in patients.estimators]
    by_id = dict(zip([v.version_id for v in told.versions], errors, strict=True))
    for pair in told.pairs:
        grown = by_id[pair.other] - by_id[pair.base]
        assert math.isclose(pair.difference, grown.mean(), rel_tol=1e-9, abs_tol=1e-9)
    kept = _kept(page, server, refs, tmp_path)
    for name, found in zip(patients.estimators, kept, strict=True):
        _same(found, _numbers_by_scikit_learn(patients, name))


def _the_paired_test_is_that_of_scipy(told: Evaluation, judged: Judged) -> None:
    """McNemar's mid-p by the binomial distribution of SciPy."""
    from scipy.stats import binom

    right = {
        version.version_id: judged.said(name) == judged.truth
        for version, name in zip(told.versions, judged.estimators, strict=True)
    }
    assert len(told.pairs) == 3
    for pair in told.pairs:
        broken = int((right[pair.base] & ~right[pair.other]).sum())
        mended = int((~right[pair.base] & right[pair.other]).sum())
        fewer, n = min(broken, mended), broken + mended
        p = 2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5)
        assert (pair.n_broken, pair.n_mended) == (broken, mended)
        assert math.isclose(pair.p_value, min(1.0, p), abs_tol=1e-9)


def _rows_now_wrong_are_taken_away(page: Page, judged: Judged, folder: Path) -> None:
    """Those that logistic, the base, has right and bayes has wrong, with both answers."""
    before, after = (judged.said(name) for name in ("logistic", "bayes"))
    broke = np.flatnonzero((before == judged.truth) & (after != judged.truth)) + 1
    assert len(broke)
    page.get_by_text("Rows that were right and are now wrong").click()
    settle(page)
    page.get_by_role("button", name="Collect rows of bayes").click()
    ready = page.get_by_role("button", name="Download rows of bayes")
    expect(ready).to_be_visible(timeout=SOON)
    settle(page)
    with page.expect_download(timeout=SOON) as download:
        ready.click()
    download.value.save_as(folder / "changed.csv")
    found = pd.read_csv(folder / "changed.csv", encoding="utf-8-sig")
    assert found.row.tolist() == broke.tolist()
    assert found.actual.tolist() == judged.truth[broke - 1].tolist()
    assert found.iloc[:, -1].tolist() == after[broke - 1].tolist()

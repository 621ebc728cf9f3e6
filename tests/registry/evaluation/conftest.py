"""Labelled rows of scikit-learn's own sets, held out, and versions fitted to the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeRegressor

from registry import datasets, evaluating, evaluations, results, staging
from registry.core import Registry
from registry.records import Actor, Dataset, Evaluation, Version
from tests.conftest import Publish

Keep = Callable[..., Dataset]
Evaluate = Callable[..., Evaluation]


@dataclass
class Judged:
    """Fitted estimators and the rows they have not seen."""

    rows: pd.DataFrame
    target: str
    estimators: dict[str, Any]

    @property
    def features(self) -> pd.DataFrame:
        return self.rows.drop(columns=self.target)

    @property
    def truth(self) -> Any:
        return self.rows[self.target].to_numpy()


def _held_out(data: Any, target: str, names: Any, estimators: dict[str, Any]) -> Judged:
    frame = data.frame.rename(columns={"target": target})
    if names is not None:
        frame[target] = [str(names[n]) for n in frame[target]]
    train, test = train_test_split(frame, test_size=0.4, random_state=0)
    fitted = {
        name: each.fit(train.drop(columns=target), train[target])
        for name, each in estimators.items()
    }
    return Judged(test.reset_index(drop=True), target, fitted)


@pytest.fixture(scope="session")
def flowers() -> Judged:
    data = load_iris(as_frame=True)
    three = {
        "forest": RandomForestClassifier(10, random_state=0),
        "logistic": LogisticRegression(max_iter=1000),
        "bayes": GaussianNB(),
    }
    return _held_out(data, "species", data.target_names, three)


@pytest.fixture(scope="session")
def tumours() -> Judged:
    data = load_breast_cancer(as_frame=True)
    two = {
        "forest": RandomForestClassifier(10, max_depth=2, random_state=0),
        "bayes": GaussianNB(),
    }
    return _held_out(data, "diagnosis", data.target_names, two)


@pytest.fixture(scope="session")
def patients() -> Judged:
    three = {
        "linear": LinearRegression(),
        "ridge": Ridge(0.1),
        "tree": DecisionTreeRegressor(max_depth=4, random_state=0),
        "boosted": GradientBoostingRegressor(n_estimators=20, random_state=0),
    }
    return _held_out(load_diabetes(as_frame=True), "progression", None, three)


@pytest.fixture
def publish_each(
    reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> Callable[..., dict[str, Version]]:
    """Publishes fitted estimators as models of alice; name to version."""

    def run(judged: Judged, *names: str) -> dict[str, Version]:
        found = {}
        for name in names or judged.estimators:
            path = tmp_path / f"{judged.target}-{name}.joblib"
            joblib.dump(judged.estimators[name], path)
            found[name] = publish_file(alice, path, name=path.stem)
        return found

    return run


@pytest.fixture
def keep(reg: Registry, alice: Actor) -> Keep:
    """Uploads rows and keeps them as a data set."""

    def run(
        data: pd.DataFrame | bytes, filename: str = "rows.csv", actor: Actor = alice
    ) -> Dataset:
        if isinstance(data, pd.DataFrame):
            data = data.to_csv(index=False).encode()
        with staging.receive(reg, actor, filename) as incoming:
            incoming.write(data)
            staged = incoming.finish()
        return datasets.add(reg, actor, staged.id)

    return run


@pytest.fixture
def evaluate(reg: Registry, alice: Actor) -> Evaluate:
    """Starts an evaluation and does its job here and now."""

    def run(
        dataset: Dataset, refs: list[str], target: str = "", task: str = "", slice_by: str = ""
    ) -> Evaluation:
        given = (target or dataset.target, task or dataset.task, slice_by)
        evaluation_id = evaluations.start(reg, alice, dataset.id, refs, *given)  # type: ignore[arg-type]
        evaluating.run(reg, evaluation_id)
        return results.get(reg, alice, evaluation_id)

    return run

"""What is trained: columns guessed, scores that are scikit-learn's own, files that scan clean."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

from registry import checks, predict, publish, staging, training, trainings, versions
from registry.core import Registry
from registry.fitting import table
from registry.fitting.candidates import SEED, candidates
from registry.records import Actor
from tests.registry.training.conftest import Bring, Train, guessed


def test_columns_are_guessed_with_a_reason_for_each_that_is_left_out(
    reg: Registry, alice: Actor, everything: pd.DataFrame, bring: Bring
) -> None:
    sheet = trainings.look(reg, alice, bring(everything))
    assert guessed(sheet) == {
        "id": "drop", "size": "number", "rooms": "number", "city": "category", "when": "date",
        "garden": "boolean", "about": "text", "land": "drop", "zip": "category", "price": "number",
    }  # fmt: skip
    why = {feature.name: feature.why for feature in sheet.features if feature.kind == "drop"}
    assert "id" in why["id"]
    assert "one value" in why["land"]
    assert (sheet.n_rows, sheet.target, sheet.task) == (200, "price", "regression")


@pytest.mark.parametrize(
    ("target", "task", "metric", "scoring"),
    [
        ("species", "classification", "roc_auc", "roc_auc"),
        ("progression", "regression", "r2_score", "r2"),
    ],
)
def test_scores_are_those_of_cross_val_score(
    request: pytest.FixtureRequest, train: Train, target: str, task: str, metric: str, scoring: str
) -> None:
    frame = request.getfixturevalue("two_flowers" if target == "species" else "patients")
    found = train(frame, target, task)
    assert found.plan
    assert found.plan.metric == metric
    x, y = frame.drop(columns=target), frame[target].to_numpy()
    split = StratifiedKFold if task == "classification" else KFold
    folds = split(5, shuffle=True, random_state=SEED)
    kinds = dict.fromkeys(x.columns, "number")
    scored = {each.name: each.scores[metric] for each in found.leaderboard}
    for each in candidates(task, kinds, len(y)):  # type: ignore[arg-type]
        own = cross_val_score(each.pipeline, x, y, cv=folds, scoring=scoring)
        assert np.abs(own - scored[each.name]).max() < 1e-9


def test_the_best_is_first_and_the_floor_is_below(train: Train, flowers: pd.DataFrame) -> None:
    found = train(flowers, "species", "classification")
    means = [each.mean("accuracy_score") for each in found.leaderboard]
    assert means == sorted(means, reverse=True)
    assert found.leaderboard[-1].name == "floor"
    assert found.leaderboard[0].spread("accuracy_score") == pytest.approx(
        np.std(found.leaderboard[0].scores["accuracy_score"]), abs=1e-12
    )


@pytest.mark.parametrize(
    ("target", "task", "changes"),
    [
        pytest.param("price", "regression", {"about": "drop"}, id="numbers",
                     marks=pytest.mark.long),
        pytest.param("price", "regression", {}, id="numbers-with-text"),
        pytest.param("garden", "classification", {"about": "drop"}, id="labels",
                     marks=pytest.mark.long),
        pytest.param("garden", "classification", dict.fromkeys(
            ("id", "size", "rooms", "city", "when", "land", "zip", "price"), "drop"),
            id="labels-of-text"),
    ],
)  # fmt: skip
def test_every_file_scans_clean_and_answers_every_row(
    reg: Registry, alice: Actor, everything: pd.DataFrame, train: Train, target: str, task: str,
    changes: dict[str, str],
) -> None:  # fmt: skip
    found = train(everything, target, task, **changes)
    assert found.plan
    assert [each.failure for each in found.leaderboard] == [""] * len(found.leaderboard)
    for each in found.leaderboard:
        draft = publish.examine(reg, alice, each.draft_id)
        assert (draft.report.verdict, draft.inspection.format) == ("clean", "sklearn")
        version = training.save(reg, alice, found.id, each.name, f"{target} {each.name}")
        checks.run(reg, version.id)
        ready = versions.get(reg, alice, version.ref)
        assert (ready.status, ready.failure) == ("ready", "")
        assert ready.schema
        rows = [ready.schema.example, _first_row(everything, found.plan.schema)]
        said = predict.predict(reg, alice, ready.ref, rows)
        assert said.n_rows == 2


def _first_row(frame: pd.DataFrame, schema: object) -> dict[str, object]:
    """A row of the file as a form would give it, gaps included."""
    row = frame.iloc[1].to_dict()
    names = [(field.name, field.type) for field in schema.fields]  # type: ignore[attr-defined]
    given = {name: None if row[name] != row[name] else row[name] for name, _ in names}
    return {
        name: value == "true" if kind == "boolean" and value is not None else value
        for (name, kind), value in zip(names, given.values(), strict=True)
    }


def test_what_is_fitted_is_asked_with_the_very_same_columns(
    everything: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    everything.drop(columns="about").to_parquet(path)
    kinds = {"size": "number", "rooms": "number", "city": "category", "zip": "category"}
    with path.open("rb") as file:
        found = table.read(file, kinds, "price", "regression", 1000)  # type: ignore[arg-type]
    types = {field.name: (field.type, field.nullable) for field in found.schema.fields}
    assert types == {
        "size": ("double", True), "rooms": ("long", False), "city": ("string", True),
        "zip": ("string", False),
    }  # fmt: skip
    assert found.x["zip"].iloc[0] == everything["zip"].iloc[0]
    assert len(found.y) == 197


def test_a_saved_candidate_says_how_it_was_made(
    reg: Registry, alice: Actor, train: Train, two_flowers: pd.DataFrame
) -> None:
    found = train(two_flowers, "species", "classification")
    best = found.leaderboard[0]
    said = ("Two flowers", "Tells two apart", ("flowers",), "MIT")
    version = training.save(reg, alice, found.id, best.name, *said)
    measured = {metric.name: metric.value for metric in version.metrics}
    assert measured["roc_auc"] == pytest.approx(best.mean("roc_auc"), abs=1e-12)
    assert {metric.dataset for metric in version.metrics} == {"rows.csv"}
    assert version.training["algorithm"] == best.title
    assert version.training["target"] == "species"
    assert version.training["n_train"] == 100
    assert version.schema
    assert version.schema.classes == ("versicolor", "virginica")
    assert version.schema.fields[0].minimum == two_flowers.iloc[:, 0].min()
    again = training.save(reg, alice, found.id, best.name, "Another name")
    assert again.ref == version.ref
    assert trainings.get(reg, alice, found.id).leaderboard[0].ref == version.ref


def test_nothing_is_saved_unless_asked(
    reg: Registry, alice: Actor, train: Train, flowers: pd.DataFrame
) -> None:
    from registry import models

    train(flowers, "species", "classification")
    assert models.editable(reg, alice) == []


def test_a_fitted_dummy_says_what_the_commonest_is(flowers: pd.DataFrame) -> None:
    kinds = dict.fromkeys(flowers.columns[:4], "number")
    with io.BytesIO(flowers.to_csv(index=False).encode()) as file:
        found = table.read(file, kinds, "species", "classification", 1000)  # type: ignore[arg-type]
    floor = candidates("classification", found.kinds, 150)[0]
    assert isinstance(floor.pipeline[-1], DummyClassifier)
    assert list(floor.pipeline.fit(found.x, found.y).feature_names_in_) == list(found.x.columns)


def test_rows_are_gone_after_the_training(
    reg: Registry, alice: Actor, flowers: pd.DataFrame, bring: Bring
) -> None:
    from tests.registry.training.conftest import done

    staged_id = bring(flowers)
    found = done(reg, alice, staged_id, "species", "classification")
    assert not staging.path(reg, staged_id).exists()
    waiting = {each.draft_id for each in found.leaderboard}
    assert {file.name for file in reg.settings.staging_folder.iterdir()} == waiting

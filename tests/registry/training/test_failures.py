"""What cannot be trained on is said in words; strangers see nothing; nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry import jobs, staging, training, trainings
from registry.core import Registry
from registry.errors import (
    BrokenArtifact,
    Conflict,
    InvalidInput,
    NotFound,
    PredictionFailed,
    TooLarge,
)
from registry.records import Actor, FeatureKind
from tests.registry.training.conftest import Bring, Train, done

KINDS: dict[str, FeatureKind] = {"x": "number", "y": "number"}


def _table(n: int = 40, **columns: Any) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame({"x": random.normal(size=n), "y": random.normal(size=n)} | columns)


@pytest.mark.parametrize(
    ("frame", "target", "task", "said"),
    [
        (_table(12), "y", "regression", "12 rows have an answer, and it takes 20"),
        (_table(y=1), "y", "classification", "one value only"),
        (_table(y=[None] * 30 + [1, 2] * 5), "y", "regression", "10 rows have an answer"),
        (_table()[["y"]], "y", "regression", "at least one to learn from"),
        (_table(x=1), "y", "regression", "no column is left"),
        (_table(y=range(40)), "y", "classification", "0 class"),
        (_table(n=600, y=list(range(120)) * 5), "y", "classification", "120 classes, and 100"),
        (_table(y=["a", "b"] * 20), "y", "regression", "0 rows have an answer"),
        (_table(), "z", "regression", "no column z"),
    ],
    ids=range(9),
)
def test_what_cannot_be_trained_on_is_said_with_what_to_do(
    reg: Registry, alice: Actor, bring: Bring, frame: pd.DataFrame, target: str, task: Any,
    said: str,
) -> None:  # fmt: skip
    staged_id = bring(frame)
    kinds = {name: kind for name, kind in KINDS.items() if name in frame and name != target}
    with pytest.raises(InvalidInput) as refused:
        training.run(reg, trainings.start(reg, alice, staged_id, target, task, kinds))
    assert said in str(refused.value.problems)


HOSTILE = {
    "empty header": b"\n\n\n",
    "zeros": b"a,b\n" + b"\x00" * 500,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "broken parquet": b"PAR1" + b"\x15\x04" * 300 + b"PAR1",
    "no rows": b"a,b,c\n",
    "an open quotation": b'a,b\n1,"' + b"x" * (9 << 20),
    "10,000 columns": ",".join(f"c{n}" for n in range(10_000)).encode() + b"\n1\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words(
    reg: Registry, alice: Actor, bring: Bring, name: str
) -> None:
    with pytest.raises(BrokenArtifact) as refused:
        trainings.look(reg, alice, bring(HOSTILE[name]))
    assert "the rows cannot be read as a table" in refused.value.message


def test_more_rows_than_allowed_are_refused(
    reg_with: Callable[..., Registry], alice: Actor, bring: Bring
) -> None:
    few = reg_with(train_rows=30)
    staged_id = bring(_table())
    with pytest.raises(TooLarge, match="more than 30 rows"):
        trainings.look(few, alice, staged_id)
    with pytest.raises(TooLarge, match="train on a sample"):
        training.run(few, trainings.start(few, alice, staged_id, "y", "regression", KINDS))


def test_what_is_odd_about_the_rows_is_told(train: Train) -> None:
    y = ["a"] * 25 + ["b"] * 20 + ["c"] * 3 + [None] * 2
    frame = _table(50, y=y, tell=[{"a": 1, "b": 2}.get(str(k), 3) for k in y], same=1)
    words = frame.to_csv(index=False).replace("tell,same", "x,same")
    found = train(words.encode(), "y", "classification", x_2="number", same="number")
    assert found.plan
    rules = {finding.rule: finding for finding in found.plan.findings}
    assert set(rules) == {"same-name", "no-answer", "rare-classes", "constant", "leak"}
    assert "2 of 50 rows" in rules["no-answer"].what
    assert rules["rare-classes"].what.startswith("3 rows of 1 rare classes")
    assert rules["leak"].what.startswith("x_2 may")
    assert found.plan.n_rows == 45
    assert found.plan.schema.classes == ("a", "b")


def test_values_that_do_not_fit_their_kind_count_as_missing(train: Train) -> None:
    found = train(_table(x=["?", *map(str, range(39))]), "y", "regression", x="number")
    assert found.plan
    assert [finding.what for finding in found.plan.findings] == ["1 values of x count as missing"]
    assert found.plan.schema.fields[0].nullable


def test_a_candidate_that_fails_takes_no_other_along(
    reg_with: Callable[..., Registry], alice: Actor, bring: Bring
) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(1600, 3)))
    small = reg_with(max_upload_mb=1)
    frame = frame.rename(columns=str).assign(y=frame.sum(axis=1))
    found = done(small, alice, bring(frame), "y", "regression")
    failed = {each.name: each.failure for each in found.leaderboard if each.failure}
    assert set(failed) == {"forest"}
    assert "larger than 1 MB" in failed["forest"]
    assert found.leaderboard[-1].name == "forest"
    assert found.leaderboard[0].name == "ridge"


@pytest.mark.long
def test_time_is_shared_and_a_late_candidate_leaves_the_rest(
    reg_with: Callable[..., Registry], alice: Actor, bring: Bring
) -> None:
    hasty = reg_with(train_timeout_s=40.0)
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(6_000, 30))).rename(columns=str)
    frame["y"] = random.integers(0, 90, len(frame))
    found = done(hasty, alice, bring(frame), "y", "classification")
    by_name = {each.name: each for each in found.leaderboard}
    assert not by_name["floor"].failure
    assert "longer than its share" in by_name["boosting"].failure


def test_when_none_can_be_trained_nothing_is_left(
    reg: Registry, alice: Actor, bring: Bring
) -> None:
    staged_id = bring(_table(x=["!"] * 20 + ["?"] * 20))
    kinds: dict[str, FeatureKind] = {"x": "text"}
    training_id = trainings.start(reg, alice, staged_id, "y", "regression", kinds)
    with pytest.raises(PredictionFailed, match=r"no candidate could be trained.*vocabulary"):
        training.run(reg, training_id)
    assert list(reg.settings.staging_folder.iterdir()) == []


def test_cut_off_it_begins_anew_and_leaves_nothing_else(
    reg: Registry, alice: Actor, bring: Bring
) -> None:
    training_id = trainings.start(reg, alice, bring(_table()), "y", "regression", KINDS)
    left = trainings.draft_ids(training_id)[7]
    with staging.receive(reg, alice, "rows-floor.joblib", left) as incoming:
        incoming.write(b"what a killed process had made")
        incoming.finish()
    training.run(reg, training_id)
    found = trainings.get(reg, alice, training_id)
    kept = {file.name for file in reg.settings.staging_folder.iterdir()}
    assert kept == {each.draft_id for each in found.leaderboard}
    training.run(reg, training_id)
    assert trainings.get(reg, alice, training_id).leaderboard == found.leaderboard


def test_the_same_file_at_once_is_one_training_and_there_are_few(
    reg: Registry, alice: Actor, bring: Bring
) -> None:
    staged_id = bring(_table())
    first = trainings.start(reg, alice, staged_id, "y", "regression", KINDS)
    assert trainings.start(reg, alice, staged_id, "y", "regression", KINDS) == first
    trainings.start(reg, alice, bring(_table(30)), "y", "regression", KINDS)
    with pytest.raises(Conflict, match="wait for one, or cancel one"):
        trainings.start(reg, alice, bring(_table(31)), "y", "regression", KINDS)


@pytest.mark.parametrize("who", ["bob", "admin"])
def test_a_training_is_nobody_elses(
    who: str, request: pytest.FixtureRequest, reg: Registry, alice: Actor, bring: Bring
) -> None:
    other = request.getfixturevalue(who)
    training_id = trainings.start(reg, alice, bring(_table()), "y", "regression", KINDS)
    for door in (trainings.get, trainings.cancel, trainings.remove):
        with pytest.raises(NotFound, match="no such training of yours"):
            door(reg, other, training_id)
    with pytest.raises(NotFound, match="no such training of yours"):
        training.save(reg, other, training_id, "floor", "Mine")
    assert trainings.find(reg, other) == []


def test_a_candidate_whose_file_is_gone_cannot_be_saved(
    reg: Registry, alice: Actor, train: Train
) -> None:
    found = train(_table(), "y", "regression")
    staging.discard(reg, alice, found.leaderboard[0].draft_id)
    with pytest.raises(NotFound, match="Train again"):
        training.save(reg, alice, found.id, found.leaderboard[0].name, "Late")


def test_deleting_one_takes_its_files_along(reg: Registry, alice: Actor, train: Train) -> None:
    found = train(_table(), "y", "regression")
    trainings.remove(reg, alice, found.id)
    assert trainings.find(reg, alice) == []
    assert list(reg.settings.staging_folder.iterdir()) == []


@pytest.fixture
def engine(reg: Registry) -> Iterator[None]:
    """Jobs run in this process."""
    jobs.launch(reg, {trainings.KIND: training.run})
    yield
    jobs.stop()


@pytest.mark.usefixtures("engine")
def test_it_tells_how_far_it_is_and_stops_in_the_middle_of_a_fit(
    reg: Registry, alice: Actor, bring: Bring
) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(20_000, 40))).rename(columns=str)
    frame["y"] = random.integers(0, 50, len(frame))
    kinds: dict[str, FeatureKind] = dict.fromkeys(frame.columns[:-1], "number")
    staged_id = bring(frame)
    training_id = trainings.start(reg, alice, staged_id, "y", "classification", kinds)
    _until(lambda: "fold 1 of 5" in trainings.get(reg, alice, training_id).message)
    _until(lambda: "Random forest" in trainings.get(reg, alice, training_id).message)
    assert 0.05 < trainings.get(reg, alice, training_id).progress < 1
    trainings.cancel(reg, alice, training_id)
    assert trainings.get(reg, alice, training_id).state == "failed"
    _until(lambda: not list(reg.settings.staging_folder.iterdir()))


def _until(happens: Callable[[], bool], within_s: float = 240) -> None:
    end = time.monotonic() + within_s
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)

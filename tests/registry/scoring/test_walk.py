"""Whose files they are, what is kept of them and for how long, and what stops a scoring."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from registry import (
    access,
    accounts,
    holdings,
    integrity,
    jobs,
    scoring,
    scorings,
    staging,
    versions,
)
from registry.core import Registry
from registry.errors import Conflict, Forbidden, NotFound, RegistryError
from registry.records import Actor, Scoring, Version
from registry.tables import ScoringRow, now
from tests.conftest import PASSWORD, Publish
from tests.makers import failing
from tests.makers.waiting import wait_until
from tests.registry.conftest import Noting
from tests.registry.scoring.conftest import Score, Stage


@pytest.fixture
def engine(reg: Registry) -> Iterator[None]:
    """Jobs run in this process."""
    jobs.launch(reg, {scorings.KIND: scoring.run})
    yield
    jobs.stop()


def _numbers(n_rows: int) -> bytes:
    return pd.DataFrame({"a": range(n_rows), "b": range(n_rows)}).to_csv(index=False).encode()


def _rows(flowers: pd.DataFrame) -> bytes:
    return flowers.assign(secret="zebrafinch").to_csv(index=False).encode()


def _nothing_left(reg: Registry) -> bool:
    with reg.reading() as s:
        kept = set(holdings.listed_in(s))
    return set(reg.store.digests()) == kept and not list(reg.settings.staging_folder.iterdir())


def test_a_model_sees_no_column_that_its_schema_does_not_name(
    alice: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage,
    noting: tuple[Registry, Noting],
) -> None:  # fmt: skip
    reg, pool = noting
    scoring.run(reg, scoring.start(reg, alice, iris.ref, stage(_rows(flowers))))
    assert sum(len(question.body) for question in pool.sent) / 8 == flowers.size
    assert not any(b"secret" in bytes(q.body) + q.head for q in pool.sent)
    assert not any(b"zebrafinch" in bytes(q.body) for q in pool.sent)


@pytest.mark.parametrize("who", ["bob", "admin"])
def test_scorings_are_nobody_elses(
    who: str, request: Any, reg: Registry, flowers: pd.DataFrame, score: Score
) -> None:
    other = request.getfixturevalue(who)
    told, _ = score(_rows(flowers))
    for door in (scorings.get, scorings.open_result, scorings.remove, scoring.cancel):
        with pytest.raises(NotFound):
            door(reg, other, told.id)  # type: ignore[operator]
    assert scorings.find(reg, other) == []


def test_somebody_elses_upload_is_not_scored(
    reg: Registry, alice: Actor, bob: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    staged_id = stage(_rows(flowers), actor=bob)
    with pytest.raises(NotFound):
        scoring.start(reg, alice, iris.ref, staged_id)


def test_a_stranger_scores_with_no_private_model(
    reg: Registry, bob: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    with pytest.raises(NotFound):
        scoring.start(reg, bob, iris.ref, stage(_rows(flowers), actor=bob))


def test_two_files_of_a_person_at_once_are_enough(
    reg: Registry, alice: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    first = scoring.start(reg, alice, iris.ref, stage(_rows(flowers)))
    scoring.start(reg, alice, iris.ref, stage(_rows(flowers)))
    staged_id = stage(_rows(flowers))
    with pytest.raises(Conflict, match="wait for one, or cancel one"):
        scoring.start(reg, alice, iris.ref, staged_id)
    scoring.cancel(reg, alice, first)
    assert scoring.start(reg, alice, iris.ref, staged_id)


def test_the_rows_go_when_they_are_scored_and_the_file_when_its_time_is_over(
    reg: Registry, alice: Actor, flowers: pd.DataFrame, score: Score
) -> None:
    told, data = score(_rows(flowers))
    assert _nothing_left(reg)
    assert scorings.sweep(reg) == 0
    with reg.writing() as s:
        s.get_one(ScoringRow, told.id).finished_at = now() - timedelta(hours=25)
    with pytest.raises(Conflict, match="kept for a while only"):
        scorings.open_result(reg, alice, told.id)
    assert scorings.sweep(reg) == len(data)
    assert (scorings.get(reg, alice, told.id).result_bytes, told.n_rows) == (0, 150)
    assert _nothing_left(reg)


def test_deleting_one_frees_its_file_unless_another_has_the_same(
    reg: Registry, alice: Actor, flowers: pd.DataFrame, score: Score
) -> None:
    (one, data), (other, _) = score(_rows(flowers)), score(_rows(flowers))
    digests = list(reg.store.digests())
    assert scorings.remove(reg, alice, one.id) == len(data)
    assert list(reg.store.digests()) == digests
    assert scorings.remove(reg, alice, other.id) == len(data)
    assert scorings.find(reg, alice) == []
    assert _nothing_left(reg)


def test_an_account_takes_its_scorings_along(
    reg: Registry, alice: Actor, bob: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    scoring_id = scoring.start(reg, bob, iris.ref, stage(_rows(flowers), actor=bob))
    scoring.run(reg, scoring_id)
    accounts.delete_account(reg, bob, PASSWORD)
    assert _nothing_left(reg)


def test_without_access_it_does_not_go_on(
    reg: Registry, alice: Actor, bob: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    scoring_id = scoring.start(reg, bob, iris.ref, stage(_rows(flowers), actor=bob))
    access.unshare(reg, alice, iris.model, "bob")
    with pytest.raises(NotFound):
        scoring.run(reg, scoring_id)
    told = scorings.get(reg, bob, scoring_id)
    assert (told.state, told.ref) == ("failed", "")
    assert "not shared with you any more" in told.failure
    assert _nothing_left(reg)


def test_access_withdrawn_half_way_stops_it(
    reg: Registry, alice: Actor, bob: Actor, network: Callable[[Path], str], tmp_path: Path,
    stage: Stage, engine: None,
) -> None:  # fmt: skip
    ref = network(failing.slow(tmp_path, 50_000))
    model = ref.partition("@")[0]
    access.share(reg, alice, model, "bob", "view")
    scoring_id = scoring.start(reg, bob, ref, stage(_numbers(2_000_000), actor=bob))
    wait_until(lambda: "rows/s" in scorings.get(reg, bob, scoring_id).message, 60)
    access.unshare(reg, alice, model, "bob")
    wait_until(lambda: scorings.get(reg, bob, scoring_id).state == "failed", 30)
    assert "rows/s" not in scorings.get(reg, bob, scoring_id).failure
    wait_until(lambda: not jobs._engine or not jobs._engine.busy, 30)
    assert _nothing_left(reg)


def test_a_cancelled_one_stops_and_leaves_nothing(
    reg: Registry, alice: Actor, network: Callable[[Path], str], tmp_path: Path, stage: Stage,
    engine: None,
) -> None:  # fmt: skip
    ref = network(failing.slow(tmp_path, 50_000))
    scoring_id = scoring.start(reg, alice, ref, stage(_numbers(2_000_000)))
    wait_until(lambda: "rows/s" in scorings.get(reg, alice, scoring_id).message, 60)
    scoring.cancel(reg, alice, scoring_id)
    wait_until(lambda: not jobs._engine or not jobs._engine.busy, 60)
    told = scorings.get(reg, alice, scoring_id)
    assert told.state == "failed"
    assert told.failure.startswith("cancelled")
    assert told.result_bytes == 0
    assert _nothing_left(reg)


def test_that_of_a_person_who_is_locked_out_stops_too(
    reg: Registry, alice: Actor, admin: Actor, network: Callable[[Path], str], tmp_path: Path,
    stage: Stage, engine: None,
) -> None:  # fmt: skip
    ref = network(failing.slow(tmp_path, 50_000))
    scoring_id = scoring.start(reg, alice, ref, stage(_numbers(2_000_000)))
    wait_until(lambda: "rows/s" in scorings.get(reg, alice, scoring_id).message, 60)
    accounts.set_disabled(reg, admin, "alice", True)
    wait_until(lambda: not jobs._engine or not jobs._engine.busy, 60)
    assert scorings.get(reg, alice, scoring_id).state == "failed"
    assert _nothing_left(reg)


def test_one_deleted_while_it_runs_stops_too(
    reg: Registry, alice: Actor, network: Callable[[Path], str], tmp_path: Path, stage: Stage,
    engine: None,
) -> None:  # fmt: skip
    ref = network(failing.slow(tmp_path, 50_000))
    scoring_id = scoring.start(reg, alice, ref, stage(_numbers(2_000_000)))
    wait_until(lambda: "rows/s" in scorings.get(reg, alice, scoring_id).message, 60)
    scorings.remove(reg, alice, scoring_id)
    wait_until(lambda: not jobs._engine or not jobs._engine.busy, 60)
    assert _nothing_left(reg)


def test_a_version_that_is_too_slow_for_a_block_is_asked_in_smaller_ones(
    alice: Actor, network: Callable[[Path], str], noting: tuple[Registry, Noting],
    tmp_path: Path, stage: Stage,
) -> None:  # fmt: skip
    reg, pool = noting
    ref = network(failing.stuck_above(tmp_path, 100))
    scoring_id = scoring.start(reg, alice, ref, stage(_numbers(150)))
    scoring.run(reg, scoring_id)
    told = scorings.get(reg, alice, scoring_id)
    assert (told.n_rows, told.n_bad) == (150, 0)
    sizes = [len(question.body) // 8 for question in pool.sent]
    assert sizes[0] == 150
    assert sum(sizes[1:]) >= 150


def test_a_version_that_crashes_says_so(
    reg: Registry, alice: Actor, flowers: pd.DataFrame, score: Score, publish_file: Publish,
    tmp_path: Path,
) -> None:  # fmt: skip
    crashing = publish_file(alice, failing.crashing_tree(tmp_path), name="Crashing")
    told, _ = score(_rows(flowers), ref=crashing.ref)
    assert "it crashed (segmentation fault)" in told.failure
    assert _nothing_left(reg)


def test_more_rows_than_allowed_are_refused(
    reg_with: Any, alice: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    reg = reg_with(scoring_rows=149)
    scoring_id = scoring.start(reg, alice, iris.ref, stage(_rows(flowers)))
    with pytest.raises(RegistryError, match="more than 149 rows"):
        scoring.run(reg, scoring_id)


def test_who_may_not_predict_may_not_score(
    reg: Registry, alice: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    staged_id = stage(_rows(flowers))
    versions.edit(reg, alice, iris.ref, lifecycle="archived")
    with pytest.raises((Conflict, Forbidden), match="does not predict"):
        scoring.start(reg, alice, iris.ref, staged_id)


_SERVE = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from registry import jobs, scoring, scorings
    from registry.core import open_registry
    from registry.settings import Settings
    home = Path(sys.argv[1])
    reg = open_registry(Settings(home=home, min_free_disk_mb=0, _env_file=None))
    jobs.launch(reg, {scorings.KIND: scoring.run})
    time.sleep(600)
""")


@pytest.mark.long
def test_killed_half_way_it_begins_anew_and_leaves_nothing(
    reg: Registry, alice: Actor, network: Callable[[Path], str], tmp_path: Path, stage: Stage
) -> None:
    ref = network(failing.slow(tmp_path, 50_000))
    scoring_id = scoring.start(reg, alice, ref, stage(_numbers(150_000)))

    def told() -> Scoring:
        return scorings.get(reg, alice, scoring_id)

    with subprocess.Popen([sys.executable, "-c", _SERVE, str(reg.settings.home)]) as server:
        wait_until(lambda: "rows/s" in told().message, 120)
        server.send_signal(signal.SIGKILL)
    assert (told().state, told().result_bytes) == ("running", 0)
    assert len(list(reg.settings.staging_folder.iterdir())) == 1
    jobs.launch(reg, {scorings.KIND: scoring.run}, (staging.sweep,))
    try:
        wait_until(lambda: told().state == "done", 120)
    finally:
        jobs.stop()
    assert (told().n_rows, told().n_bad) == (150_000, 0)
    assert _nothing_left(reg)
    assert integrity.damaged(reg)[1] == []

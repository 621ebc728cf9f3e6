"""The prediction log: quick to write to, complete at the end, closed to strangers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from registry import access, prediction_log, predictions, versions
from registry.errors import NotFound
from registry.tables import PredictionRow, new_id, now


def entry(version, actor, **changed):
    given = {"n_rows": 1, "latency_ms": 2.5, "outcome": "ok", "digest": lambda: "d"} | changed
    return prediction_log.Entry(
        id=new_id(), model_id=version.model_id, version_id=version.id, user_id=actor.id, **given
    )


def n_rows(reg):
    with reg.reading() as s:
        return s.execute(select(func.count()).select_from(PredictionRow)).scalar_one()


def test_lines_arrive_within_a_moment(reg, alice, iris):
    prediction_log.log(reg, entry(iris, alice))
    until = time.monotonic() + 2
    while n_rows(reg) < 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert n_rows(reg) == 1


def test_flushing_waits_for_all_of_them(reg, alice, iris):
    for _ in range(1700):
        prediction_log.log(reg, entry(iris, alice))
    prediction_log.flush(reg)
    assert n_rows(reg) == 1700


def test_a_line_says_what_happened(reg, alice, iris):
    prediction_log.log(reg, entry(iris, alice, n_rows=7, outcome="PredictionTimeout"))
    prediction_log.flush(reg)
    [line] = predictions.find(reg, alice).items
    assert (line.ref, line.actor, line.n_rows) == (iris.ref, "alice", 7)
    assert line.outcome == "PredictionTimeout"
    assert now() - line.at < timedelta(seconds=30)


def test_people_see_their_own_lines_and_managers_those_of_their_models(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "view")
    prediction_log.log(reg, entry(iris, alice))
    prediction_log.log(reg, entry(iris, bob))
    prediction_log.flush(reg)
    assert predictions.find(reg, bob).total == 1
    assert predictions.find(reg, bob, iris.model).total == 1
    assert predictions.find(reg, alice).total == 1
    assert predictions.find(reg, alice, iris.model).total == 2


def test_lines_of_a_hidden_model_are_not_found(reg, bob, iris):
    with pytest.raises(NotFound):
        predictions.find(reg, bob, iris.model)


def test_pages_are_counted(reg, alice, iris):
    for _ in range(5):
        prediction_log.log(reg, entry(iris, alice))
    prediction_log.flush(reg)
    page = predictions.find(reg, alice, page=2, size=2)
    assert (len(page.items), page.total, page.n_pages) == (2, 5, 3)


def test_days_are_counted(reg, alice, bob, iris):
    prediction_log.log(reg, entry(iris, alice))
    prediction_log.flush(reg)
    with reg.reading() as s:
        assert predictions.counts(s, alice, 3) == (0, 0, 1)
        assert predictions.counts(s, bob, 3) == (0, 0, 0)


def test_a_purged_version_loses_only_its_own_lines(reg, alice, iris, publish_file, iris_file):
    other = publish_file(alice, iris_file, name="Other")
    versions.trash(reg, alice, iris.ref)
    versions.purge(reg, alice, iris.ref)
    prediction_log.log(reg, entry(iris, alice))
    prediction_log.log(reg, entry(other, alice))
    prediction_log.flush(reg)
    assert [line.ref for line in predictions.find(reg, alice).items] == [other.ref]


@pytest.mark.frameworks
def test_nothing_is_lost_when_the_process_ends(reg, alice, iris):
    script = textwrap.dedent(f"""
        from pathlib import Path
        from registry import prediction_log
        from registry.core import open_registry
        from registry.settings import Settings
        from registry.tables import new_id
        reg = open_registry(Settings(home=Path({str(reg.settings.home)!r}), _env_file=None))
        for _ in range(800):
            prediction_log.log(reg, prediction_log.Entry(
                new_id(), {iris.model_id!r}, {iris.id!r}, {alice.id!r}, 1, 1.0, "ok"))
        reg.close()
    """)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert n_rows(reg) == 800

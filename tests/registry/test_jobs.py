"""Background jobs: started after the commit, seen by their owner, resumed after a kill."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest
from dbos import DBOS

from registry import checks, jobs, versions
from registry.errors import Conflict, NotFound
from registry.records import SYSTEM
from registry.tables import JobRow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A job database that has been launched once, as it is from the second start on."""
    path = tmp_path_factory.mktemp("jobs") / "jobs.db"
    jobs._launch_dbos(f"sqlite:///{path}")
    DBOS.destroy()
    return path


@pytest.fixture
def engine(reg, prepared):
    """Launch with what the test gives; stopped at the end whatever happens."""
    shutil.copy(prepared, reg.settings.home / "jobs.db")
    yield jobs.launch
    jobs.stop()


def record(reg, actor, kind="note", subject_id="x1"):
    with reg.writing() as s:
        return jobs.submit_in(s, actor, kind, subject_id, "alice/iris@1")


def until(condition, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def state(reg, actor, job_id):
    return next(job for job in jobs.find(reg, actor) if job.id == job_id)


def test_a_job_runs_and_says_so(reg, alice, engine):
    seen = []
    engine(reg, {"note": lambda _reg, subject_id: seen.append(subject_id)})
    job_id = record(reg, alice)
    jobs.start(reg, job_id)
    assert until(lambda: state(reg, alice, job_id).state == "done")
    assert seen == ["x1"]
    job = state(reg, alice, job_id)
    assert (job.subject, job.progress, job.message) == ("alice/iris@1", 1.0, "")
    assert job.finished_at >= job.created_at
    assert jobs.find(reg, alice, only_open=True) == []


def test_a_recorded_job_starts_within_a_moment_although_nobody_started_it(reg, alice, engine):
    seen = threading.Event()
    engine(reg, {"note": lambda *_: seen.set()})
    record(reg, alice)  # as another process does, which then has no engine to start it
    assert seen.wait(3)


def test_jobs_recorded_before_the_launch_run(reg, alice, engine):
    seen = threading.Event()
    job_id = record(reg, alice)
    jobs.start(reg, job_id)  # no engine here yet: harmless
    engine(reg, {"note": lambda *_: seen.set()})
    assert seen.wait(3)


def test_starting_twice_runs_once(reg, alice, engine):
    seen = []
    engine(reg, {"note": lambda _reg, subject_id: seen.append(subject_id)})
    job_id = record(reg, alice)
    for _ in range(3):
        jobs.start(reg, job_id)
    assert until(lambda: state(reg, alice, job_id).state == "done")
    time.sleep(0.5)
    assert seen == ["x1"]


def test_a_refusal_is_the_message(reg, alice, engine):
    def refuse(*_):
        raise NotFound("no such thing")

    engine(reg, {"note": refuse})
    job_id = record(reg, alice)
    assert until(lambda: state(reg, alice, job_id).state == "failed")
    assert state(reg, alice, job_id).message == "no such thing"


def test_a_bug_gives_an_id_to_quote_and_the_loop_goes_on(reg, alice, engine):
    done = threading.Event()

    def work(_reg, subject_id):
        if subject_id == "bad":
            raise KeyError("secret detail")
        done.set()

    engine(reg, {"note": work})
    bad = record(reg, alice, subject_id="bad")
    record(reg, alice, subject_id="good")
    assert done.wait(5)
    assert until(lambda: state(reg, alice, bad).state == "failed")
    message = state(reg, alice, bad).message
    assert message.startswith("something broke; quote error ")
    assert "secret" not in message


def test_people_see_their_own_jobs(reg, alice, bob):
    record(reg, alice)
    record(reg, SYSTEM)
    assert len(jobs.find(reg, alice)) == 1
    assert jobs.find(reg, bob) == []


def test_one_process_runs_the_jobs_of_one_registry(reg, engine):
    engine(reg, {})
    engine(reg, {})  # again is harmless
    with pytest.raises(Conflict):
        engine(object(), {})


def test_a_job_cut_off_by_a_stop_runs_again(reg, alice, engine, monkeypatch):
    monkeypatch.setattr(jobs, "_STOP_WITHIN_S", 0.3)
    runs, go = [], threading.Event()

    def work(_reg, _id):
        runs.append(1)
        go.wait(10)
        raise Conflict("the worker is gone")

    engine(reg, {"note": work})
    job_id = record(reg, alice)
    assert until(lambda: runs)
    stopper = threading.Thread(target=jobs.stop)
    stopper.start()
    assert until(jobs.stopping)
    go.set()
    stopper.join()
    assert state(reg, alice, job_id).state == "running"
    engine(reg, {"note": lambda *_: runs.append(2)})
    assert until(lambda: state(reg, alice, job_id).state == "done")
    assert runs[-1] == 2


def test_nothing_is_pickled_no_port_opens_and_the_console_stays_quiet(reg, alice, engine, capfd):
    engine(reg, {"note": lambda *_: None})
    job_id = record(reg, alice)
    assert until(lambda: state(reg, alice, job_id).state == "done")
    listening = [c for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening == []
    path = reg.settings.jobs_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as db:
        given = db.execute("SELECT inputs FROM workflow_input").fetchall()
        how = db.execute("SELECT DISTINCT serialization FROM workflow_status").fetchall()
    db.close()
    assert [json.loads(inputs)["positionalArgs"] for (inputs,) in given] == [[job_id]]
    assert how == [("portable_json",)]
    assert logging.getLogger("dbos").level == logging.WARNING
    assert "dbos" not in capfd.readouterr().err.lower()


def test_versions_left_in_checking_are_caught_up_with(reg, alice, engine, publish_file, iris_file):
    version = publish_file(alice, iris_file, check=False, name="Left")
    with reg.writing() as s:
        s.query(JobRow).delete()
    engine(reg, {"check": checks.run}, (checks.catch_up,))
    assert until(lambda: versions.get(reg, alice, version.ref).status == "ready", 60)


_SCRIPT = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from registry import jobs
    from registry.core import open_registry
    from registry.settings import Settings
    reg = open_registry(Settings(home=Path(sys.argv[1]), _env_file=None))
    def work(_reg, subject_id):
        print("working", flush=True)
        time.sleep(float(sys.argv[2]))
        print("finished", flush=True)
    jobs.launch(reg, {"note": work})
    time.sleep(60)
""")


def test_a_job_killed_in_the_middle_is_resumed(reg, alice):
    job_id = record(reg, alice)

    def run(seconds):
        command = [sys.executable, "-W", "error", "-c", _SCRIPT, str(reg.settings.home), seconds]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with run("60") as first:
        assert first.stdout.readline() == "working\n"
        first.send_signal(signal.SIGKILL)
    assert state(reg, alice, job_id).state == "running"
    with run("0.01") as second:
        assert [second.stdout.readline() for _ in range(2)] == ["working\n", "finished\n"]
        assert until(lambda: state(reg, alice, job_id).state == "done")
        second.kill()


def test_a_handler_tells_how_far_it_is(reg, alice, engine):
    told, go_on = threading.Event(), threading.Event()

    def work(reg, _subject_id):
        jobs.tell(reg, 0.5, "1 of 2")
        told.set()
        go_on.wait(10)
        jobs.tell(reg, 1.0, "2 done")

    engine(reg, {"note": work})
    job_id = record(reg, alice)
    assert told.wait(10)
    assert (state(reg, alice, job_id).progress, state(reg, alice, job_id).message) == (
        0.5,
        "1 of 2",
    )
    go_on.set()
    assert until(lambda: state(reg, alice, job_id).state == "done")
    assert state(reg, alice, job_id).message == "2 done"


def test_telling_outside_a_job_is_harmless(reg):
    jobs.tell(reg, 0.5, "nobody listens")


def test_a_cancelled_job_stops_before_its_next_step(reg, alice, engine):
    told, go_on, after = threading.Event(), threading.Event(), []

    def work(reg, _subject_id):
        jobs.tell(reg, 0.5, "1 of 2")
        told.set()
        go_on.wait(10)
        jobs.tell(reg, 1.0, "2 of 2")
        after.append("went on")

    engine(reg, {"rescan": work})
    job_id = record(reg, alice, kind="rescan")
    assert told.wait(10)
    jobs.cancel(reg, alice, job_id)
    go_on.set()
    assert until(lambda: not jobs._engine.busy)
    job = state(reg, alice, job_id)
    assert (job.state, job.message, job.progress) == ("failed", "cancelled; 1 of 2", 0.5)
    assert after == []


def test_a_job_cancelled_in_the_queue_never_starts(reg, alice, engine):
    job_id = record(reg, alice, kind="rescan")
    jobs.cancel(reg, alice, job_id)
    seen = []
    engine(reg, {"rescan": lambda *_: seen.append(1)})
    jobs.start(reg, job_id)
    time.sleep(0.5)
    assert (seen, state(reg, alice, job_id).message) == ([], "cancelled")


def test_a_check_and_the_jobs_of_others_are_not_cancelled(reg, alice, bob):
    check, rescan = record(reg, alice, kind="check"), record(reg, alice, kind="rescan")
    with pytest.raises(Conflict):
        jobs.cancel(reg, alice, check)
    with pytest.raises(NotFound):
        jobs.cancel(reg, bob, rescan)
    assert len(jobs.find(reg, alice, only_open=True)) == 2

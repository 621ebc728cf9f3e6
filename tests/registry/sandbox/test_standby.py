"""Workers that wait for a model: warmed behind the lock, used once, never in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from registry import inputs
from registry.sandbox.limits import Layers
from registry.sandbox.nursery import Nursery
from registry.sandbox.pool import GROUPS, Pool
from registry.settings import Settings
from tests.makers import escape
from tests.makers import models as makers
from tests.makers.waiting import gone, wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ahead(pool, tmp_path):
    """Pools that keep standbys, forked from the zygotes of all tests unless they have others."""
    pools = []

    def make(nursery=None):
        settings = Settings(home=tmp_path / "home", workers=2, _env_file=None)
        pools.append(Pool(settings, nursery or pool.nursery))
        return pools[-1]

    yield make
    for made in pools:
        made.standbys.close()
        made.standbys.wait(30)
        for worker in made.states():
            made.drop(worker.version_id)


def one(version):
    return inputs.prepare(version.schema, version.schema.example).inputs


def waits(pool, group):
    wait_until(lambda: group in pool.standbys.pids, 30)
    return pool.standbys.pids[group]


def test_after_the_first_model_every_other_finds_a_standby_of_its_own(ahead, known, tmp_path):
    pool = ahead()
    versions = [known(makers.onnx_classifier_tensors(tmp_path)) for _ in range(4)]
    pool.predict(versions[0], one(versions[0]))
    used = [pool.states()[0].pid]
    for version in versions[1:]:
        waiting = waits(pool, "onnx")
        assert waiting not in used
        assert waiting not in [worker.pid for worker in pool.states()]
        answer = pool.predict(version, one(version))
        assert not answer.warm
        assert pool.states()[-1].pid == waiting
        used.append(waiting)
    assert len(set(used)) == 4


def test_a_standby_answers_as_a_fresh_worker_does(ahead, pool, known, tmp_path):
    version = known(makers.onnx_columns(tmp_path))
    expected = pool.predict(version, one(version)).outputs
    warmed = ahead()
    warmed.standbys.refill("onnx")
    waits(warmed, "onnx")
    found = warmed.predict(version, one(version)).outputs
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


def test_nobody_waits_where_standbys_are_off(brisk, script, ask):
    ask(script("return rows[:, 0]"))
    assert brisk.standbys.pids == {}
    assert brisk.standbys.take("sklearn") is None


def test_a_standby_of_a_zygote_that_died_is_not_used(ahead, known, tmp_path):
    pool = ahead(Nursery(GROUPS, 1))
    version = known(makers.onnx_classifier_tensors(tmp_path))
    pool.predict(version, one(version))
    waiting = waits(pool, "onnx")
    loaded = pool.states()[0].pid
    os.kill(pool.nursery.litter("onnx").pid, signal.SIGKILL)
    wait_until(lambda: gone(waiting) and gone(loaded))
    answer = pool.predict(version, one(version))
    assert answer.outputs
    assert waits(pool, "onnx") != waiting
    pool.close()


def test_closing_ends_those_that_wait_and_those_to_come(ahead, known, tmp_path):
    pool = ahead()
    pool.standbys.refill("onnx")
    waiting = waits(pool, "onnx")
    pool.standbys.close()
    assert gone(waiting)
    pool.standbys.refill("onnx")
    assert pool.standbys.pids == {}


def test_one_that_is_being_made_while_all_closes_has_ended_after_the_wait(ahead):
    pool = ahead()
    pool.standbys.refill("onnx")
    pool.standbys.close()
    pool.standbys.wait(30)
    assert not pool.standbys._maker.is_alive()
    assert pool.standbys.pids == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_one_that_could_not_be_made_the_others_still_come(ahead):
    pool = ahead()
    odd = "no such group"  # a mistake of ours: no error that anybody expects
    pool.standbys.refill(odd)
    pool.standbys.refill("onnx")
    waits(pool, "onnx")
    pool.standbys.take("onnx").end()
    pool.standbys.refill(odd)
    pool.standbys.refill("onnx")
    assert waits(pool, "onnx")


@pytest.mark.sandbox
def test_every_thread_of_a_standby_is_inside_the_fence(ahead, script):
    """Warming comes after the lock, so what it started is filtered like the rest."""
    pool = ahead()
    pool.standbys.refill("sklearn")
    waiting = waits(pool, "sklearn")
    version = script(
        "import threading\n"
        "for _ in range(3):\n"
        "    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
        "return rows[:, 0]"
    )
    before = len(os.listdir(f"/proc/{waiting}/task"))
    pool.predict(version, {"": np.zeros((1, 1))})
    states = [path.read_text() for path in Path(f"/proc/{waiting}/task").glob("*/status")]
    assert len(states) == before + 3
    for state in states:
        assert "\nSeccomp:\t2\n" in state
        assert "\nNoNewPrivs:\t1\n" in state
        assert "\nCapEff:\t0000000000000000\n" in state


def test_a_process_with_a_second_thread_does_not_lock():
    code = (
        "import os, sys, threading, time; sys.path.insert(0, sys.argv[1])\n"
        "from registry.sandbox import limits\n"
        "threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n"
        "if os.fork() == 0: os._exit(0)\n"
        "limits.lock_down(limits.Limits(1 << 30, 9), limits.Layers(), set(), uid=None,\n"
        "                 parent=os.getppid())\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=False,
                          check=False)  # fmt: skip
    assert "threads from before the lock" in done.stderr


@pytest.mark.sandbox
def test_no_way_out_of_a_standby_is_open(ahead, tmp_path):
    pool = ahead()
    pool.standbys.refill("sklearn")
    waiting = waits(pool, "sklearn")
    told = escape.attempt(pool, tmp_path)
    assert (told["open"], told["touched"]) == ({}, [])
    assert pool.states()[-1].pid == waiting


@pytest.mark.sandbox
@pytest.mark.long
def test_without_landlock_every_group_still_warms_up(ahead):
    pool = ahead(Nursery(GROUPS, 1, Layers(landlock_abi=0, seccomp=True)))
    for group in ("sklearn", "onnx", "torch"):
        pool.standbys.refill(group)
    for group in ("sklearn", "onnx", "torch"):
        waits(pool, group)
    pool.close()

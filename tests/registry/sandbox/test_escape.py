"""A hostile model tries every way out, and none is open: as us, as an ordinary user, as nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.sandbox.nursery import Nursery
from registry.sandbox.pool import GROUPS, Pool
from tests.makers import escape, probe

pytestmark = pytest.mark.sandbox
ORDINARY, OWN_IDENTITY = 65534, 0
SHUT = {"open": {}, "touched": []}


def judged(told):
    return {key: told[key] for key in SHUT}


def test_no_way_out_is_open(pool, tmp_path):
    told = escape.attempt(pool, tmp_path)
    assert judged(told) == SHUT
    assert told["tried"] >= 3 * 80


@pytest.mark.long
def test_no_way_out_is_open_with_seccomp_alone(tmp_path):
    pool = Pool(escape.roomy(tmp_path), Nursery(GROUPS, 1, escape.MODES["seccomp alone"]))
    told = escape.attempt(pool, tmp_path)
    pool.close()
    assert judged(told) == SHUT


@pytest.mark.skipif(os.geteuid() != 0, reason="we are an ordinary user: the tests above say it all")
@pytest.mark.parametrize(
    ("user", "mode"),
    [
        (ORDINARY, "both layers"),
        pytest.param(ORDINARY, "seccomp alone", marks=pytest.mark.long),
        pytest.param(OWN_IDENTITY, "both layers", marks=pytest.mark.long),
        pytest.param(OWN_IDENTITY, "seccomp alone", marks=pytest.mark.long),
    ],
)
def test_no_way_out_is_open_for_another_user(user, mode):
    command = [sys.executable, "-m", "tests.makers.escape", str(user), mode]
    done = subprocess.run(command, cwd=escape.ROOT, capture_output=True, text=True, check=False)
    if escape.CANNOT in done.stderr:
        pytest.skip(done.stderr)
    told = json.loads(done.stdout)
    assert judged(told) == SHUT
    assert told["user"] == user
    assert told["processes"] < int(Path("/proc/sys/kernel/threads-max").read_text()) // 4
    assert told["tried"] >= 3 * 80


def test_the_probe_tells_an_open_way_from_a_shut_one(monkeypatch, tmp_path):
    """Outside the fence the same attempts get through."""
    targets = dict.fromkeys(("precious", "near", "secret", "web", "tests", "fd"), str(tmp_path))
    monkeypatch.setattr(probe, "TARGETS", targets)
    ways = probe.files()
    names = ("make a folder", "change times", "list processes", "learn of the disk")
    assert [probe.outcome(ways[name]) for name in names] == ["open"] * 4
    assert "IsADirectoryError" in probe.outcome(ways["overwrite a file"])

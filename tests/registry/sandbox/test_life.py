"""How zygotes and workers come and go, on strong kernels and weak ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from registry import inputs
from registry.errors import PredictionFailed
from registry.sandbox.limits import Layers
from registry.sandbox.nursery import Nursery
from registry.sandbox.pool import GROUPS, Pool, open_pool
from registry.settings import Settings
from tests.makers import models as makers
from tests.makers.waiting import gone, wait_until

ROOT = Path(__file__).parents[3]

SERVER = """
import json, os, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from registry.records import Inspection
from registry.sandbox.contract import ModelSpec
from registry.sandbox.pool import open_pool
from registry.settings import Settings
pool = open_pool(Settings(home=Path(sys.argv[2]).parent, _env_file=None))
inspection = Inspection(format="onnx", framework="onnx")
open_ = lambda: os.open(sys.argv[2], os.O_RDONLY)
pool.warm(ModelSpec("a", "onnx", "", open_, None, inspection))
zygote = pool.nursery.litter("onnx").pid
heavy = {"torch", "sklearn", "onnxruntime", "streamlit", "sqlalchemy"} & set(sys.modules)
print(json.dumps([zygote, pool.states()[0].pid, sorted(heavy)]), flush=True)
time.sleep(60)
"""


def test_nothing_outlives_a_server_that_is_killed(tmp_path):
    model = makers.onnx_classifier_tensors(tmp_path)
    command = [sys.executable, "-c", SERVER, str(ROOT), str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path) as server:
        zygote, worker, heavy = json.loads(server.stdout.readline())
        assert not gone(zygote)
        assert not gone(worker)
        server.send_signal(signal.SIGKILL)
        server.wait()
        wait_until(lambda: gone(zygote) and gone(worker))
    assert heavy == []


def test_a_zygote_that_died_is_started_again(tmp_path, known, pool):
    version = known(makers.onnx_classifier_tensors(tmp_path))
    prepared = inputs.prepare(version.schema, version.schema.example).inputs
    before = pool.predict(version, prepared).outputs
    zygote = pool.nursery.litter("onnx").pid
    os.kill(zygote, signal.SIGKILL)
    wait_until(lambda: pool.nursery.litter("onnx").pid != zygote)
    answer = pool.predict(version, prepared)
    assert not answer.warm
    for name, array in before.items():
        np.testing.assert_array_equal(array, answer.outputs[name])


def test_the_worker_brings_no_database_and_no_web():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import registry.sandbox.worker;"
        "print(' '.join(sorted(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(ROOT)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "streamlit", "starlette", "fastapi", "alembic", "torch"} & set(loaded)
    assert "registry.settings" not in loaded


@pytest.mark.parametrize(
    "make",
    [
        *(makers.sklearn_histogram, makers.onnx_classifier, makers.torchscript_mlp),
        pytest.param(makers.skops_classifier, marks=pytest.mark.long),
        pytest.param(makers.torch_export_mlp, marks=pytest.mark.long),
    ],
    ids=["sklearn", "onnxruntime", "torchscript", "skops", "torch.export"],
)
def test_a_forked_child_computes_within_five_seconds(pool, spec, tmp_path, make):
    path = make(tmp_path)
    with path.open("rb") as file:
        found, _ = pool.inspect(file.fileno(), path.name)
    version = replace(spec(path, found.format, found.schema), inspection=found)
    pool.nursery.litter({"skops": "sklearn", "onnx": "onnx", "sklearn": "sklearn"}.get(
        found.format, "torch"
    ))  # fmt: skip
    started = time.monotonic()
    assert pool.check(version).predict_ms is not None
    assert time.monotonic() - started < 5


def test_zygotes_import_all_they_should(pool):
    assert [pool.nursery.litter(group).missing for group in GROUPS] == [[]] * 4


def test_starting_ahead_and_closing_early_leave_nothing(tmp_path):
    pool = open_pool(Settings(home=tmp_path, _env_file=None))
    thread = pool.start()
    wait_until(lambda: pool.nursery._places["inspect"].litter is not None)
    zygote = pool.nursery._places["inspect"].litter.pid
    pool.close()
    thread.join(5)
    assert not thread.is_alive()
    assert gone(zygote)


@pytest.fixture
def weaker(tmp_path):
    """A pool on a kernel that has less."""
    pools = []

    def make(layers, **settings):
        settings = Settings(home=tmp_path / "home", _env_file=None, **settings)
        pools.append(Pool(settings, Nursery(GROUPS, 1, layers)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.mark.sandbox
def test_without_landlock_no_file_is_opened_at_all(weaker, known, tmp_path):
    version = known(makers.onnx_columns(tmp_path))
    pool = weaker(Layers(landlock_abi=0, seccomp=True))
    prepared = inputs.prepare(version.schema, version.schema.example).inputs
    assert pool.predict(version, prepared).outputs
    assert not pool.weak


@pytest.mark.sandbox
@pytest.mark.long
@pytest.mark.parametrize(
    "make",
    [
        *(makers.sklearn_pipeline, makers.sklearn_histogram, makers.skops_pipeline),
        *(makers.torchscript_cnn, makers.torch_export_cnn),
    ],
)
def test_without_landlock_every_framework_still_predicts(weaker, known, tmp_path, make):
    version = known(make(tmp_path))
    pool = weaker(Layers(landlock_abi=0, seccomp=True))
    prepared = inputs.prepare(version.schema, version.schema.example).inputs
    assert pool.predict(version, prepared).outputs


def test_without_a_fence_only_data_formats_run(weaker, known, script, tmp_path):
    onnx = known(makers.onnx_classifier_tensors(tmp_path))
    pool = weaker(Layers())
    prepared = inputs.prepare(onnx.schema, onnx.schema.example).inputs
    assert pool.weak
    assert pool.layers == {"landlock_abi": 0, "seccomp": False}
    assert pool.predict(onnx, prepared).outputs
    with pytest.raises(PredictionFailed, match="VITRINE_ALLOW_WEAK_SANDBOX"):
        pool.warm(script("return rows"))


@pytest.mark.long
def test_without_a_fence_the_administrator_may_run_all(weaker, script):
    pool = weaker(Layers(), allow_weak_sandbox=True)
    version = script("return rows[:, 0] + 1")
    assert pool.predict(version, {"": np.zeros((1, 1))}).outputs["value"].tolist() == [1.0]
    assert pool.weak


@pytest.mark.parametrize(
    ("layers", "allowed", "said"),
    [
        (Layers(landlock_abi=7, seccomp=True), False, ""),
        (Layers(landlock_abi=0, seccomp=True), False, "workers open no file"),
        (Layers(landlock_abi=7, seccomp=False), False, "Only ONNX models run"),
        (Layers(), False, "Only ONNX models run"),
        (Layers(), True, "Trust every file"),
    ],
    ids=["whole", "no Landlock", "no seccomp", "neither", "neither, allowed"],
)
def test_what_the_kernel_lacks_is_said_at_start(weaker, layers, allowed, said):
    shortfall = weaker(layers, allow_weak_sandbox=allowed).shortfall
    assert said in shortfall
    assert bool(said) == bool(shortfall)


def test_the_data_folder_may_not_lie_where_workers_read():
    with pytest.raises(ValueError, match="VITRINE_HOME"):
        open_pool(Settings(home=ROOT / "registry" / "data", _env_file=None))

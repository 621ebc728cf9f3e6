"""The hostile corpus, loaded on purpose without any scan: the fence alone stops it."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from registry import inputs
from registry.errors import RegistryError
from registry.records import Inspection
from registry.sandbox import nursery
from registry.sandbox.contract import ModelSpec
from registry.sandbox.nursery import Nursery
from registry.sandbox.pool import Pool
from registry.settings import Settings
from tests.makers import hostile_files, hostile_pickles, unscanned
from tests.makers import models as makers
from tests.makers.hostile_plain import called

pytestmark = pytest.mark.sandbox
CORPUS = {**hostile_pickles.TECHNIQUES, **hostile_files.TECHNIQUES}
CLAIMED = 80
"""As many are seen trying something, at least, says docs/security.md."""

SAMPLE = (
    *("os_system", "builtins_exec", "subprocess_call", "opened_for_writing", "native_library"),
    *(
        "timeit",
        "import_by_name",
        "python_2_names",
        "behind_an_array",
        "zlib_compressed",
        "npz_of_objects",
        "memo_index",
    ),
)


@dataclass
class Evidence:
    """What is found after hostile files were loaded."""

    outcomes: Counter[str] = field(default_factory=Counter)
    live: set[str] = field(default_factory=set)
    left_behind: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


@pytest.fixture
def careless(pool, tmp_path):
    """Pools whose workers load anything with the libraries' own loaders."""
    pools = []

    def make(*groups):
        settings = Settings(
            home=tmp_path / "home",
            workers=2,
            load_timeout_s=5,
            worker_cpu_s=20,
            worker_memory_mb=1024,
            standby_workers=False,
            _env_file=None,
        )
        pools.append(Pool(settings, Nursery(groups, 1, pool.nursery.layers)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(nursery, "SCRIPT", unscanned.__file__)
            for group in groups:
                pools[-1].nursery.litter(group)
        return pools[-1]

    yield make
    for made in pools:
        made.close()


def group_of(ending):
    return {".pt": "torch_pickle", ".pt2": "torch_pickle", ".onnx": "onnx"}.get(ending, "sklearn")


def load_all(pool, techniques, folder, format=None):
    """Load each file in a worker of its own and collect the evidence."""
    found = Evidence()
    for name, make in techniques.items():
        place = folder / name
        place.mkdir()
        path = make(place)
        before = sorted(place.rglob("*"))
        kind = format or group_of(path.suffix)
        inspection, told = Inspection(format=kind, framework=""), (path.suffix, str(place))
        version = ModelSpec(
            name, kind, "", partial(os.open, path, os.O_RDONLY), None, inspection, told
        )
        started = time.monotonic()
        with pytest.raises(RegistryError) as ended:
            pool.warm(version)
        found.slowest_s = max(found.slowest_s, time.monotonic() - started)
        found.outcomes[type(ended.value).__name__] += 1
        if "TRIED" in getattr(ended.value, "log", ""):
            found.live.add(name)
        if sorted(place.rglob("*")) != before:
            found.left_behind.append(name)
    return found


def children(pid):
    """Processes below that one which still run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def connecting(listener):
    """A file that connects to the test itself."""

    def write(folder):
        path = folder / "connecting.pkl"
        path.write_bytes(called("socket", "create_connection", listener.getsockname(), 1.0))
        return path

    return write


def connected(listener):
    try:
        listener.accept()
    except BlockingIOError:
        return False
    return True


def test_files_that_run_code_when_loaded_do_nothing_in_a_worker(careless, listener, tmp_path):
    """In the group that starts quickest; all of the corpus is for `make long`."""
    pool = careless("onnx")
    techniques = {name: CORPUS[name] for name in SAMPLE} | {"connecting": connecting(listener)}
    found = load_all(pool, techniques, tmp_path, "onnx")
    assert found.left_behind == []
    assert not connected(listener)
    assert children(pool.nursery.litter("onnx").pid) == []
    assert len(found.live) >= 8, "the files are not as hostile as they should be"


def test_the_docs_say_what_is_tested():
    page = Path(__file__).parents[3] / "docs/security.md"
    assert f"more than {CLAIMED} are seen" in " ".join(page.read_text().split())


@pytest.mark.long
def test_the_whole_corpus_loaded_without_a_scan_does_nothing(
    careless, listener, pool, known, tmp_path, capsys
):
    honest = known(makers.sklearn_classifier(tmp_path))
    row = inputs.prepare(honest.schema, honest.schema.example).inputs
    before = pool.predict(honest, row).outputs
    groups = ("sklearn", "onnx", "torch")
    reckless = careless(*groups)
    techniques = CORPUS | {"connecting": connecting(listener)}
    started = time.monotonic()
    found = load_all(reckless, techniques, tmp_path)
    took_s = time.monotonic() - started
    with capsys.disabled():
        print(f"\n{len(techniques)} hostile files loaded without a scan in {took_s:.0f} s, "
              f"{len(found.live)} of them seen to try something, slowest {found.slowest_s:.1f} s: "
              f"{dict(found.outcomes)}")  # fmt: skip
    assert found.left_behind == []
    assert not connected(listener)
    for group in groups:
        assert children(reckless.nursery.litter(group).pid) == []
    assert len(found.live) > CLAIMED
    assert set(found.outcomes) <= {
        *("PredictionFailed", "PredictionTimeout", "WorkerCrashed", "NotInstalled"),
    }
    for name, array in pool.predict(honest, row).outputs.items():
        np.testing.assert_array_equal(array, before[name])

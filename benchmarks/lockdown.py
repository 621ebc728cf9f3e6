"""What the fence costs: the lock-down itself, starting a worker, and each prediction."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import ROOT, machine, median, verdict
from benchmarks.predict import TITLES, Bench, bench
from registry.sandbox.limits import Layers
from registry.sandbox.nursery import Nursery
from registry.sandbox.pool import GROUPS, Pool
from registry.settings import Settings

N_LOCKS, N_STARTS, N_ROUNDS, N_CALLS = 40, 15, 5, 200
SMALL = {
    "logistic": "scikit-learn, logistic regression",
    "onnx_logistic": "ONNX, logistic regression",
    "mlp": "TorchScript, MLP",
}
# In a process that has imported as much as the zygote of its group.
LOCK = """
import importlib, json, os, sys, time
sys.path.insert(0, sys.argv[1])
from registry.formats import contract
from registry.sandbox import limits
for name in contract.IMPORTS[sys.argv[2]]:
    importlib.import_module(name)
limits.readable_paths(), limits.most_threads()
layers, parent, took = limits.Layers(*json.loads(sys.argv[3])), os.getpid(), []
for _ in range(int(sys.argv[4])):
    read, write = os.pipe()
    if os.fork() == 0:
        started = time.perf_counter()
        limits.lock_down(limits.Limits(1 << 30, 60), layers, {write}, uid=None, parent=parent)
        os.write(write, json.dumps((time.perf_counter() - started) * 1e3).encode())
        os._exit(0)
    os.close(write)
    took.append(json.loads(os.read(read, 99)))
    os.close(read)
    os.wait()
print(json.dumps(took))
"""


def main() -> None:
    print(machine())
    with bench() as running, TemporaryDirectory(prefix="vitrine-bench-") as folder:
        layers = running.reg.pool.nursery.layers
        print(f"Landlock ABI {layers.landlock_abi}, seccomp {layers.seccomp}")
        lock(layers)
        start(running, Path(folder))
        each(running, Path(folder))
    print(machine())


def lock(layers: Layers) -> None:
    """The lock-down alone, inside a fresh fork of a process with scikit-learn in it."""
    told = json.dumps([layers.landlock_abi, layers.seccomp])
    command = [sys.executable, "-c", LOCK, str(ROOT), "sklearn", told, str(N_LOCKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(verdict("lock-down, median", median(json.loads(done.stdout)), 5, "ms"))


def start(running: Bench, folder: Path) -> None:
    """Fork, lock and load on demand, for the three small models in turn."""
    settings = Settings(home=folder / "a", standby_workers=False, _env_file=None)
    pool = Pool(settings, running.reg.pool.nursery)
    took: dict[str, list[float]] = {name: [] for name in SMALL}
    for _ in range(N_STARTS):
        for name in SMALL:
            spec, _ = running.asked[name]
            pool.drop(spec.version_id)
            took[name].append(pool.warm(spec))
    for name, title in SMALL.items():
        print(verdict(f"worker start, {title}", median(took[name]), 40, "ms"))
        pool.drop(name)


def each(running: Bench, folder: Path) -> None:
    """A cached prediction with both layers against one without any."""
    settings = Settings(home=folder / "b", allow_weak_sandbox=True, standby_workers=False,
                        _env_file=None)  # fmt: skip
    bare = Pool(settings, Nursery(GROUPS, 1, Layers()))
    try:
        for name in SMALL:
            spec, row = running.asked[name]
            rounds = []
            for _ in range(N_ROUNDS):
                pairs = []
                for _ in range(N_CALLS):
                    fenced = running.pool_ms(name)
                    started = time.perf_counter()
                    bare.predict(spec, row)
                    pairs.append((fenced, (time.perf_counter() - started) * 1e3))
                rounds.append((median([a for a, _ in pairs]), median([b for _, b in pairs])))
            with_layers, without = min(a for a, _ in rounds), min(b for _, b in rounds)
            what = f"layers per prediction, {TITLES[name]} ({without:.3f} ms without)"
            print(verdict(what, with_layers - without, 0.2, "ms"))
    finally:
        bare.close()


if __name__ == "__main__":
    main()

"""G1: one cached row by the pool against the same call in-process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import PASSWORD, ROOT, UNLIMITED, machine, median, verdict
from registry import accounts, checks, inputs, predict, publish, staging, versions
from registry.core import Registry, open_registry
from registry.records import Details, Output, Schema, Tensor
from registry.sandbox.contract import ModelSpec
from registry.settings import Settings

TITLES = {
    "logistic": "logistic regression, 30 numbers",
    "pipeline": "boosting pipeline, one row of a frame",
    "onnx_logistic": "logistic regression as ONNX",
    "mlp": "torch MLP",
}
FRAMES = ("pipeline",)
N_ROUNDS, N_CALLS = 3, 150


@dataclass
class Bench:
    """A registry, the versions under test with a row for each, and the raw process."""

    reg: Registry
    asked: dict[str, tuple[ModelSpec, Any]]
    raw: subprocess.Popen[str]
    files: dict[str, Path]

    def raw_ms(self, name: str, state: str = "warm") -> float:
        assert self.raw.stdin is not None
        assert self.raw.stdout is not None
        self.raw.stdin.write(f"{name} {state}\n")
        self.raw.stdin.flush()
        return float(json.loads(self.raw.stdout.readline()))

    def pool_ms(self, name: str) -> float:
        spec, row = self.asked[name]
        started = time.perf_counter()
        self.reg.pool.predict(spec, row)
        return (time.perf_counter() - started) * 1e3


def main() -> None:
    print(machine())
    print("one thread on both sides; calls interleaved, p50 of the best of three rounds")
    with bench() as running:
        cached(running)
        door(running)
    print(machine())


def cached(running: Bench) -> None:
    """G1: cached, one row."""
    for name, title in TITLES.items():
        for _ in range(20):
            running.pool_ms(name), running.raw_ms(name)
        ours, raw = _best(lambda n=name: running.pool_ms(n), lambda n=name: running.raw_ms(n))
        limit = 1.25 * raw + (2.5 if name in FRAMES else 0.25)
        what = f"G1 {title}: raw {raw:.3f} ms, pool {ours / raw:.2f} × raw"
        print(verdict(what, ours, round(limit, 3), "ms"))


def door(running: Bench) -> None:
    """What looking up, checking and logging add to the pool's own time."""
    reg, path = running.reg, running.files["logistic"]
    actor = accounts.create_user(
        reg, username="tester", name="T", email="t@example.org", password=PASSWORD, role="admin"
    )
    with staging.receive(reg, actor, path.name) as incoming:
        incoming.write(path.read_bytes())
        draft = publish.examine(reg, actor, incoming.finish().id)
    version = publish.publish(reg, actor, draft.id, Details(name="Door"))
    checks.run(reg, version.id)
    version, spec = versions.spec(reg, actor, version.ref)
    assert spec.schema
    example = [spec.schema.example]
    ready = inputs.prepare(spec.schema, example).inputs

    def timed(call: Callable[[], object]) -> float:
        started = time.perf_counter()
        call()
        return (time.perf_counter() - started) * 1e3

    through, direct = _best(
        lambda: timed(lambda: predict.predict(reg, actor, version.ref, example)),
        lambda: timed(lambda: reg.pool.predict(spec, ready)),
    )
    print(verdict(f"door above the pool ({direct:.2f} ms), p50", through - direct, 2.0, "ms"))


def _best(ours: Callable[[], float], raw: Callable[[], float]) -> tuple[float, float]:
    """p50 of both sides in the round where they were closest to undisturbed."""
    rounds = []
    for _ in range(N_ROUNDS):
        pairs = [(ours(), raw()) for _ in range(N_CALLS)]
        rounds.append((median([a for a, _ in pairs]), median([b for _, b in pairs])))
    return min(a for a, _ in rounds), min(b for _, b in rounds)


@contextmanager
def bench() -> Iterator[Bench]:
    """A registry without a server, all models loaded, and the raw process beside it."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        raw = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.raw", folder],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        reg = open_registry(
            Settings(home=Path(folder) / "home", predictions_per_minute=UNLIMITED, _env_file=None)
        )
        try:
            assert raw.stdout is not None
            names = json.loads(raw.stdout.readline())
            files = {path.stem: path for path in Path(folder).iterdir() if path.is_file()}
            yield Bench(reg, {name: _asked(reg, files[name]) for name in names}, raw, files)
        finally:
            raw.kill()
            raw.wait()
            reg.close()


def _asked(reg: Registry, path: Path) -> tuple[ModelSpec, Any]:
    """A version as the registry would describe it after its check, and one row for it."""
    fd = os.open(path, os.O_RDONLY)
    try:
        found, _ = reg.pool.inspect(fd, path.name)
    finally:
        os.close(fd)
    schema = found.schema
    if path.stem == "mlp":
        row = Tensor("input", "float32", (-1, 30))
        schema = Schema("tensors", tensors=(row,), outputs=(Output("output", "scores"),))
        schema = replace(schema, example={"input": [[1.0] * 30]})
    spec = ModelSpec(path.stem, found.format, "", lambda: os.open(path, os.O_RDONLY), schema, found)
    checked = reg.pool.check(spec)
    assert checked.schema is not None
    spec = replace(spec, schema=checked.schema)
    given = inputs.prepare(checked.schema, checked.schema.example).inputs
    if isinstance(given, dict):
        assert all(isinstance(array, np.ndarray) for array in given.values())
    return spec, given


if __name__ == "__main__":
    main()

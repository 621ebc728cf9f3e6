"""G7: one row of histogram gradient boosting while two neighbours keep the processors busy.

In-process with the libraries' own choice of threads, in-process with one, and our worker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import ROOT, machine, median, verdict
from benchmarks.predict import Bench, bench

N_IDLE, N_BUSY, N_NEIGHBOURS = 150, 400, 2
BUSY = "while True: pass"


def main() -> None:
    print(machine())
    with bench() as running, default_threads() as default:
        for _ in range(20):
            default(), running.raw_ms("boosting"), running.pool_ms("boosting")
        idle = _taken(running, default, N_IDLE)
        neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(N_NEIGHBOURS)]
        try:
            busy = _taken(running, default, N_BUSY)
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                neighbour.wait()
    for which, title in (("one", "one thread in-process"), ("ours", "our worker")):
        late, usual = _p99(busy[which]), _p99(busy["default"])
        what = (
            f"G7 p99 with {N_NEIGHBOURS} neighbours, {title} {late:.0f} ms, default {usual:.0f} ms"
        )
        print(verdict(what, usual / late, 5, "×", at_least=True))
    one, usual = median(idle["one"]), median(idle["default"])
    what = f"G7 p50 without neighbours, one thread {one:.1f} ms, default {usual:.1f} ms"
    print(verdict(what, one / usual, 1.2, "×"))
    print(machine())


def _taken(running: Bench, default: object, n: int) -> dict[str, list[float]]:
    assert callable(default)
    rows = [(default(), running.raw_ms("boosting"), running.pool_ms("boosting")) for _ in range(n)]
    return dict(zip(("default", "one", "ours"), map(list, zip(*rows, strict=True)), strict=True))


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * len(values))]


@contextmanager
def default_threads() -> Iterator[object]:
    """One warm call of the model in a process whose libraries choose their threads."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    env = {key: value for key, value in os.environ.items() if key not in threads}
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        raw = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.raw", folder],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert raw.stdin is not None
        assert raw.stdout is not None
        stdin, stdout = raw.stdin, raw.stdout
        stdout.readline()

        def call() -> float:
            stdin.write("boosting warm\n")
            stdin.flush()
            return float(json.loads(stdout.readline()))

        try:
            yield call
        finally:
            raw.kill()
            raw.wait()


if __name__ == "__main__":
    main()

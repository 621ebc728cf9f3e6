"""G5: the first prediction of a version nobody has loaded, by a standby and by fork on demand.

Each round drops the version, waits until a standby stands by, and takes the three in turn:
standby, in-process load and predict, fork on demand.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.harness import machine, median, verdict
from benchmarks.predict import TITLES, Bench, bench
from registry import formats
from registry.sandbox.contract import ModelSpec
from registry.sandbox.pool import Pool
from registry.settings import Settings

N_ROUNDS, PATIENCE_S = 15, 60


def main() -> None:
    print(machine())
    print("first prediction of a version no worker has; medians, interleaved")
    with bench() as running:
        settings = Settings(home=running.reg.settings.home, standby_workers=False, _env_file=None)
        on_demand = Pool(settings, running.reg.pool.nursery)
        for name, title in TITLES.items():
            _compare(running, on_demand, name, title)
    print(machine())


def _compare(running: Bench, on_demand: Pool, name: str, title: str) -> None:
    spec, row = running.asked[name]
    standby, raw, forked = [], [], []
    _wait(running.reg.pool, spec)
    for _ in range(N_ROUNDS):
        standby.append(first(running.reg.pool, spec, row))
        _wait(running.reg.pool, spec)  # its successor warms up now: not in the way of the others
        raw.append(running.raw_ms(name, "cold"))
        forked.append(first(on_demand, spec, row))
    on_demand.drop(spec.version_id)
    ours, in_process, demanded = median(standby), median(raw), median(forked)
    what = f"G5 {title}: in-process {in_process:.1f} ms, fork on demand {demanded:.1f} ms, standby"
    print(verdict(what, ours, round(1.5 * in_process + 5, 1), "ms"))
    if name == "logistic":
        what = f"G5 {title}: fork on demand against standby"
        print(verdict(what, demanded / ours, 5, "×", at_least=True))


def first(pool: Pool, spec: ModelSpec, row: Any) -> float:
    """Milliseconds of one prediction by a worker that must load first."""
    pool.drop(spec.version_id)
    started = time.perf_counter()
    pool.predict(spec, row)
    return (time.perf_counter() - started) * 1e3


def _wait(pool: Pool, spec: ModelSpec) -> None:
    group, until = formats.group(spec.format), time.monotonic() + PATIENCE_S
    pool.standbys.refill(group)
    while group not in pool.standbys.pids:
        if time.monotonic() > until:
            raise TimeoutError(f"no standby for {group}")
        time.sleep(0.01)


if __name__ == "__main__":
    main()

"""Twenty visitors with four seconds of think time ask six models at once, through five workers.

Every visitor calls what the playground calls. Reported: errors, how late an answer of a warm
worker is against the same model alone, how many versions were loaded at any time, whether the
least recently used one went, and what is left when the pool is closed.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import UNLIMITED, machine, median, verdict
from registry import predict
from registry.core import Registry, open_registry
from registry.demo.filling import fill, sign_up
from registry.errors import RegistryError
from registry.records import Actor, Version
from registry.settings import Settings

N_VISITORS, THINK_S, N_WORKERS = 20, 4.0, 5
ALONE = {"in a row": (100, 0.0), "every half second": (20, 0.5)}
"""How one visitor alone asks: how often, with how many seconds between."""
MINUTES = 5.0


@dataclass
class Seen:
    """What came of it: latencies of warm answers in ms by version, cold ones, errors."""

    warm: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cold: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    most_loaded: int = 0


def main() -> None:
    print(machine())
    before = _processes()
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        settings = Settings(
            home=Path(folder), workers=N_WORKERS, predictions_per_minute=UNLIMITED, _env_file=None
        )
        reg = open_registry(settings)
        try:
            actor, _ = sign_up(reg)
            versions = fill(reg, actor, lambda line: None, check_here=True)
            inputs = {version.ref: _example(version) for version in versions}
            alone = {
                how: {ref: _alone(reg, actor, ref, rows, how) for ref, rows in inputs.items()}
                for how in ALONE
            }
            seen = _visits(reg, actor, inputs)
            evicted = _evicts_the_oldest(reg, actor, versions, inputs)
        finally:
            reg.close()
    _report(seen, alone, evicted, _processes() - before)
    print(machine())


def _example(version: Version) -> Any:
    assert version.schema is not None
    row = version.schema.example
    return [row] if version.schema.kind == "table" else row


def _timed(reg: Registry, actor: Actor, ref: str, rows: Any) -> tuple[float, bool]:
    started = time.perf_counter()
    answer = predict.predict(reg, actor, ref, rows)
    return (time.perf_counter() - started) * 1e3, answer.warm


def _alone(reg: Registry, actor: Actor, ref: str, rows: Any, how: str) -> float:
    """The p50 of a warm answer with nobody else there, ms."""
    predict.warm(reg, actor, ref)
    n, pause_s = ALONE[how]
    found = []
    for _ in range(n):
        time.sleep(pause_s)
        found.append(_timed(reg, actor, ref, rows)[0])
    return median(found)


def _visits(reg: Registry, actor: Actor, inputs: dict[str, Any]) -> Seen:
    seen, until = Seen(), time.monotonic() + MINUTES * 60
    visitors = [
        threading.Thread(target=_visit, args=(reg, actor, inputs, seen, until, n))
        for n in range(N_VISITORS)
    ]
    for visitor in visitors:
        visitor.start()
    while any(visitor.is_alive() for visitor in visitors):
        seen.most_loaded = max(seen.most_loaded, len(reg.pool.states()))
        time.sleep(0.5)
    return seen


def _visit(
    reg: Registry, actor: Actor, inputs: dict[str, Any], seen: Seen, until: float, seed: int
) -> None:
    chance = random.Random(seed)
    time.sleep(chance.uniform(0, THINK_S))
    while time.monotonic() < until:
        ref = chance.choice(list(inputs))
        try:
            took_ms, warm = _timed(reg, actor, ref, inputs[ref])
        except RegistryError as failed:
            seen.errors.append(f"{ref}: {failed.message}")
        else:
            (seen.warm[ref] if warm else seen.cold).append(took_ms)
        time.sleep(chance.expovariate(1 / THINK_S))


def _evicts_the_oldest(
    reg: Registry, actor: Actor, versions: list[Version], inputs: dict[str, Any]
) -> bool:
    """Asked in a known order, the one asked longest ago is the one that is not loaded."""
    orders = [versions[n:] + versions[:n] for n in range(len(versions))]
    for order in orders:
        for version in order:
            predict.predict(reg, actor, version.ref, inputs[version.ref])
        loaded = {state.version_id for state in reg.pool.states()}
        if loaded != {version.id for version in order[-N_WORKERS:]}:
            return False
    return True


def _processes() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def _report(seen: Seen, alone: dict[str, dict[str, float]], evicted: bool, left: set[int]) -> None:
    n_warm = sum(map(len, seen.warm.values()))
    cold_ms = median(seen.cold) if seen.cold else 0.0
    print(f"{n_warm:,} warm answers, {len(seen.cold)} cold ones (p50 {cold_ms:.0f} ms)")
    for ref, all_ms in sorted(seen.warm.items()):
        ordered = sorted(all_ms)
        late = ordered[int(0.95 * len(ordered))]
        by_oneself = ", ".join(f"{how} {p50[ref]:.2f}" for how, p50 in alone.items())
        print(f"  {ref}: alone {by_oneself}, p50 {median(ordered):.2f}, p95 {late:.2f} ms")
    for how, p50 in alone.items():
        ratios = sorted(took / p50[ref] for ref, all_ms in seen.warm.items() for took in all_ms)
        p95 = ratios[int(0.95 * len(ratios))]
        print(verdict(f"p95 of warm time ÷ the model's p50 when one asks {how}", p95, 3, "×"))
    print(verdict("errors", len(seen.errors), 0, "answers"))
    print("\n".join(sorted(set(seen.errors))[:5]))
    print(verdict("most versions loaded at once", seen.most_loaded, N_WORKERS, "workers"))
    print(verdict("least recently used goes, 6 orders", float(evicted), 1, "", at_least=True))
    print(verdict("processes left behind", len(left), 0, "processes"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        MINUTES = float(sys.argv[1])
    main()

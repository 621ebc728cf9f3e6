"""G10: eight processes add versions to one model at once: distinct, gapless, never locked out."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import PASSWORD, ROOT, machine, verdict
from registry import accounts, models, versions
from registry.core import Registry, open_registry
from registry.records import Actor, Details, Inspection, Metric
from registry.settings import Settings

WRITERS = 8
EACH = 40
MLFLOW_PER_S = 26.0  # eight writers on this kind of machine, MLflow 3.17 with SQLite
_METRICS = tuple(Metric(f"metric_{n}", n / 10) for n in range(10))


def open_at(folder: str) -> Registry:
    return open_registry(Settings(home=Path(folder), min_free_disk_mb=0, _env_file=None))


def add(reg: Registry, actor: Actor, model: str, n: int) -> None:
    """One version with ten metrics and one file."""
    with reg.writing() as s:
        versions.add_in(
            s,
            actor,
            models.for_action(s, actor, "version.add", model),
            draft_id=None,
            details=Details(metrics=_METRICS),
            inspection=Inspection("onnx", "onnx", n_parameters=10),
            stored=[("model", "m.onnx", f"{n:064x}", f"{n:064x}", 10)],
        )


def write(folder: str, user_id: str) -> None:
    """One writer: waits for the starting shot, then adds its versions."""
    reg, actor = open_at(folder), Actor(user_id, "tester", role="author")
    add(reg, actor, "tester/warm", 0)
    print("ready", flush=True)
    sys.stdin.readline()
    times, errors = [], []
    for n in range(EACH):
        started = time.perf_counter()
        try:
            add(reg, actor, "tester/target", n)
        except Exception as failed:  # noqa: BLE001  any failure counts
            errors.append(repr(failed))
        times.append((time.perf_counter() - started) * 1e3)
    print(json.dumps({"times": times, "errors": errors, "end": time.time()}), flush=True)
    reg.close()


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        reg = open_at(folder)
        actor = accounts.create_user(
            reg,
            username="tester",
            name="Tester",
            email="tester@example.org",
            password=PASSWORD,
            role="author",
        )
        with reg.writing() as s:
            models.create_in(s, actor, name="target")
            models.create_in(s, actor, name="warm")
        command = [sys.executable, "-m", "benchmarks.versions", folder, actor.id]
        writers = [
            subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(WRITERS)
        ]
        for writer in writers:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
        started = time.time()
        for writer in writers:
            assert writer.stdin
            writer.stdin.write("go\n")
            writer.stdin.flush()
        answers = [json.loads(writer.communicate()[0]) for writer in writers]
        took = max(answer["end"] for answer in answers) - started
        numbers = sorted(v.number for v in versions.find(reg, actor, "tester/target"))
        reg.close()
    report(answers, numbers, took)


def report(answers: list[dict[str, Any]], numbers: list[int], took: float) -> None:
    times = sorted(ms for answer in answers for ms in answer["times"])
    errors = [error for answer in answers for error in answer["errors"]]
    for error in errors[:3]:
        print(error)
    asked = WRITERS * EACH
    rate = len(numbers) / took
    p99 = times[int(len(times) * 0.99) - 1]
    print(
        f"{len(numbers)} of {asked} versions with 10 metrics each in {took:.1f} s; "
        f"p50 {times[len(times) // 2]:.0f} ms, p99 {p99:.0f} ms"
    )
    print(verdict("G10 errors", len(errors), 0, ""))
    doubled = asked - len(set(numbers))
    print(verdict("G10 missing or doubled numbers", doubled, 0, ""))
    gapless = numbers == list(range(1, asked + 1))
    print(f"G10 numbers are 1 to {asked} without a gap — {'pass' if gapless else 'falls short'}")
    print(verdict("G10 rate against MLflow's", rate / MLFLOW_PER_S, 5, "x", at_least=True))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        write(*sys.argv[1:3])
    else:
        main()

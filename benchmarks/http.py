"""G2: predictions over HTTP by a token, from our server and from MLflow's own, in turns.

python -m benchmarks.http peers/bin/python      # MLflow's environment, see benchmarks/peers.py
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import UNLIMITED, Server, machine, median, server, verdict
from benchmarks.peers import served
from benchmarks.predict import TITLES, Bench, bench
from registry import checks, publish, staging, tokens, versions
from registry.records import Details, Version

NAMES = ("logistic", "onnx_logistic")
TARGETS = {1: 1.4, 1000: 3.0}
N_ROUNDS, N_TURNS = 3, 8
N_CALLS = {1: 15, 1000: 4}


def main() -> None:
    python = sys.argv[1] if len(sys.argv) > 1 else "peers/bin/python"
    if not Path(python).exists():
        print(f"left out: no MLflow at {python}; benchmarks/peers.py says how to get it")
        return
    print(machine())
    with (
        bench() as running,
        server(
            VITRINE_PREDICTIONS_PER_MINUTE=str(UNLIMITED),
            VITRINE_CALLS_PER_MINUTE=str(UNLIMITED),
            VITRINE_WORKER_THREADS="1",
            VITRINE_BENCHMARK_UPLOADS="0",
        ) as ours,
        TemporaryDirectory(prefix="vitrine-bench-") as folder,
        ExitStack() as s,
    ):
        secret = tokens.create(ours.reg, ours.actor, "bench", ["predict"], calls=1_000_000)[1]
        ping = _get(ours, "/healthz")
        for name in NAMES:
            call = _posts(ours, secret, _published(ours, running, name))
            peer = s.enter_context(served(python, running.files[name], Path(folder), name))
            for n_rows, target in TARGETS.items():
                _compare(name, n_rows, target, call, peer)
        print(f"an empty answer (/healthz): {median([ping() for _ in range(200)]):.2f} ms")
    print(machine())


def _compare(
    name: str, n_rows: int, target: float, ours: Callable[..., float], peer: Callable[..., float]
) -> None:
    for _ in range(10):
        ours(n_rows), peer(n_rows)
    rounds = []
    for _ in range(N_ROUNDS):
        ours_ms, theirs_ms = [], []
        for _ in range(N_TURNS):
            ours_ms += [ours(n_rows) for _ in range(N_CALLS[n_rows])]
            theirs_ms += [peer(n_rows) for _ in range(N_CALLS[n_rows])]
        rounds.append((median(ours_ms), median(theirs_ms)))
    a, b = min(a for a, _ in rounds), min(b for _, b in rounds)
    what = f"G2 {TITLES[name]}, {n_rows} rows: ours {a:.2f} ms, MLflow's server {b:.2f} ms"
    print(verdict(what, b / a, target, "×", at_least=True))


def _published(ours: Server, running: Bench, name: str) -> Version:
    path = running.files[name]
    with staging.receive(ours.reg, ours.actor, path.name) as incoming:
        incoming.write(path.read_bytes())
        draft = publish.examine(ours.reg, ours.actor, incoming.finish().id)
    version = publish.publish(ours.reg, ours.actor, draft.id, Details(name=name.replace("_", " ")))
    checks.run(ours.reg, version.id)
    return versions.get(ours.reg, ours.actor, version.ref)


def _posts(ours: Server, secret: str, version: Version) -> Callable[..., float]:
    """Asks over a connection kept alive, with 1 or 1000 rows; milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=60)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    bodies = {n: json.dumps(_body(version, n)) for n in TARGETS}

    def call(n_rows: int) -> float:
        body = bodies[n_rows]
        started = time.perf_counter()
        connection.request("POST", f"/api/v1/models/{version.model}/predict", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        took = (time.perf_counter() - started) * 1e3
        assert answer.status == 200, said
        return took

    return call


def _body(version: Version, n_rows: int) -> dict[str, object]:
    assert version.schema is not None
    if version.schema.kind == "tensors":
        return {"inputs": {version.schema.tensors[0].name: [[0.5] * 30] * n_rows}}
    columns = [field.name for field in version.schema.fields]
    return {"dataframe_split": {"columns": columns, "data": [[0.5] * len(columns)] * n_rows}}


def _get(ours: Server, path: str) -> Callable[[], float]:
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=60)

    def call() -> float:
        started = time.perf_counter()
        connection.request("GET", path)
        connection.getresponse().read()
        return (time.perf_counter() - started) * 1e3

    return call


if __name__ == "__main__":
    main()

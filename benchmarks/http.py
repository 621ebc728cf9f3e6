"""G2, G4: predictions over HTTP by a token, from our server and from MLflow's own, in turns.

python -m benchmarks.http peers/bin/python      # MLflow's environment, see benchmarks/peers.py
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.harness import UNLIMITED, Server, machine, median, server, verdict
from benchmarks.peers import refresh, served
from benchmarks.predict import TITLES, Bench, bench
from registry import checks, publish, staging, tokens, versions
from registry.records import Details, Field, Version

NAMES = ("logistic", "onnx_logistic")
TARGETS = {1: 1.4, 1000: 3.0, 100_000: 2.0}
MOST_JSON = 10_000  # rows of a call; more go as Arrow
ARROW = "application/vnd.apache.arrow.stream"
N_ROUNDS, N_TURNS = 3, 8
N_CALLS = {1: 15, 1000: 4, 100_000: 1}


# The model asked for the same rows without us: a line in, the milliseconds it took out.
RAW = """
import sys, time
import numpy as np
import pyarrow as pa
path, frame = sys.argv[1], pa.ipc.open_stream(sys.stdin.buffer).read_pandas()
if path.endswith(".onnx"):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    [taken] = session.get_inputs()
    rows = frame.to_numpy(np.float32 if taken.type == "tensor(float)" else np.float64)
    ask = lambda: session.run(None, {taken.name: rows})
else:
    import joblib
    model = joblib.load(path)
    rows = frame if hasattr(model, "feature_names_in_") else frame.to_numpy()
    ask = lambda: model.predict_proba(rows)
for line in sys.stdin.buffer:
    started = time.perf_counter()
    ask()
    print((time.perf_counter() - started) * 1e3, flush=True)
"""


@dataclass
class Side:
    """Who is asked: a call that takes milliseconds, by a number of rows, and its processes."""

    call: Callable[[int], float]
    pid: int

    def cpu_s(self) -> float:
        """Processor time of it and all that came of it."""
        process = psutil.Process(self.pid)
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
        return sum(one.user + one.system for one in times)


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
            VITRINE_MAX_REQUEST_MB="64",
        ) as ours,
        TemporaryDirectory(prefix="vitrine-bench-") as folder,
        ExitStack() as s,
    ):
        secret = tokens.create(ours.reg, ours.actor, "bench", ["predict"], calls=1_000_000)[1]
        ping = _get(ours, "/healthz")
        for name in NAMES:
            version = _published(ours, running, name)
            call = s.enter_context(served(python, running.files[name], Path(folder), name))
            peer = Side(call, call.pid)  # type: ignore[attr-defined]
            for kind in ("application/json", ARROW):
                side = Side(_posts(ours, secret, version, kind), ours.process.pid)
                for n_rows, target in TARGETS.items():
                    if kind == ARROW or n_rows <= MOST_JSON:
                        what = f"{TITLES[name]}, {n_rows:,} rows as {_short(kind)}"
                        _compare(what, n_rows, target, side, peer)
            _against_raw(running, name, version, side)
        version = _published(ours, running, "pipeline")
        call = _posts(ours, secret, version, ARROW)
        _against_raw(running, "pipeline", version, Side(call, ours.process.pid))
        print(f"an empty answer (/healthz): {median([ping() for _ in range(200)]):.2f} ms")
    print(machine())


def _short(kind: str) -> str:
    return "Arrow" if kind == ARROW else "JSON"


def _compare(what: str, n_rows: int, target: float, ours: Side, peer: Side) -> None:
    for _ in range(10 if n_rows <= MOST_JSON else 1):
        ours.call(n_rows), peer.call(n_rows)
    rounds = []
    cpu_ms: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(N_ROUNDS):
        ms: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(N_TURNS if n_rows <= MOST_JSON else 2):
            for who, side in (("ours", ours), ("theirs", peer)):
                before = side.cpu_s()
                ms[who] += [side.call(n_rows) for _ in range(N_CALLS[n_rows])]
                cpu_ms[who].append((side.cpu_s() - before) * 1e3 / N_CALLS[n_rows])
        rounds.append((median(ms["ours"]), median(ms["theirs"])))
    a, b = min(a for a, _ in rounds), min(b for _, b in rounds)
    mean = {who: sum(some) / len(some) for who, some in cpu_ms.items()}
    cpu = f"processor {mean['ours']:.1f} and {mean['theirs']:.1f} ms a call"
    said = f"G2 {what}: ours {a:.2f} ms, MLflow's server {b:.2f} ms by JSON; {cpu}"
    print(verdict(said, b / a, target, "×", at_least=True), flush=True)


def _against_raw(running: Bench, name: str, version: Version, ours: Side) -> None:
    """G4: 100,000 rows as Arrow against the same call in a process of its own, with one thread."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RAW, str(running.files[name])]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe) as raw:
        assert raw.stdin is not None
        assert raw.stdout is not None
        raw.stdin.write(_stream(version, 100_000))
        rounds = []
        for _ in range(5):
            raw.stdin.write(b"\n")
            raw.stdin.flush()
            rounds.append((ours.call(100_000), float(raw.stdout.readline())))
        raw.stdin.close()
    a, b = min(a for a, _ in rounds), min(b for _, b in rounds)
    what = f"G4 {TITLES[name]}, 100,000 rows: Arrow over HTTP {a:.1f} ms, raw {b:.1f} ms"
    print(verdict(what, a / b, 1.15, "× raw"), flush=True)


def _published(ours: Server, running: Bench, name: str) -> Version:
    path = running.files[name]
    with staging.receive(ours.reg, ours.actor, path.name) as incoming:
        incoming.write(path.read_bytes())
        draft = publish.examine(ours.reg, ours.actor, incoming.finish().id)
    version = publish.publish(ours.reg, ours.actor, draft.id, Details(name=name.replace("_", " ")))
    checks.run(ours.reg, version.id)
    return versions.get(ours.reg, ours.actor, version.ref)


def _posts(ours: Server, secret: str, version: Version, kind: str) -> Callable[[int], float]:
    """Asks over a connection kept alive, with so many rows; milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=60)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": kind, "Accept": kind}
    body_of = _stream if kind == ARROW else _body
    bodies = {n: body_of(version, n) for n in TARGETS if kind == ARROW or n <= MOST_JSON}

    def call(n_rows: int) -> float:
        body = bodies[n_rows]
        refresh(connection)
        started = time.perf_counter()
        connection.request("POST", f"/api/v1/models/{version.model}/predict", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        took = (time.perf_counter() - started) * 1e3
        assert answer.status == 200, said
        return took

    return call


def _body(version: Version, n_rows: int) -> bytes:
    assert version.schema is not None
    body: dict[str, object]
    if version.schema.kind == "tensors":
        body = {"inputs": {version.schema.tensors[0].name: [[0.5] * 30] * n_rows}}
    else:
        columns = [field.name for field in version.schema.fields]
        data = [[0.5] * len(columns)] * n_rows
        body = {"dataframe_split": {"columns": columns, "data": data}}
    return json.dumps(body).encode()


def _stream(version: Version, n_rows: int) -> bytes:
    import numpy as np
    import pyarrow as pa

    assert version.schema is not None
    tensors = version.schema.tensors
    dtype = tensors[0].dtype if tensors else "float64"
    columns: dict[str, object] = {f.name: _value(f) for f in version.schema.fields}
    columns = columns or dict.fromkeys((f"x{n}" for n in range(30)), 0.5)
    table = pa.table(
        {
            name: np.full(n_rows, value, dtype if isinstance(value, float) else None)
            for name, value in columns.items()
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _value(field: Field) -> object:
    """One that the column takes."""
    if field.categories:
        return field.categories[0]
    return 1 if field.type in ("integer", "long") else 0.5


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

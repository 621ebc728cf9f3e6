"""G3: one row by a library call into our worker against MLflow's own server.

MLflow lives in an environment of its own:

    make peers
    python -m benchmarks.peers peers/bin/python
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import free_port, machine, median, verdict
from benchmarks.predict import TITLES, Bench, bench

TARGETS = {"logistic": 4, "onnx_logistic": 8}
N_ROUNDS, N_TURNS, N_CALLS, START_S = 3, 10, 15, 180
# In MLflow's environment: the same file as an MLflow model, saved as MLflow saves by default.
SAVE = """
import sys
source, target = sys.argv[1:]
if source.endswith(".onnx"):
    import mlflow.onnx, onnx
    mlflow.onnx.save_model(onnx.load(source), target)
else:
    import joblib, mlflow.sklearn
    mlflow.sklearn.save_model(joblib.load(source), target)
"""


def main() -> None:
    python = sys.argv[1] if len(sys.argv) > 1 else "peers/bin/python"
    if not Path(python).exists():
        print(f"left out: no MLflow at {python}; benchmarks/peers.py says how to get it")
        return
    print(machine())
    with (
        bench() as running,
        TemporaryDirectory(prefix="vitrine-bench-") as folder,
        ExitStack() as s,
    ):
        peers = {
            name: s.enter_context(served(python, running.files[name], Path(folder), name))
            for name in TARGETS
        }
        for name, target in TARGETS.items():
            _compare(running, peers[name], name, target)
    print(machine())


def _compare(running: Bench, peer: Callable[[], float], name: str, target: float) -> None:
    for _ in range(20):
        peer(), running.pool_ms(name)
    rounds = []
    for _ in range(N_ROUNDS):
        ours_ms, theirs_ms = [], []
        for _ in range(N_TURNS):  # a few calls each in turn: neither always finds cold caches
            ours_ms += [running.pool_ms(name) for _ in range(N_CALLS)]
            theirs_ms += [peer() for _ in range(N_CALLS)]
        rounds.append((median(ours_ms), median(theirs_ms)))
    ours, theirs = min(a for a, _ in rounds), min(b for _, b in rounds)
    what = f"G3 {TITLES[name]}: our call {ours:.2f} ms, MLflow's server {theirs:.2f} ms"
    print(verdict(what, theirs / ours, target, "×", at_least=True))


@contextmanager
def served(python: str, source: Path, folder: Path, name: str) -> Iterator[Callable[..., float]]:
    """Rows of 30 numbers to `mlflow models serve` over a connection kept alive; milliseconds."""
    target, port = folder / name, free_port()
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    env["PATH"] = f"{Path(python).absolute().parent}:{env['PATH']}"
    quiet = {"env": env, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    absolute = str(Path(python).absolute())
    subprocess.run([absolute, "-c", SAVE, str(source), str(target)], check=True, **quiet)
    serve = [absolute, "-m", "mlflow", "models", "serve", "-m", str(target), "-p", str(port)]
    child = subprocess.Popen([*serve, "--env-manager", "local"], start_new_session=True, **quiet)
    try:
        connection = _connected(port, child)
        bodies = {n: json.dumps({"inputs": [[0.5] * 30] * n}) for n in (1, 1000)}

        def call(n_rows: int = 1) -> float:
            row = bodies[n_rows]
            started = time.perf_counter()
            connection.request("POST", "/invocations", row, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            took = (time.perf_counter() - started) * 1e3
            assert answer.status == 200, said
            return took

        yield call
    finally:
        os.killpg(child.pid, 9)
        child.wait()


def _connected(port: int, child: subprocess.Popen[bytes]) -> http.client.HTTPConnection:
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/ping")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.2)
            continue
        connection.close()  # it would not outlast the start of the next server; a request reopens
        return connection
    raise TimeoutError("MLflow's server did not start")


if __name__ == "__main__":
    main()

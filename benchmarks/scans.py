"""A 500 MB joblib scanned by us and by fickling, in turn, each in a fresh process.

fickling lives in an environment of its own:

    make peers
    python -m benchmarks.scans peers/bin/python
"""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import ROOT, machine, median, verdict

MB, SIZE_MB, N_ROUNDS, TIMEOUT_S = 1 << 20, 500, 3, 300
Run = tuple[float, float, int, str]
# Both print seconds, the peak of memory in MB, how much of the file was read, and the verdict.
_PEAK = """
import json, os, sys, time
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
"""
OURS = f"""{_PEAK}
from registry import scanners
scanners.get("pickles"), scanners.get("zips")
before, started = peak(), time.perf_counter()
with open(sys.argv[1], "rb") as file:
    report = scanners.scan(file, "sklearn")
    read = file.tell()
took = time.perf_counter() - started
print(json.dumps([took, peak() - before, read, report.verdict]))
"""
THEIRS = f"""{_PEAK}
from fickling.analysis import check_safety
from fickling.fickle import StackedPickle
before, started = peak(), time.perf_counter()
with open(sys.argv[1], "rb") as file:
    found = StackedPickle.load(file, fail_on_decode_error=False)  # as its scan_file does
    said = max(check_safety(one).severity for one in found).name
    read = file.tell()
took = time.perf_counter() - started
print(json.dumps([took, peak() - before, read, said]))
"""


def main() -> None:
    python = sys.argv[1] if len(sys.argv) > 1 else "peers/bin/python"
    if not Path(python).exists():
        print(f"left out: no fickling at {python}; benchmarks/scans.py says how to get it")
        return
    print(machine())
    with TemporaryDirectory(prefix="vitrine-bench-") as folder:
        for path in (_arrays(Path(folder)), *_forest(Path(folder))):
            _compare(path, python)
    print(machine())


def _compare(path: Path, python: str) -> None:
    ours, theirs = [], []
    for _ in range(N_ROUNDS):
        ours.append(_run(sys.executable, OURS, path))
        theirs.append(_run(python, THEIRS, path))
    size = path.stat().st_size
    (mine, memory, read, said), (other, memory_2, read_2, said_2) = map(_middle, (ours, theirs))
    print(f"{path.name}, {size / MB:.0f} MB: ours {mine:.2f} s, {said}; fickling {other:.2f} s,")
    print(f"   {said_2}, after {read_2 / size:.0%} of the file, {memory_2:.0f} MB")
    ratio = (read / mine) / (read_2 / other)
    print(verdict("   bytes scanned a second against fickling", ratio, 3, "×", at_least=True))
    print(verdict("   memory above the imports", memory, 64, "MB"))
    assert read == size, "ours stopped early"


def _middle(runs: list[Run]) -> Run:
    seconds, memory = (median([run[i] for run in runs]) for i in (0, 1))
    return seconds, memory, *runs[0][2:]


def _run(python: str, code: str, path: Path) -> Run:
    done = subprocess.run(
        [python, "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    seconds, memory, read, said = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), float(memory), int(read), str(said)


def _arrays(folder: Path) -> Path:
    """A nearest-neighbours model: a few large arrays."""
    import joblib
    import numpy as np
    from sklearn.neighbors import KNeighborsRegressor

    rows = np.random.default_rng(0).random((SIZE_MB * MB // 8 // 61, 60))
    path = folder / "arrays.joblib"
    joblib.dump(KNeighborsRegressor(algorithm="brute").fit(rows, rows[:, 0]), path)
    return path


def _forest(folder: Path) -> list[Path]:
    """A forest, by joblib and by pickle: many arrays of middling size, each with its own header."""
    import joblib
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    drawn = np.random.default_rng(0)
    forest = RandomForestClassifier(4, random_state=0)
    forest.fit(drawn.random((60_000, 10)), drawn.integers(0, 2, 60_000))
    path = folder / "forest.joblib"
    joblib.dump(forest, path)
    times = max(1, round(SIZE_MB * MB / path.stat().st_size))
    trees = [copy.deepcopy(tree) for _ in range(times) for tree in forest.estimators_]
    forest.estimators_, forest.n_estimators = trees, len(trees)
    joblib.dump(forest, path)
    plain = folder / "forest.pkl"
    plain.write_bytes(pickle.dumps(forest))
    return [path, plain]


if __name__ == "__main__":
    main()

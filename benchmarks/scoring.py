"""G13: a million rows of 30 columns scored in the background, beside bare loops of one process.

The bare loops run in a process of their own, in turn with ours: both read the CSV in chunks and
predict labels and probabilities. One writes the rows with the answers behind them, as Vitrine does;
the other, with less to do, writes the answers alone.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median

from benchmarks.harness import Peak, fresh_home, machine, python, stage, verdict
from registry import checks, publish, scoring, scorings
from registry.core import Registry
from registry.records import Actor, Details

N_ROWS, N_COLUMNS, N_ROUNDS = 1_000_000, 30, 3
MAKE = f"""
import sys
from pathlib import Path
import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
rng = np.random.default_rng(0)
folder = Path(sys.argv[1])
names = [f"c{{n}}" for n in range({N_COLUMNS})]
weights = rng.normal(size={N_COLUMNS})
def rows(n):
    frame = pd.DataFrame(rng.normal(size=(n, {N_COLUMNS})).round(6), columns=names)
    return frame, np.where(frame.to_numpy() @ weights > 0, "yes", "no")
train, labels = rows(5_000)
joblib.dump(LogisticRegression().fit(train, labels), folder / "logistic.joblib")
forest = RandomForestClassifier(20, max_depth=8, random_state=0).fit(train, labels)
joblib.dump(forest, folder / "forest.joblib")
with open(folder / "rows.csv", "w") as file:
    for n in range({N_ROWS} // 50_000):
        rows(50_000)[0].to_csv(file, index=False, header=n == 0)
"""
RAW = """
import json, sys, time
import joblib, numpy as np, pandas as pd
model = joblib.load(sys.argv[1])
whole = sys.argv[4] == "whole"
started, n = time.perf_counter(), 0
with open(sys.argv[3], "w") as file:
    for chunk in pd.read_csv(sys.argv[2], chunksize=20_000):
        shares = model.predict_proba(chunk)
        said = model.classes_[shares.argmax(axis=1)]
        beside = {"prediction": said}
        beside |= {f"probability_{c}": shares[:, k] for k, c in enumerate(model.classes_)}
        beside = pd.DataFrame(beside, index=chunk.index)
        out = pd.concat([chunk, beside], axis=1) if whole else beside
        out.to_csv(file, index=False, header=n == 0)
        n += len(chunk)
print(json.dumps(time.perf_counter() - started))
"""


def main() -> None:
    print(machine())
    with fresh_home() as (reg, actor, folder):
        python(MAKE, str(folder))
        for model in ("logistic", "forest"):
            _compare(reg, actor, folder, model)


def _compare(reg: Registry, actor: Actor, folder: Path, name: str) -> None:
    file, rows = folder / f"{name}.joblib", folder / "rows.csv"
    draft = publish.examine(reg, actor, stage(reg, actor, file))
    version = publish.publish(reg, actor, draft.id, Details(name=name))
    checks.run(reg, version.id)
    size_mb = rows.stat().st_size / 1e6
    print(f"{name}: {N_ROWS:,} rows of {N_COLUMNS} columns, {size_mb:.0f} MB")
    ours: list[float] = []
    grown: list[float] = []
    raw: dict[str, list[float]] = {"whole": [], "answers": []}
    for _ in range(N_ROUNDS):
        took, growth = _ours(reg, actor, rows, version.ref)
        ours.append(took)
        grown.append(growth)
        for kind, times in raw.items():
            out = folder / "raw.csv"
            times.append(json.loads(python(RAW, str(file), str(rows), str(out), kind)))
        print(f"{name}: {took:.1f} s, bare {raw['whole'][-1]:.1f} s, bare without the rows "
              f"{raw['answers'][-1]:.1f} s, memory +{growth:.0f} MB")  # fmt: skip
    print(f"{name}: {N_ROWS / median(ours):,.0f} rows/s, bare "
          f"{N_ROWS / median(raw['whole']):,.0f}, without the rows "
          f"{N_ROWS / median(raw['answers']):,.0f}")  # fmt: skip
    for kind, said in (("whole", "rows and answers"), ("answers", "answers alone")):
        ratio = median(raw[kind]) / median(ours)
        print(verdict(f"{name}: rows per second against a bare loop that writes {said}", ratio,
                      0.9, "×", at_least=True))  # fmt: skip
    print(verdict(f"{name}: growth of the server's memory", max(grown), 100, "MB"))


def _ours(reg: Registry, actor: Actor, rows: Path, ref: str) -> tuple[float, float]:
    """Seconds of the job, and the memory by which this process grew meanwhile."""
    scoring_id = scoring.start(reg, actor, ref, stage(reg, actor, rows))
    peak, started = Peak(), time.perf_counter()
    peak.start()
    scoring.run(reg, scoring_id)
    took = time.perf_counter() - started
    peak.over.set()
    found = scorings.get(reg, actor, scoring_id)
    assert (found.n_rows, found.n_bad, found.state) == (N_ROWS, 0, "done"), found
    scorings.remove(reg, actor, scoring_id)
    return took, peak.most - peak.before


if __name__ == "__main__":
    main()

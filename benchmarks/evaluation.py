"""1,000,000 labelled rows of 30 columns: evaluated here, and by a bare loop, in turn.

The bare loop is what a script does: `read_csv` in chunks and `predict`, in one process. Ours reads
the same file in one worker, asks the model in another, and the process of the server holds no more
than a batch.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Peak, fresh_home, machine, median, python, stage, verdict
from registry import checks, datasets, evaluating, evaluations, publish, results
from registry.core import Registry
from registry.records import Actor, Details

N_ROWS, N_COLUMNS, N_ROUNDS = 1_000_000, 30, 3
MAKE = f"""
import sys, joblib, numpy as np, pyarrow as pa, pyarrow.csv
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
import pandas as pd
n, k, folder = {N_ROWS}, {N_COLUMNS}, sys.argv[1]
chance = np.random.default_rng(0)
values = chance.standard_normal((n, k)).round(4)
noise = chance.standard_normal(n)
label = np.where(values[:, :5].sum(axis=1) + noise > 0, "yes", "no")
names = [f"c{{i}}" for i in range(k)]
columns = {{name: values[:, i] for i, name in enumerate(names)}}
pa.csv.write_csv(pa.table({{**columns, "label": label}}), f"{{folder}}/rows.csv")
head = pd.DataFrame(values[:5000], columns=names)
for name, model in (("logistic", LogisticRegression()),
                    ("forest", RandomForestClassifier(20, max_depth=8, random_state=0))):
    joblib.dump(model.fit(head, label[:5000]), f"{{folder}}/{{name}}.joblib")
"""
RAW = """
import json, sys, time, joblib, pandas as pd
model = joblib.load(sys.argv[1])
started, right, n = time.perf_counter(), 0, 0
for chunk in pd.read_csv(sys.argv[2], chunksize=20_000):
    label = chunk.pop("label")
    right += int((model.predict(chunk) == label).sum())
    n += len(chunk)
print(json.dumps([time.perf_counter() - started, right / n]))
"""


def main() -> None:
    print(machine())
    with fresh_home() as (reg, actor, folder):
        python(MAKE, str(folder))
        _compare(reg, actor, folder)


def _compare(reg: Registry, actor: Actor, folder: Path) -> None:
    started = time.perf_counter()
    dataset = datasets.add(reg, actor, stage(reg, actor, folder / "rows.csv"))
    size_mb = dataset.size_bytes / 1e6
    print(f"{dataset.n_rows:,} rows, {size_mb:.0f} MB, stored in "
          f"{time.perf_counter() - started:.1f} s")  # fmt: skip
    for name in ("logistic", "forest"):
        staged = stage(reg, actor, folder / f"{name}.joblib")
        draft = publish.examine(reg, actor, staged)
        version = publish.publish(reg, actor, draft.id, Details(name=name))
        checks.run(reg, version.id)
        ours, raw, grown = [], [], []
        for _ in range(N_ROUNDS):
            answered, total, growth, score = _ours(reg, actor, dataset.id, version.ref)
            bare, their_score = json.loads(python(RAW, str(folder / f"{name}.joblib"),
                                                   str(folder / "rows.csv")))  # fmt: skip
            assert abs(score - their_score) < 1e-9, (score, their_score)
            ours.append(answered)
            raw.append(bare)
            grown.append(growth)
            print(f"{name}: answered {answered:.1f} s, judged and kept {total - answered:.1f} s, "
                  f"bare {bare:.1f} s, memory +{growth:.0f} MB")  # fmt: skip
        ratio = median(raw) / median(ours)
        print(f"{name}: {N_ROWS / median(ours):,.0f} rows/s, bare {N_ROWS / median(raw):,.0f}")
        print(verdict(f"{name}: rows per second against the bare loop", ratio, 0.7, "×",
                      at_least=True))  # fmt: skip
        print(verdict(f"{name}: growth of the server's memory", max(grown), 100, "MB"))


def _ours(
    reg: Registry, actor: Actor, dataset_id: str, ref: str
) -> tuple[float, float, float, float]:
    """Seconds until every row was answered, until all was done; memory grown; accuracy."""
    evaluation_id = evaluations.start(reg, actor, dataset_id, [ref], "label", "classification")
    peak, started = Peak(), time.perf_counter()
    answered: list[float] = []
    outcome: Any = evaluating._outcome

    def noted(*given: Any) -> Any:
        answered.append(time.perf_counter() - started)
        return outcome(*given)

    evaluating._outcome = noted
    peak.start()
    evaluating.run(reg, evaluation_id)
    total = time.perf_counter() - started
    evaluating._outcome = outcome
    peak.over.set()
    quality = results.get(reg, actor, evaluation_id).versions[0].quality
    assert quality
    score = next(m.value for m in quality.metrics if m.name == "accuracy_score")
    return answered[0], total, peak.most - peak.before, score


if __name__ == "__main__":
    main()

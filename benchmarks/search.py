"""G10: finding models among 20,000 by metric, by column and by facet, and counting the facets.

`python -m benchmarks.search [FOLDER]` keeps the registry in FOLDER, to measure two states of the
code on the same rows.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from benchmarks.harness import PASSWORD, machine, median, verdict
from registry import accounts, search, tables
from registry.core import Registry, open_registry
from registry.records import Actor
from registry.settings import Settings

MODELS, COLUMNS, TAKEN, ROUNDS = 20_000, 3_000, 30, 5
QUERIES = (
    "",
    "metric.f1>0.5",
    "metric.f1>0.99",
    "metric.f1>0.9 metric.rmse<0.1",
    "feature:column_7",
    "feature:nothing",
    "metric.f1>0.5 feature:column_7",
    "metric.f1>0.5 framework:onnx tag:team_3",
)
_METRICS = ("f1", "accuracy", "rmse")


def fill(reg: Registry, actor: Actor) -> None:
    """Two versions each, with three metrics and a schema of 30 out of 3,000 columns."""
    draw = random.Random(7)
    with reg.writing() as s:
        for first in range(0, MODELS, 1000):
            rows: dict[Any, list[dict[str, Any]]] = {}
            for n in range(first, first + 1000):
                _add(rows, actor, n, draw)
            for table, some in rows.items():
                s.execute(insert(table), some)
        s.execute(text("ANALYZE"))


def _add(rows: dict[Any, list[dict[str, Any]]], actor: Actor, n: int, draw: random.Random) -> None:
    framework = draw.choice(["scikit-learn", "PyTorch", "ONNX"])
    model: dict[str, Any] = {"id": f"{n:032x}", "owner_id": actor.id, "slug": f"model-{n}"}
    model |= {"name": f"Model {n}", "task": "classification", "primary_metric": "f1"}
    model |= {"head_number": 2, "n_versions": 2, "next_number": 3, "head_status": "ready"}
    model |= {"head_framework": framework, "head_format": "sklearn"}
    rows.setdefault(tables.ModelRow, []).append(model)
    tag = {"model_id": model["id"], "tag": f"team_{n % 10}"}
    rows.setdefault(tables.TagRow, []).append(tag)
    for number in (1, 2):
        version_id = f"{number}{n:031x}"
        names = draw.sample(range(COLUMNS), TAKEN)
        fields = [{"name": f"column_{column}", "type": "double"} for column in names]
        version = {"id": version_id, "model_id": model["id"], "number": number, "status": "ready"}
        version |= {"schema": {"kind": "table", "fields": fields, "outputs": []}}
        rows.setdefault(tables.VersionRow, []).append(version)
        rows.setdefault(tables.MetricRow, []).extend(
            {"version_id": version_id, "name": name, "value": draw.random()} for name in _METRICS
        )
    if hasattr(tables, "FeatureRow"):
        model["head_id"] = version_id
        rows.setdefault(tables.FeatureRow, []).extend(
            {"model_id": model["id"], "name": field["name"]} for field in fields
        )


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as made:
        home = Path(sys.argv[1] if len(sys.argv) > 1 else made)
        reg = open_registry(Settings(home=home, _env_file=None, standby_workers=False))
        actor = _opened(reg)
        for query in QUERIES:
            wanted = search.parse(query)
            found = search.find_models(reg, actor, wanted).total
            lists = _timed(lambda q=wanted: search.find_models(reg, actor, q))  # type: ignore[misc]
            counts = _timed(lambda q=wanted: search.facets(reg, actor, q))  # type: ignore[misc]
            print(verdict(f"{query!r}, {found} models: list", lists, 100, "ms"))
            print(verdict(f"{query!r}, {found} models: facets", counts, 250, "ms"))
        reg.close()
    print(machine())


def _opened(reg: Registry) -> Actor:
    if not accounts.needs_first_admin(reg):
        return accounts.sign_in(reg, "tester", PASSWORD)
    actor = accounts.create_user(
        reg,
        username="tester",
        name="Tester",
        email="tester@example.org",
        password=PASSWORD,
        role="author",
    )
    fill(reg, actor)
    return actor


def _timed(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1e3)
    return median(times)


if __name__ == "__main__":
    main()

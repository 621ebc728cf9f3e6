"""G8: a name compared with those of 100,000 models that the person may see; all of them compared.

`python -m benchmarks.names` fills a registry of its own. Measured is the time of the processor.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert

from benchmarks.harness import PASSWORD, machine, median, verdict
from registry import accounts, models, names
from registry.confusing import key_of
from registry.core import open_registry
from registry.settings import Settings
from registry.tables import ModelRow

MODELS, BLOCK, ROUNDS = 100_000, 5_000, 5
_WORDS = "churn fraud iris wine price text image speech sales risk click route heart energy".split()
_MORE = "net forest ranker model scorer finder classifier regressor tuned small large fast".split()


def main() -> None:
    print(machine())
    draw = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as home:
        reg = open_registry(Settings(home=Path(home), _env_file=None, standby_workers=False))
        who = {"username": "tester", "name": "Tester", "email": "tester@example.org"}
        admin = accounts.create_user(reg, **who, password=PASSWORD, role="admin")
        for first in range(0, MODELS, BLOCK):
            rows = []
            for n in range(first, first + BLOCK):
                name = f"{draw.choice(_WORDS)} {draw.choice(_MORE)} {n}"
                row = {"id": f"{n:032x}", "owner_id": admin.id, "slug": name.replace(" ", "-")}
                rows.append(row | {"name": name, "name_key": key_of(name), "visibility": "public"})
            with reg.writing() as s:
                s.execute(insert(ModelRow), rows)
        for name in ("churn forest 777", "churn forets", "something else altogether"):
            times = [_timed(lambda n=name: models.similar(reg, admin, n)) for _ in range(ROUNDS)]  # type: ignore[misc]
            took = median(times)
            print(verdict(f"{name!r} among {MODELS:,} names", took, 500, "ms"))
        took = median([_timed(lambda: names.suspicious(reg, admin)) for _ in range(3)])
        print(verdict(f"pairs among {MODELS:,} names", took / 1e3, 10, "s"))
        reg.close()
    print(machine())


def _timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e3


if __name__ == "__main__":
    main()

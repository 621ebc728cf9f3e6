"""G5: verifying 100,000 audit lines, reading a filtered page of them, exporting them.

`python -m benchmarks.audit` fills a registry of its own. Exports are measured in
time of the processor.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import PASSWORD, machine, median, verdict
from registry import accounts, audit, audit_lines
from registry.core import open_registry
from registry.records import AuditFilter
from registry.settings import Settings

LINES, BLOCK, ROUNDS = 100_000, 1_000, 5


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as home:
        reg = open_registry(Settings(home=Path(home), _env_file=None, standby_workers=False))
        who = {"username": "tester", "name": "Tester", "email": "tester@example.org"}
        admin = accounts.create_user(reg, **who, password=PASSWORD, role="admin")
        for first in range(0, LINES, BLOCK):
            with reg.writing() as s:
                for n in range(first, first + BLOCK):
                    action = ("model.edit", "version.add", "alias.move")[n % 3]
                    audit.record(s, admin, action, f"tester/model-{n}@1", model_id=f"{n:032x}", n=n)
        head = audit.head(reg)
        whole = median([_timed(lambda: audit.verify(reg, head)) for _ in range(ROUNDS)])
        assert audit.verify(reg, head) is None
        print(verdict(f"{LINES:,} audit lines verified", whole / 1e3, 10, "s"))
        for name, wanted in {
            "everything": AuditFilter(),
            "one action": AuditFilter(action="alias.move"),
            "text": AuditFilter(text="model-777"),
        }.items():
            page = median(
                [_timed(lambda w=wanted: audit_lines.find(reg, admin, w)) for _ in range(ROUNDS)]  # type: ignore[misc]
            )
            print(verdict(f"a page of them, {name}", page, 250, "ms"))
        for kind in audit_lines.KINDS:
            made = _busy(lambda k=kind: audit_lines.export(reg, admin, AuditFilter(), k))  # type: ignore[misc]
            print(verdict(f"all of them as {kind}", made / 1e3, 10, "s"))
        reg.close()
    print(machine())


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def _busy(work: Callable[[], object]) -> float:
    """Milliseconds of the processor."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e3


if __name__ == "__main__":
    main()

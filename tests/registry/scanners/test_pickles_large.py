"""Large pickles: the scan is as fast as reading allows, and its memory stays flat."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import joblib
import numpy as np
import pytest

from tests.house_rules import ROOT

CODE = """
    import json, sys, time
    from registry import formats, scanners
    def peak():
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))
    with open(sys.argv[1], "rb") as file:
        found, before, started = formats.detect(file, sys.argv[1]), peak(), time.process_time()
        report = scanners.scan(file, found)
    seconds = time.process_time() - started
    print(json.dumps({"verdict": report.verdict, "cpu_s": seconds, "grown_mb": peak() - before}))
"""


@pytest.mark.long
@pytest.mark.parametrize("compress", [0, 3])
def test_memory_stays_flat_over_500_mb(compress: int, tmp_path: Path) -> None:
    path = tmp_path / "large.joblib"
    rng = np.random.default_rng(0)
    size = 62_500_000 if compress == 0 else 12_500_000
    joblib.dump([rng.normal(size=size // 10) for _ in range(10)], path, compress=compress)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CODE), str(path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    print(f"{path.stat().st_size >> 20} MB: {told}")
    assert told["verdict"] == "clean"
    assert told["grown_mb"] < 50

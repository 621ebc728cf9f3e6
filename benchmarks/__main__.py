"""Run every benchmark, one after another: `python -m benchmarks [name …]`."""

from __future__ import annotations

import runpy
import sys

NAMES = (
    "predict",
    "cold",
    "lockdown",
    "neighbours",
    "peers",
    "http",
    "scans",
    "upload",
    "api",
    "versions",
    "search",
    "screens",
    "evaluation",
    "scoring",
    "visitors",
)

wanted, sys.argv[1:] = sys.argv[1:], []
for name in wanted or NAMES:
    print(f"\n== {name}")
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")

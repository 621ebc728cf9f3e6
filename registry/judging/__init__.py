"""How good answers are: pure numbers in, records out. Runs inside a locked worker."""

from __future__ import annotations

from registry.judging.paired import changed, pair
from registry.judging.quality import judge

__all__ = ["changed", "judge", "pair"]

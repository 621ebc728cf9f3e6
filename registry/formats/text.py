"""Hostile text made showable, and findings said in three parts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from registry.records import Finding, FindingLevel

MAX_TEXT = 200
MAX_FEATURES = 10_000
MAX_DEPTH = 6
_INVISIBLE = {
    *range(0x20), *range(0x7F, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F),
    *range(0x2060, 0x206A), 0xFEFF, *range(0xD800, 0xE000),
}  # fmt: skip
# What a sheet takes for a formula. Source: OWASP, "CSV Injection".
FORMULA = r"^ *[=+\-@\t\r\n＝＋－＠]"
NUMBER = r"^ *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_FORMULA, _NUMBER = re.compile(FORMULA), re.compile(NUMBER)
UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069]"
)


def clean(value: object, limit: int = MAX_TEXT) -> str:
    """Text from a file without control, direction or lone surrogate characters, shortened."""
    text = value if isinstance(value, str) else str(value)
    shown = "".join("�" if ord(c) in _INVISIBLE else c for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def guarded(cell: Any) -> Any:
    """A cell that no sheet runs: text that looks like a formula begins with an apostrophe."""
    if not isinstance(cell, str):
        return cell
    seen = UNSEEN.sub("", cell)
    return f"'{seen}" if _FORMULA.match(seen) and not _NUMBER.match(seen) else seen


def unique(names: Iterable[str]) -> list[str]:
    """The names, a repeated one with a number behind it."""
    seen: set[str] = set()
    result = []
    for name in names:
        shown, n = name, 2
        while shown in seen:
            shown, n = f"{name}_{n}", n + 1
        seen.add(shown)
        result.append(shown)
    return result


def plain(value: object, depth: int = 0) -> Any:
    """A value as JSON data: containers are cut at 50 entries and a few levels, text is cleaned."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else clean(hex(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return clean(value)
    if depth < MAX_DEPTH and isinstance(value, dict):
        return {clean(k): plain(v, depth + 1) for k, v in list(value.items())[:50]}
    if depth < MAX_DEPTH and isinstance(value, (list, tuple)):
        return [plain(v, depth + 1) for v in value[:50]]
    return f"<{clean(type(value).__name__)}>"


def finding(level: FindingLevel, rule: str, what: str, why: str = "", todo: str = "") -> Finding:
    """A finding whose parts are safe to show."""
    return Finding(level, rule, clean(what, 500), clean(why, 500), clean(todo, 500))


def refusal(what: str, why: str, todo: str) -> str:
    """The three parts of a refusal as one message."""
    return f"{clean(what, 300)}. {clean(why, 300)}. {clean(todo, 300)}."


def rounded(value: float) -> float:
    """Four significant digits: a default that reads well in a form."""
    return float(f"{value:.4g}")

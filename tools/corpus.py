"""Writes the table of hostile techniques, and what becomes of each, into docs/security.md.

`python -m tools.corpus` builds every file of the corpora in `tests/makers`, has it inspected and
scanned as an upload would be (nothing is executed), and writes what came of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from registry import formats, scanners
from registry.errors import RegistryError
from registry.records import Verdict

PAGE = Path(__file__).resolve().parent.parent / "docs/security.md"
BETWEEN = re.compile(r"(?<=<!-- corpus -->\n).*?(?=<!-- /corpus -->)", re.DOTALL)
Maker = Callable[[Path], Path]
Judged = tuple[Verdict, str, str]
"""Verdict, rule ("" = nothing was said), and the format it was taken for ("" = none)."""

_HOSTILE = ("tests.makers.hostile_pickles", "tests.makers.hostile_files")
_OPTIONAL = ("xgboost", "lightgbm")
_WORDS: dict[Verdict, str] = {"refuse": "refused", "quarantine": "quarantined", "clean": "CLEAN"}


def techniques() -> dict[str, Maker]:
    """Every hostile technique: name to maker."""
    found: dict[str, Maker] = {}
    for name in _HOSTILE:
        if importlib.util.find_spec(name):
            found |= importlib.import_module(name).TECHNIQUES
    return found


def models() -> dict[str, Maker]:
    """Every honest model: name to maker, without those of libraries that are optional."""
    made: dict[str, Maker] = importlib.import_module("tests.makers.benign").MODELS
    return {name: maker for name, maker in made.items() if not name.startswith(_OPTIONAL)}


def verdict(path: Path) -> Judged:
    """What becomes of a file."""
    with path.open("rb") as file:
        try:
            found = formats.inspect(file, path.name)
        except RegistryError as refused:
            return "refuse", type(refused).__name__, ""
        report = scanners.scan(file, found.format)
    said = [f.rule for f in (*report.findings, *found.findings) if f.level != "info"]
    worst = report.worst.rule if report.worst else ""
    return report.verdict, worst or next(iter(said), ""), found.format


def judged(makers: dict[str, Maker]) -> dict[str, Judged]:
    """The verdict on every file of a corpus."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {}
        for name, maker in makers.items():
            room = Path(folder) / name
            room.mkdir()
            found[name] = verdict(maker(room))
    return found


def table(hostile: dict[str, Judged], honest: dict[str, Judged]) -> str:
    """Both corpora as Markdown."""
    clean = Counter(formats for verdict, _, formats in honest.values() if verdict == "clean")
    listed = ", ".join(f"{name} {n}" for name, n in sorted(clean.items()))
    stopped = sum(said != "clean" for said, *_ in hostile.values())
    lines = [
        f"{clean.total()} of {len(honest)} honest models pass without a word ({listed}); "
        f"{stopped} of {len(hostile)} hostile files do not:",
        "",
        "| technique | what it is | what becomes of it |",
        "|---|---|---|",
    ]
    for name, maker in techniques().items():
        what = (maker.__doc__ or "").partition("\n")[0].rstrip(".").replace("|", "\\|")
        said, rule, _ = hostile[name]
        lines.append(f"| `{name}` | {what} | {_WORDS[said]}: {rule} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table."""
    text = PAGE.read_text()
    made = table(judged(techniques()), judged(models()))
    PAGE.write_text(BETWEEN.sub(lambda _: made, text))


if __name__ == "__main__":
    main()

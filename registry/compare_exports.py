"""A comparison as a file: CSV for sheets, Markdown for notes, one HTML page for people."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable, Iterator

from registry.comparison import Cell
from registry.formats.text import UNSEEN, guarded
from registry.records import Comparison, MetricLine

_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:@&^=])")
_TITLES = {
    "facts": "Facts",
    "parameters": "Parameters",
    "schema": "Schema",
    "requirements": "Requirements",
    "files": "Files and digests",
    "tags": "Tags",
    "findings": "Scan findings",
    "benchmark": "Benchmark",
}
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1.25rem }
.wide { overflow-x: auto } table { border-collapse: collapse; margin: .5rem 0 1.75rem }
th, td { border-bottom: 1px solid #8884; padding: .35rem .75rem; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
tr.d td { background: #1a9b8c14 } .best { font-weight: 650 } small { opacity: .7 }
h1 { margin-bottom: .25rem } h2 { font-size: 1.1rem; margin: 0 } td { max-width: 28rem }
"""

Line = tuple[str, str, str, tuple[Cell, ...]]


def to_csv(comparison: Comparison, *, differing: bool = False) -> str:
    """One line per metric and fact, a column per version; no cell acts as a formula.

    Args:
        differing: Leave out what is the same for all.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["section", "name", "unit", *map(guarded, comparison.refs)])
    for title, name, unit, cells in _lines(comparison, differing):
        writer.writerow([title, guarded(name), guarded(unit), *map(guarded, cells)])
    return out.getvalue()


def to_markdown(comparison: Comparison, *, differing: bool = False) -> str:
    """The verdict and a table per section; nothing that people wrote acts as markup."""
    names = [_marked(name) for name in comparison.names]
    names[comparison.base] += " (base)"
    out = ["# Comparison", "", _marked(comparison.verdict), ""] if comparison.verdict else []
    out += [f"- {name}: {_marked(ref)}" for name, ref in zip(names, comparison.refs, strict=True)]
    for title, lines in _grouped(comparison, differing):
        out += ["", f"## {title}", "", "| | " + " | ".join(names) + " |"]
        out.append("| --- |" + " --- |" * len(names))
        for _, name, unit, cells in lines:
            said = [_marked(_shown(cell)) or "–" for cell in cells]
            out.append(f"| {_marked(_titled(name, unit))} | " + " | ".join(said) + " |")
    return "\n".join(out) + "\n"


def to_html(comparison: Comparison, *, differing: bool = False) -> str:
    """One page that needs nothing else: no script, no image, no link."""
    heads = "".join(
        f"<th>{_safe(name)}{'<br><small>base</small>' if i == comparison.base else ''}</th>"
        for i, name in enumerate(comparison.names)
    )
    best = {_metric_name(row): row.best for row in (*comparison.metrics, *comparison.speed)}
    body = [f"<h1>Comparison</h1><p>{_safe(comparison.verdict)}</p>"]
    for title, lines in _grouped(comparison, differing):
        body.append(f'<h2>{title}</h2><div class="wide"><table><tr><th></th>{heads}</tr>')
        measured = title in ("Metrics", "Speed and size")
        for _, name, unit, cells in lines:
            tops = best.get(name, frozenset()) if measured else frozenset()
            body.append(_html_row(_titled(name, unit), cells, tops))
        body.append("</table></div>")
    refs = ", ".join(_safe(ref) for ref in comparison.refs)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>Comparison</title><style>{_STYLE}</style></head><body>"
        + "\n".join(body)
        + f"<p><small>{refs}</small></p></body></html>\n"
    )


def _html_row(title: str, cells: tuple[Cell, ...], tops: frozenset[int]) -> str:
    out = ['<tr class="d">' if len(set(cells)) > 1 else "<tr>", f"<th>{_safe(title)}</th>"]
    for i, cell in enumerate(cells):
        kind = ["n"] if isinstance(cell, (int, float)) else []
        kind += ["best"] if i in tops else []
        classes = f' class="{" ".join(kind)}"' if kind else ""
        said = _safe(_shown(cell)) or "–"
        out.append(f"<td{classes}>{said}{' ★' if i in tops else ''}</td>")
    return "".join([*out, "</tr>"])


def _grouped(comparison: Comparison, differing: bool) -> Iterator[tuple[str, list[Line]]]:
    groups: dict[str, list[Line]] = {}
    for line in _lines(comparison, differing):
        groups.setdefault(line[0], []).append(line)
    yield from groups.items()


def _lines(comparison: Comparison, differing: bool) -> Iterator[Line]:
    """Every line in the order of the page: section, name, unit, cells."""
    for section in comparison.sections:
        if section.name == "schema":
            yield from _metrics("Metrics", comparison.metrics, differing)
            fits = tuple(": ".join((f.fit, "; ".join(f.reasons))).rstrip(": ")
                         for f in comparison.fits)  # fmt: skip
            if len(set(fits)) > 1 or not differing:
                yield "Schema", "for callers of the base", "", fits
        if section.name == "benchmark":
            yield from _metrics("Speed and size", comparison.speed, differing)
        for row in section.rows:
            if row.differs or not differing:
                yield _TITLES[section.name], row.name, _UNITS.get(row.kind, ""), row.cells


_UNITS = {"bytes": "bytes", "ms": "ms"}


def _metrics(title: str, rows: Iterable[MetricLine], differing: bool) -> Iterator[Line]:
    for row in rows:
        if row.differs or not differing:
            yield title, _metric_name(row), row.unit, row.values


def _metric_name(row: MetricLine) -> str:
    arrow = {True: " ↑", False: " ↓", None: ""}[row.higher_is_better]
    return row.title + arrow


def _titled(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit else name


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _marked(words: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(UNSEEN.sub("", words).split()))


def _safe(words: str) -> str:
    return html.escape(UNSEEN.sub("", words))

"""Versions side by side as a table that scrolls under a column of names; chips of versions.

Streamlit's own tables cannot keep a column in place, mark cells, or hold a bar. The script behind
this one makes text nodes only, so nothing that people wrote acts as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts import charts_compare, text
from registry.records import Comparison, MetricLine, Row

_ASSETS = Path(__file__).parent / "assets"
_MOST = 400


def metrics(shown: Comparison, rows: Sequence[MetricLine], *, key: str, label: str) -> None:
    """Numbers with the best marked, the difference to the base, and a bar in each cell."""
    lines = [_metric(row, shown.base) for row in rows]
    _mount("vitrine_matrix", "matrix", _table(shown, lines, label, plain=False), key)


def facts(shown: Comparison, rows: Sequence[Row], *, key: str, label: str) -> None:
    """What is known of each, those that differ from the base tinted."""
    code = key.endswith(("parameters", "schema", "requirements"))
    lines = [_fact(row, shown.base, code=code) for row in rows[:_MOST]]
    _mount("vitrine_matrix", "matrix", _table(shown, lines, label, plain=True), key)
    if len(rows) > _MOST:
        st.caption(f"The first {_MOST} of {len(rows)} rows; an export has them all.")


def chips(shown: Comparison, *, key: str, on_base: Callable[[], None],
          on_drop: Callable[[], None]) -> str:  # fmt: skip
    """The versions as chips; gives the one that was pressed to be opened, else ""."""
    found = [
        {"ref": ref, "name": text.clean(name, 40), "colour": colour, "base": i == shown.base}
        for i, (ref, name, colour) in enumerate(
            zip(shown.refs, full_names(shown), charts_compare.colours(shown), strict=True)
        )
    ]
    pressed = _mount("vitrine_chips", "chips", {"chips": found}, key,
                     on_open_change=lambda: None, on_base_change=on_base,
                     on_drop_change=on_drop)  # fmt: skip
    return str(pressed.get("open") or "")


def full_names(shown: Comparison) -> list[str]:
    """With the model's name also where all versions are of one model."""
    if len({ref.partition("@")[0] for ref in shown.refs}) > 1:
        return list(shown.names)
    slug = shown.refs[0].partition("@")[0].rpartition("/")[2]
    return [f"{slug} {name}" for name in shown.names]


def said(value: float, unit: str) -> str:
    """A measured number for people: 3.1 ms, 12.4 MB, 0.965."""
    if unit == "bytes":
        return text.size(value)
    if unit == "ms":
        return text.duration(value)
    return f"{text.number(value)} {text.clean(unit, 20)}".strip()


def _table(shown: Comparison, lines: list[dict[str, Any]], label: str, *, plain: bool) -> Any:
    columns = [
        {
            "name": text.clean(shown.names[i], 60),
            "title": shown.refs[i],
            "base": i == shown.base,
            "colour": charts_compare.colours(shown)[i],
        }
        for i in order(shown)
    ]
    for line in lines:
        line["cells"] = [line["cells"][i] for i in order(shown)]
    return {"label": label, "columns": columns, "rows": lines, "plain": plain}


def order(shown: Comparison) -> list[int]:
    """Positions as columns: the base first, beside the names."""
    return [shown.base, *(i for i in range(len(shown.refs)) if i != shown.base)]


def _metric(row: MetricLine, base: int) -> dict[str, Any]:
    best, low, high = row.best, *_scale(row)
    cells = []
    for i, value in enumerate(row.values):
        if value is None:
            cells.append({"value": "–"})
            continue
        cell: dict[str, Any] = {
            "value": said(value, row.unit),
            "title": f"{value:.12g} {row.unit}".strip(),
            "number": True,
            "share": (value - low) / (high - low),
        }
        if i in best:
            cell["best"] = True
        cells.append(cell | _against(row, i, base))
    way = {True: "up", False: "down"}
    about = " · ".join(text.clean(part, 40) for part in (row.dataset, row.unit) if part)
    about = row.dataset if row.unit in ("ms", "bytes") else about
    return {
        "name": text.clean(row.name, 60),
        "title": row.title,
        "about": about,
        "cells": cells,
    } | ({"way": way[row.higher_is_better]} if row.higher_is_better is not None else {})


def _scale(row: MetricLine) -> tuple[float, float]:
    """Both ends of the bars: 0 to 1 for shares, else 0 to the largest, or both sides of zero."""
    known = [value for value in row.values if value is not None]
    low, high = min(0.0, *known), max(0.0, *known)
    if low == 0 and 0 < high <= 1 and not row.unit and row.higher_is_better:
        high = 1.0
    return low, high if high > low else low + 1.0


def _against(row: MetricLine, position: int, base: int) -> dict[str, str]:
    value, start = row.values[position], row.values[base]
    if position == base or value is None or start is None:
        return {}
    gain = row.gain(position, base)
    tone = {} if not gain else {"tone": "good" if gain > 0 else "bad"}
    gap = value - start
    if row.unit in ("bytes", "ms") and gap:
        delta = ("+" if gap > 0 else "−") + said(abs(gap), row.unit)
    else:
        delta = text.delta(gap)
    return {"delta": delta, **tone}


def _fact(row: Row, base: int, *, code: bool) -> dict[str, Any]:
    cells = []
    for cell in row.cells:
        whole = _whole(row, cell)
        short = text.clean(whole, 160)
        if row.kind == "code" and row.name.endswith("digest"):
            short = text.short(whole)
        known: dict[str, Any] = {"value": short if cell is not None else "–"}
        if isinstance(cell, (int, float)) and row.kind in ("bytes", "number", "ms", "text"):
            known["number"] = True
        elif row.kind == "code":
            known["code"] = True
        if cell is not None and (short != whole or row.kind in ("moment", "bytes")):
            known["title"] = str(cell)[:2000]
        if cell != row.cells[base]:
            known["differs"] = True
        cells.append(known)
    return {"name": text.clean(row.name, 80), "title": row.name, "code": code, "cells": cells}


def _whole(row: Row, cell: Any) -> str:
    if cell is None:
        return ""
    if row.kind == "bytes":
        return text.size(cell)
    if row.kind == "moment":
        return datetime.fromisoformat(cell).strftime("%d %b %Y, %H:%M")
    if row.kind == "number" or isinstance(cell, int):
        return text.number(cell) if row.kind == "number" else str(cell)
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


def _mount(
    name: str, asset: str, data: Mapping[str, Any], key: str, **on: Any
) -> Mapping[str, Any]:
    script, style = _asset(f"{asset}.js"), _asset(f"{asset}.css")
    mount = st.components.v2.component(name, js=script, css=style)
    return mount(key=key, data=dict(data), **on)


def differing(rows: Iterable[Any], only: bool) -> list[Any]:
    """Rows to show: all, or those in which not all versions agree."""
    return [row for row in rows if row.differs or not only]

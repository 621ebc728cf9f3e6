"""Audit lines as a table: filters in the address, pages, export."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import streamlit as st

from pages.parts import cards, filters, tables, text
from registry import audit_lines
from registry.core import Registry
from registry.records import Actor, AuditFilter, AuditLine, Page

_WHERE, _NAMES = "audit", ("who", "action", "text", "since", "until", "p")
_MIME = {"csv": "text/csv", "jsonl": "application/jsonl"}
_LABEL = {"csv": "CSV", "jsonl": "JSON lines"}


def wanted(actions: Sequence[str]) -> AuditFilter:
    """What the address asks for, with the widgets to change it.

    Args:
        actions: Those that occur; each topic (`model.`) can be chosen as a whole.
    """
    grid = st.grid(5, min_column_width=150)
    topics = sorted({action.partition(".")[0] + "." for action in actions})
    who = filters.words(grid, _WHERE, "Who", "who", "user name")
    action = filters.choice(grid, _WHERE, "Action", "action", sorted({*topics, *actions}))
    said = filters.words(grid, _WHERE, "Subject", "text", "part of a name")
    since = filters.day(grid, _WHERE, "Since", "since")
    until = filters.day(grid, _WHERE, "Until", "until")
    after = _midnight(until + timedelta(days=1)) if until else None
    return AuditFilter(who, action, said, _midnight(since) if since else None, after)


def listing(found: Page[AuditLine]) -> None:
    """How many there are, the lines, the other pages."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(text.count(found.total, "line"), width="content")
    if any(st.query_params.get(name) for name in _NAMES[:-1]):
        row.button(
            "Clear filters", icon=":material/filter_alt_off:", type="tertiary",
            on_click=filters.clear, args=(_NAMES,), key="audit.clear",
        )  # fmt: skip
    filters.pages(row, _WHERE, found.number, found.n_pages)
    if found.items:
        _table(found.items)
    else:
        cards.empty("Nothing fits", "Take a filter away.", icon="search_off")


def _table(lines: Sequence[AuditLine]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "Line": line.id,
            "When": text.moment(line.at),
            "Who": text.clean(line.actor, 40),
            "Action": text.clean(line.action, 64),
            "Subject": text.clean(line.subject, 120),
            "Details": text.clean(_told(line), 300),
        }
        for line in lines
    ]
    config = {
        "Line": st.column_config.NumberColumn(width=70, format="%d"),
        "When": st.column_config.TextColumn(width=190),
        "Who": st.column_config.TextColumn(width=110),
        "Action": st.column_config.TextColumn(width=160),
        "Subject": st.column_config.TextColumn(width=260),
        "Details": st.column_config.TextColumn(width="large"),
    }
    st.dataframe(
        rows, hide_index=True, column_config=config, row_height=tables.ROW_PX,
        height=tables.height(len(rows)), key="audit.table", alt="Audit lines",
    )  # fmt: skip


def export(reg: Registry, actor: Actor, only: AuditFilter) -> None:
    """All that fit the filters, written when the button is pressed."""
    for kind in audit_lines.KINDS:
        st.download_button(
            _LABEL[kind], partial(audit_lines.export, reg, actor, only, kind),
            f"audit.{kind}", _MIME[kind], key=f"audit.export.{kind}", icon=":material/download:",
            on_click="ignore", help=f"At most the {audit_lines.MOST_EXPORTED:,} newest lines",
        )  # fmt: skip


def _told(line: AuditLine) -> str:
    told = {key.rstrip("_"): value for key, value in line.detail.items() if value is not None}
    return " · ".join(f"{key} {_value(value)}" for key, value in told.items())


def _value(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

"""Widgets for the columns of a table: one per field, by its type and what the schema knows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import streamlit as st

from pages.parts import text
from registry.records import Field

_INTEGERS = ("integer", "long")
NUMBERS = (*_INTEGERS, "float", "double")
_EXACT = (1 << 53) - 1  # what a browser's numbers hold exactly
_FIRST, _LAST = date(1, 1, 1), date(9999, 12, 31)
_DATE_LENGTH, _LONG_TEXT, _LONGEST_LABEL = 10, 60, 28
_PROSE = ("text", "review", "message", "comment", "body", "description", "sentence", "abstract")
_MISSING = "– missing –"


def widget(field: Field, key: str, example: Mapping[str, Any], *, mark: bool) -> Any:
    """Ask for one value; None where it is missing.

    Args:
        mark: Whether to mark a required column as such.
    """
    if key not in st.session_state:
        st.session_state[key] = typed(field, start(field, example))
    if field.categories or field.type == "boolean":
        return _choice(field, key, mark)
    if field.type in NUMBERS and not _needs_text(field, example):
        return _number(field, key, mark)
    if field.type == "datetime":
        return _moment(field, key, mark)
    return _text(field, key, mark)


def start(field: Field, example: Mapping[str, Any]) -> Any:
    """What the widget holds at first: the example, the default, else a harmless value."""
    if field.name in example:
        return example[field.name]
    if field.default is not None or field.nullable:
        return field.default
    if field.categories:
        return field.categories[0]
    if field.type in NUMBERS:
        low, high = field.minimum, field.maximum
        middle = (low + high) / 2 if low is not None and high is not None else low or high or 0.0
        return round(middle) if field.type in _INTEGERS else middle
    return False if field.type == "boolean" else None


def typed(field: Field, value: Any) -> Any:
    """A value as the widget of this field wants it; None when it does not fit."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if field.categories:
        return str(value) if str(value) in field.categories else None
    if field.type == "boolean":
        return "true" if value in (True, 1, "true", "True", "1") else "false"
    try:
        if field.type in NUMBERS:
            return _counted(field, value)
        if field.type == "datetime":
            return _day(value) if _is_day(field) else _time(value)
    except (ValueError, OverflowError):
        return None
    return str(value)


def _counted(field: Field, value: Any) -> Any:
    if field.type not in _INTEGERS:
        return float(value)
    whole = int(value)
    return str(whole) if _needs_text(field, {}) or abs(whole) > _EXACT else whole


def _time(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def _day(value: Any) -> date:
    return _time(value).date()


def _is_day(field: Field) -> bool:
    """Whether the column holds days: what is known of it has no time."""
    said = str(field.default or "")
    return field.type == "datetime" and len(said) == _DATE_LENGTH


def _needs_text(field: Field, example: Mapping[str, Any]) -> bool:
    """Whether the column holds whole numbers that a browser would round."""
    if field.type != "long":
        return False
    known = (field.minimum, field.maximum, field.default, example.get(field.name))
    return any(isinstance(n, (int, float)) and abs(n) > _EXACT for n in known)


def _label(field: Field, mark: bool) -> str:
    unit = f" ({text.escape(field.unit, 20)})" if field.unit else ""
    star = " :red[*]" if mark and not field.nullable else ""
    said = f"{text.escape(field.name, 60)}{unit}{star}"
    if field.type == "datetime" and field.nullable and not field.categories:
        return f"{said} :gray[:small[empty is missing]]"
    span = _range(field)
    fits = span and len(field.name) + len(field.unit) + len(span) <= _LONGEST_LABEL
    return f"{said} :gray[:small[{span}]]" if fits else said


def _range(field: Field) -> str:
    """What was seen in training: 0 – 100; "" when nothing is known."""
    if field.minimum is None and field.maximum is None:
        return ""
    low = "…" if field.minimum is None else text.number(field.minimum)
    high = "…" if field.maximum is None else text.number(field.maximum)
    return f"{low} – {high}"


def _options(field: Field, key: str, mark: bool) -> dict[str, Any]:
    return {"label": _label(field, mark), "key": key, "help": _help(field)}


def _holder(field: Field) -> str:
    return "missing" if field.nullable else "required"


def _choice(field: Field, key: str, mark: bool) -> Any:
    """A drop-down; a gap is a choice of its own."""
    known = list(field.categories) or ["true", "false"]
    choices = [None, *known] if field.nullable else known
    chosen = st.selectbox(
        options=choices,
        index=0 if field.nullable else None,
        format_func=lambda name: _MISSING if name is None else str(name),
        placeholder=_MISSING if field.nullable else "choose",
        **_options(field, key, mark),
    )
    return chosen if field.categories or chosen is None else chosen == "true"


def _number(field: Field, key: str, mark: bool) -> Any:
    whole = field.type in _INTEGERS
    step, shape = (1, "%d") if whole else (_step(field), "%.6g")
    return st.number_input(
        value=None, step=step, format=shape, placeholder=_holder(field),
        **_options(field, key, mark),
    )  # fmt: skip


def _moment(field: Field, key: str, mark: bool) -> str | None:
    if _is_day(field):
        day = st.date_input(
            value=None, min_value=_FIRST, max_value=_LAST, format="YYYY-MM-DD",
            **_options(field, key, mark),
        )  # fmt: skip
        return day.isoformat() if isinstance(day, date) else None
    first, last = datetime.combine(_FIRST, time.min), datetime.combine(_LAST, time.min)
    at = st.datetime_input(
        value=None, min_value=first, max_value=last, step=60, format="YYYY-MM-DD",
        **_options(field, key, mark),
    )  # fmt: skip
    return at.isoformat() if at else None


def _text(field: Field, key: str, mark: bool) -> str | None:
    """Text as it is typed; where it may be missing, an empty box is asked what it means."""
    box = st.text_area if _is_prose(field) else st.text_input
    if not field.nullable:
        return box(placeholder="empty", **_options(field, key, mark)) or ""
    said = box(placeholder="missing", **_options(field, key, mark))
    is_gap = st.checkbox("Empty means missing", value=True, key=f"{key}.gap")
    return said or (None if is_gap else "")


def _is_prose(field: Field) -> bool:
    named = any(word in field.name.lower() for word in _PROSE)
    return field.type == "string" and (named or len(str(field.default or "")) > _LONG_TEXT)


def _step(field: Field) -> float:
    """A hundredth of the range, to one digit; 0.01 when no range is known."""
    spread = (field.maximum or 0.0) - (field.minimum or 0.0)
    return float(f"{spread / 100:.0e}") if 0 < spread < math.inf else 0.01


def _help(field: Field) -> str | None:
    parts = [text.escape(field.description, 200)] if field.description else []
    if span := _range(field):
        parts.append(f"seen in training: {span}")
    if field.type == "binary":
        parts.append("bytes as base64")
    if field.type == "datetime":
        parts.append("in UTC")
    if field.type == "long":
        parts.append("whole")
    if field.nullable:
        parts.append("may be missing: leave it empty")
    return " · ".join(parts) or None

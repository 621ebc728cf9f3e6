"""What this tab asked, for as long as it is open: also where the server keeps no input."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import streamlit as st

from registry.records import PastPrediction, Prediction

_KEY, _MOST, _MOST_VALUES = "recent.asked", 20, 200_000


def remember(answer: Prediction, rows: Any) -> None:
    """Note an answer with the input that led to it, unless the two are very large."""
    if _size(rows) + _size([output.values for output in answer.outputs]) > _MOST_VALUES:
        return
    asked = _asked()
    asked[answer.id] = (rows, answer)
    for oldest in list(asked)[:-_MOST]:
        del asked[oldest]


def filled(past: PastPrediction) -> PastPrediction:
    """The same with input and answer, when the server keeps none but this tab asked it."""
    if past.inputs is not None or past.line.id not in _asked():
        return past
    rows, answer = _asked()[past.line.id]
    return replace(past, inputs=rows, outputs=answer.outputs, n_answered=answer.n_rows)


def answers(ref: str) -> list[Prediction]:
    """What a version answered in this tab, the newest first."""
    return [answer for _, answer in reversed(_asked().values()) if answer.ref == ref]


def as_json(rows: Any) -> str:
    """Any input as JSON, arrays as lists."""
    return json.dumps(rows, default=_plain, ensure_ascii=False)


def _size(data: Any) -> int:
    """About how many values there are: lists are taken to be as long as their first."""
    if isinstance(data, dict):
        return sum(map(_size, data.values()))
    if isinstance(data, (list, tuple)):
        return len(data) * max(1, _size(data[0])) if data else 0
    return int(getattr(data, "size", 1))


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _asked() -> dict[str, tuple[Any, Prediction]]:
    found: dict[str, tuple[Any, Prediction]] = st.session_state.setdefault(_KEY, {})
    return found

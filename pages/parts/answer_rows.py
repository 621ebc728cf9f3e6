"""Several rows in one call: a table with an answer per row, of one version or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import answer_classes, text
from registry import looks
from registry.records import OutputValue, Prediction

_MOST_OUTPUTS, _MOST_SHARES = 12, 10


def table(answers: Mapping[str, Prediction], rows: Any, key: str) -> int:
    """All rows with the answers of the versions; gives the row looked at, counted from 0.

    Args:
        answers: Short name of a version to its answer, all to the same rows; the first is the base.
        rows: The input, whose columns follow the answers.
    """
    first = next(iter(answers.values()))
    listed: dict[str, list[Any]] = {"Row": list(range(1, first.n_rows + 1))}
    for name, answer in answers.items():
        listed |= _columns(answer, f"{name}: " if len(answers) > 1 else "")
    if len(answers) > 1:
        listed["Differs"] = _differs(list(answers.values()))
    listed |= _inputs(rows, first.n_rows, set(listed))
    st.caption(f"{text.count(first.n_rows, 'row')}. Click one to look at its answer.")
    chosen = st.dataframe(
        listed, hide_index=True, height=min(300, 38 + 35 * first.n_rows), key=key,
        on_select="rerun", selection_mode="single-row", alt="Answers by row",
        column_config={"Row": st.column_config.NumberColumn(pinned=True, width="small")},
    )  # fmt: skip
    picked = chosen["selection"]["rows"]
    return picked[0] if picked and picked[0] < first.n_rows else 0


def _columns(answer: Prediction, before: str) -> dict[str, list[Any]]:
    """The columns of one version: label and confidence, values, probabilities of few classes."""
    found: dict[str, list[Any]] = {}
    n_rows = answer.n_rows
    for output in answer.outputs[:_MOST_OUTPUTS]:
        kind = looks.kind(output, n_rows)
        name = f"{before}{text.clean(output.name or 'answer', 40)}"
        if kind in ("label", "value"):
            found[name] = [_cell(looks.of_row(output, n_rows, row)) for row in range(n_rows)]
            if output is answer.output("label") and answer.output("probabilities"):
                sure = [answer_classes.confidence(answer, row) for row in range(n_rows)]
                found[f"{before}confidence"] = [_rounded(share) for share in sure]
        elif kind == "shares" and not before and len(output.classes) <= _MOST_SHARES:
            found |= _shares(output, n_rows)
        elif kind in ("labels", "values"):
            found[name] = [str(looks.of_row(output, n_rows, row))[:120] for row in range(n_rows)]
    return found


def _shares(output: OutputValue, n_rows: int) -> dict[str, list[Any]]:
    word = "p" if output.role == "probabilities" else "score"
    rows = [looks.of_row(output, n_rows, row) for row in range(n_rows)]
    return {
        f"{word}({text.clean(name, 30)})": [_rounded(row[n]) for row in rows]
        for n, name in enumerate(output.classes)
    }


def _differs(answers: Sequence[Prediction]) -> list[str]:
    """A word in each row where the versions do not agree: another label, or how far apart."""
    found = []
    for row in range(answers[0].n_rows):
        labels = {answer_classes.said(answer, row) for answer in answers} - {None}
        numbers = [number for answer in answers if (number := value(answer, row)) is not None]
        if len(labels) > 1:
            found.append("yes")
        elif len(numbers) > 1 and max(numbers) - min(numbers) > 1e-9 * max(map(abs, numbers)):
            found.append(text.number(max(numbers) - min(numbers), 3))
        else:
            found.append("")
    return found


def value(answer: Prediction, row: int) -> float | None:
    """The only number of a row; None when there is none, or a label instead."""
    if answer.output("label") is not None:
        return None
    numbers = [o for o in answer.outputs if looks.kind(o, answer.n_rows) == "value"]
    found = _cell(looks.of_row(numbers[0], answer.n_rows, row)) if numbers else None
    return float(found) if isinstance(found, (int, float)) else None


def _inputs(rows: Any, n_rows: int, taken: set[str]) -> dict[str, list[Any]]:
    """The columns of the input behind the answers; nothing for tensors."""
    if not isinstance(rows, Sequence) or len(rows) != n_rows:
        return {}
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return {
        f"in: {text.clean(name, 40)}": [_cell(row.get(name)) for row in rows]
        for name in list(names)[:50]
        if name not in taken
    }


def _cell(item: Any) -> Any:
    while isinstance(item, list) and len(item) == 1:
        item = item[0]
    plain = item is None or isinstance(item, (int, float))
    return item if plain else text.clean(item, 120)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)

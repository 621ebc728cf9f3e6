"""One prediction from before: its facts, its input, its answer."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.parts import (
    answer_classes,
    cards,
    charts,
    charts_answers,
    keeping_choice,
    notices,
    recent,
    tables,
    text,
)
from registry.records import Actor, OutputValue, PastPrediction, PredictionLine

_MOST_BOX, _MOST_LINE, _MOST_BARS = 20_000, 1_000, 24
_TALL_PX = 400


def outcome(line: PredictionLine) -> str:
    """How it ended, as Markdown."""
    if line.outcome == "ok":
        return ":green-badge[:material/check_circle: ok]"
    return f":red-badge[:material/error: {notices.ended(line.outcome)}]"


def facts(past: PastPrediction) -> None:
    """Who asked what when; flag and link."""
    line = past.line
    parts = [outcome(line), cards.chip(text.count(line.n_rows, "row"))]
    parts += [cards.chip(f"{text.duration(line.latency_ms)}", icon=":material/timer:")]
    if line.flag:
        parts.append(cards.chip(line.flag, "orange", ":material/flag:"))
    if line.shared:
        parts.append(cards.chip("shared by link", "blue", ":material/link:"))
    st.markdown(" ".join(parts))
    if line.flag_reason:
        st.markdown(f":orange[:material/flag:] {text.escape(line.flag_reason, 600)}")


def given(past: PastPrediction) -> None:
    """The input: one row as a table of names and values, else as JSON."""
    cards.section("Input")
    if past.inputs is None:
        st.caption(_why_not_kept(past))
    elif isinstance(past.inputs, list) and len(past.inputs) == 1:
        cards.facts({key: _shown(value) for key, value in past.inputs[0].items()})
    elif isinstance(past.inputs, list):
        st.dataframe(
            past.inputs, hide_index=True, row_height=tables.ROW_PX,
            height=min(tables.height(len(past.inputs)), _TALL_PX), alt="Rows of the input",
        )  # fmt: skip
    else:
        _json(past.inputs)
    if past.digest:
        st.caption(
            f"Digest `{text.short(past.digest)}`: equal inputs of a version have equal ones."
        )


def _shown(value: Any) -> str:
    """A cell; a gap is named, so that it is not left out."""
    if value is None or value == "":
        return "missing" if value is None else "(empty)"
    return text.number(value, 6) if isinstance(value, float) else str(value)


def _why_not_kept(past: PastPrediction) -> str:
    kept = past.kept
    if kept.what == "full" and past.line.outcome == "InvalidInput":
        return "It did not fit what the model takes, so it was not kept."
    if kept.what == "full":
        days = text.count(kept.days, "day")
        return f"Not kept: it is older than {days}, larger than 64 kB, or from before the choice."
    return keeping_choice.said(kept)


def answer(actor: Actor, past: PastPrediction) -> None:
    """What the version said."""
    cards.section("Answer")
    if past.line.outcome != "ok":
        st.caption(f"There was none: it ended with {text.escape(past.line.outcome, 60)}.")
        return
    if not past.outputs:
        st.caption("It was not kept.")
        return
    outputs(actor, past.outputs, past.n_answered, key="past")
    if past.n_answered < past.line.n_rows:
        st.caption(f"The first {past.n_answered:,} of {text.count(past.line.n_rows, 'row')}.")


def outputs(actor: Actor, found: Sequence[OutputValue], n_rows: int, key: str) -> None:
    """Label with its probabilities, numbers, and all of it as JSON."""
    label = next((o for o in found if o.role == "label" and o.values), None)
    if label and n_rows == 1:
        st.metric("Answer", text.escape(brief(found), 120))
    for n, output in enumerate(found):
        if output is not label:
            _output(actor, output, f"{key}.{n}", alone=n_rows == 1)
    if n_rows > 1:
        _table(found, n_rows)
    with st.expander("Whole answer", icon=":material/data_object:"):
        _json({output.name: output.values for output in found})


def brief(found: Sequence[OutputValue]) -> str:
    """The answer in a word: label and share, else the first number; "" when there is none."""
    label = next((o for o in found if o.role == "label" and o.values), None)
    shares = next((o for o in found if o.role == "probabilities" and o.values), None)
    first = next((o for o in found if o.values), None)
    if label is None and first is None:
        return ""
    value = _scalar((label or first).values[0])  # type: ignore[union-attr]
    said = text.number(value) if isinstance(value, float) else text.clean(value, 40)
    top = max(_numbers(shares), default=None) if shares and label else None
    return f"{said} · {top * 100:.1f} %" if top is not None else said


def _output(actor: Actor, output: OutputValue, key: str, *, alone: bool) -> None:
    numbers = _numbers(output)
    if output.role == "scores" or not numbers or not alone:
        return
    if output.role == "probabilities" and len(output.classes) == len(numbers):
        top = answer_classes.likeliest(list(numbers))
        rest = sorted(set(range(len(numbers))) - set(top))
        figure = charts_answers.shares(
            actor.id,
            tuple(output.classes[n] for n in top),
            tuple(numbers[n] for n in top),
            rest=(len(rest), sum(numbers[n] for n in rest)),
        )
        charts.show(figure, key=key, alt="Probability of each class")
    elif len(numbers) == 1:
        st.metric(text.escape(output.name, 60), text.number(numbers[0]))
    elif len(numbers) <= _MOST_BARS:
        names = tuple(str(n) for n in range(len(numbers)))
        charts.show(charts.numbers(actor.id, names, numbers), key=key, alt="Values of this output")


def _table(found: Sequence[OutputValue], n_rows: int) -> None:
    """All rows, one line each; lists only by their length."""
    columns: dict[str, list[Any]] = {"Row": list(range(1, n_rows + 1))}
    for output in found:
        if len(output.values) != n_rows:
            continue
        if output.role == "probabilities" and 0 < len(output.classes) <= _MOST_BARS:
            for n, name in enumerate(output.classes):
                columns[f"p({text.clean(name, 30)})"] = [row[n] for row in output.values]
        else:
            columns[text.clean(output.name, 40)] = [_scalar(value) for value in output.values]
    st.dataframe(
        columns, hide_index=True, row_height=tables.ROW_PX,
        height=min(tables.height(n_rows), _TALL_PX), alt="Answers by row",
    )  # fmt: skip


def _numbers(output: OutputValue) -> tuple[float, ...]:
    """The first row as plain numbers; () when it is none."""
    flat = np.ravel(np.asarray(output.values[0], dtype=object)).tolist() if output.values else []
    plain = [v for v in flat if isinstance(v, (int, float)) and not isinstance(v, bool)]
    whole = len(plain) == len(flat) and all(math.isfinite(v) for v in plain)
    return tuple(map(float, plain)) if whole else ()


def _scalar(value: Any) -> Any:
    if isinstance(value, list):
        return _scalar(value[0]) if len(value) == 1 else f"{len(value)} values"
    return value


def _json(data: Any) -> None:
    """As code: nothing in it acts as markup; only its beginning when it is long."""
    said = recent.as_json(data)
    if len(said) > _MOST_BOX:
        st.caption(f"{text.size(len(said))} as JSON; this is its beginning.")
    elif len(said) <= _MOST_LINE:
        said = json.dumps(json.loads(said), indent=2, ensure_ascii=False)
    st.code(said[:_MOST_BOX], language="json", wrap_lines=True)

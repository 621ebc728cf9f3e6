"""Answers of classifiers: the label with its confidence, and the shares of all classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.parts import charts, charts_answers, text
from pages.parts.answer_view import View
from registry import looks
from registry.records import OutputValue, Prediction

_ALL, _TOP = 12, 5
"""So many classes are shown at once; of more, only the first five."""
_MOST_LISTED = 10_000


def label(view: View, output: OutputValue) -> None:
    """The answer in large type with its confidence."""
    words = name(view.of_row(output))
    sure = confidence(view.answer, view.row) if output is view.answer.output("label") else None
    title = "Answer" if output.name in ("label", "") else output.name
    st.metric(
        text.escape(title, 60),
        text.escape(words, 120),
        f"{sure * 100:.1f} % confident" if sure is not None else None,
        delta_color="off",
        delta_arrow="off",
        help=text.escape(words, 600) if len(words) > 30 else None,
    )


def said(answer: Prediction, row: int) -> str | None:
    """The label of a row in words; None when the version gives none."""
    output = answer.output("label")
    if output is None or not output.values:
        return None
    return name(looks.of_row(output, answer.n_rows, row))


def confidence(answer: Prediction, row: int) -> float | None:
    """The largest probability of a row, 0 to 1; None when there are none."""
    output = answer.output("probabilities")
    numbers = _numbers(looks.of_row(output, answer.n_rows, row)) if output else []
    return max(numbers) if numbers and np.isfinite(numbers).all() else None


def shares(view: View, output: OutputValue, key: str) -> None:
    """Bars of the likeliest classes, the others on demand."""
    values, names = _numbers(view.of_row(output)), output.classes
    if len(values) != len(names) or not np.isfinite(values).all():
        return
    is_share = output.role == "probabilities"
    st.markdown("**Probabilities**" if is_share else f"**{text.escape(output.name or 'Scores')}**")
    place = {name: n for n, name in enumerate(names)}
    wanted = view.classes if is_share else ()
    shown = [place[n] for n in wanted if n in place] or likeliest(values)
    rest = sorted(set(range(len(values))) - set(shown)) if is_share else []
    before = view.base_of(output)
    figure = charts_answers.shares(
        view.actor.id,
        tuple(names[n] for n in shown),
        tuple(values[n] for n in shown),
        _before(view, before, [names[n] for n in shown]),
        (len(rest), sum(values[n] for n in rest)),
        view.shade,
        is_share,
    )
    charts.show(figure, key=key, alt="Probability of each class" if is_share else "Scores")
    if len(names) > len(shown):
        _all(names, values, key, is_share)


def likeliest(values: list[float]) -> list[int]:
    """Positions of the classes that are shown at once, the likeliest first."""
    order = sorted(range(len(values)), key=lambda n: -values[n])
    return order if len(order) <= _ALL else order[:_TOP]


def in_common(answers: list[Prediction], row: int) -> tuple[str, ...]:
    """The classes to show for several versions alike, the first version's likeliest on top."""
    most: dict[str, float] = {}
    first: dict[str, float] = {}
    for answer in answers:
        output = answer.output("probabilities")
        values = _numbers(looks.of_row(output, answer.n_rows, row)) if output else []
        named = dict(zip(output.classes, values, strict=False)) if output else {}
        first = first or named
        most |= {name: max(value, most.get(name, 0.0)) for name, value in named.items()}
    names = list(most)
    kept = {names[n] for n in likeliest([most[name] for name in names])}
    return tuple(sorted(kept, key=lambda name: (-first.get(name, 0.0), -most[name])))


def _before(view: View, before: OutputValue | None, names: list[str]) -> tuple[float | None, ...]:
    """What the first version gives these classes; () when there is nothing to compare with."""
    if view.base is None or before is None:
        return ()
    values = _numbers(looks.of_row(before, view.base.n_rows, view.row))
    known = dict(zip(before.classes, values, strict=False))
    return tuple(known.get(name) for name in names)


def _all(names: tuple[str, ...], values: list[float], key: str, is_share: bool) -> None:
    """Every class with its share, the likeliest first."""
    place = st.expander(f"All {len(names):,} classes", key=f"{key}.all", on_change="rerun")
    if not place.open:
        return
    order = sorted(range(len(values)), key=lambda n: -values[n])[:_MOST_LISTED]
    word = "Probability" if is_share else "Score"
    listed = {
        "Class": [text.clean(names[n], 200) for n in order],
        word: [values[n] for n in order],
    }
    shape = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    place.dataframe(
        listed, hide_index=True, height=300, alt="All classes",
        column_config={word: shape} if is_share else None,
    )  # fmt: skip


def name(value: Any) -> str:
    """A label in words."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return text.number(value) if isinstance(value, float) else str(value)


def _numbers(values: Any) -> list[float]:
    found: list[float] = np.ravel(np.asarray(values, dtype=float)).tolist()
    return found

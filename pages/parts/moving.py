"""The playground's mode What-if: a feature moves, and every chosen version says what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import cards, charts, charts_moving, explaining, patience, side_by_side, text
from pages.parts.scene import Scene, said, title
from registry import features, what_if
from registry.core import Registry
from registry.records import Actor, Field, Movement, Scale, Schema, Surface, Version

_MOVED = "what_if.moved"
_NONE = "none"
_FEW = 6
_MOST_TYPED = (1 << 53) - 1
"""Whole numbers beyond are not exact in a browser."""


class Places(NamedTuple):
    """Where selectors go that are known only later."""

    output: DeltaGenerator
    range: DeltaGenerator


def show(reg: Registry, actor: Actor, versions: Sequence[Version]) -> None:
    """Selectors, slider and figures; the input is the last one submitted, else the example."""
    able = tuple(v for v in versions if v.can_predict and v.schema)
    row, about = _input(able)
    if not row:
        cards.empty("No input yet", "Submit one in the mode Form: it is moved here.", icon="tune")
        return
    scene = Scene(reg, actor, able, row, _moved(able, row))
    fields = features.movable(_ranged(scene), row)
    if not fields:
        body = "What-if is for tables and small tensors of one row: their numbers, dates, choices."
        cards.empty("Nothing here can be moved", body, icon="tune")
        return
    _head(scene, about)
    left, middle, right, last = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
    places = Places(right, last.popover("Range", icon=":material/tune:", width="stretch"))
    feature = _choose(left, "Feature", [f.name for f in fields], "feature")
    others = [_NONE, *(f.name for f in fields if f.name != feature)]
    other = _choose(middle, "Against", others, "against")
    field = features.named(fields, feature)
    output = (
        _curve(scene, field, places)
        if other == _NONE
        else _surface(scene, (field, features.named(fields, other)), places)
    )
    explaining.show(scene, output)


def _input(versions: Sequence[Version]) -> tuple[Mapping[str, Any], str]:
    """The row to start from, and where it is from."""
    asked = side_by_side.kept(versions) if versions else None
    if asked is not None:
        rows = asked.rows
        if isinstance(rows, Mapping):
            return rows, "Starts from the input you submitted last."
        if len(rows) == 1:
            return rows[0], "Starts from the input you submitted last."
        return rows[0], f"Starts from the first of the {len(rows)} rows you submitted last."
    example = versions[0].schema.example if versions and versions[0].schema else {}
    return example, "Starts from the example: submit another input in the mode Form to move that."


def _ranged(scene: Scene) -> Schema:
    """The first version's schema with the ranges of its sample file, where it has one."""
    found = patience.each(
        "ranges", scene.versions[:1], "", lambda v, _: what_if.seen(scene.reg, scene.actor, v.ref),
        scene.name,
    )  # fmt: skip
    return found.get(scene.versions[0].ref, scene.schema)


def _moved(versions: Sequence[Version], row: Mapping[str, Any]) -> dict[str, Any]:
    """What the sliders made of this input so far."""
    key = (versions[0].ref, said(row))
    kept = st.session_state.get(_MOVED)
    if not kept or kept[0] != key:
        kept = st.session_state[_MOVED] = (key, {})
    moved: dict[str, Any] = kept[1]
    return moved


def _head(scene: Scene, about: str) -> None:
    """Where the row is from, and what has been moved."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(about, width="content")
        for name, value in list(scene.moved.items())[:_FEW]:
            label = f"{text.clean(name, 30)} → {charts_moving.label(value, 20)}"
            st.markdown(cards.chip(label, "blue"), width="content")
        if scene.moved:
            st.button("Reset", key="what_if.reset", type="tertiary", icon=":material/undo:",
                      on_click=scene.moved.clear)  # fmt: skip


def _choose(place: Any, label: str, options: Sequence[str], key: str) -> str:
    """A select box whose choice stands in the address."""
    wanted = st.query_params.get(key, "")
    index = options.index(wanted) if wanted in options else 0
    chosen: str = place.selectbox(
        label, options, index=index, key=f"what_if.{key}.{hash(tuple(options))}",
        format_func=lambda name: text.clean(name, 60),
    )  # fmt: skip
    if chosen != options[0] or wanted:
        st.query_params[key] = chosen
    return chosen


def _curve(scene: Scene, field: Field, places: Places) -> str:
    """The slider and the curve of every version; gives the output that is shown."""
    at = features.value(scene.schema, scene.row, field)
    span = _span(places.range, field, at, "x")
    values = features.steps(field, at, span, what_if.N_STEPS)
    now = _slider(scene, field, values, values.index(at))

    def ask(version: Version, watch: what_if.Watch) -> Movement:
        row = scene.row_of(version, field.name)
        return what_if.curve(
            scene.reg, scene.actor, version.ref, row, field.name, _asked(field, span), watch=watch
        )

    question = (scene.question(field.name), field.name, span)
    found = patience.each("curve", scene.versions, question, ask, scene.name)
    if not found:
        return ""
    every = list(found.values())
    first, now_value = every[0], values[now]
    spot = first.values.index(now_value) if now_value in first.values else first.at
    here = {name: answers[spot] for name, answers in first.answers.items()}
    output = _output(places.output, every, here)
    shown = [v for v in scene.versions if output in _answers(found.get(v.ref))]
    moves = [found[v.ref] for v in shown]
    scale = moves[0].scale
    said = [_reading(move, output, now_value) for move in moves]
    _readings(scene, shown, said, scale, moved=now_value != at)
    axis = charts_moving.axis(*(move.values for move in moves), (now_value, at))
    figure = charts_moving.curves(
        scene.actor.id, tuple(map(scene.name, shown)), tuple(map(scene.colour, shown)),
        axis, tuple(_along(axis, move, output) for move in moves), axis.index(now_value),
        axis.index(at), scale, (_named(field), title(output, scale)),
    )  # fmt: skip
    alt = text.clean(f"Answer of each version over {field.name}")
    charts.show(figure, key="what_if.curve", alt=alt)
    return output


def _along(axis: Sequence[Any], move: Movement, output: str) -> tuple[float | None, ...]:
    """A version's answers at the places of a common axis, None at values that it was not asked."""
    said = dict(zip(move.values, move.answers[output], strict=True))
    return tuple(said.get(value) for value in axis)


def _reading(move: Movement, output: str, now: Any) -> tuple[float | None, float]:
    """A version's answer where the slider stands, if it takes that value, and to the input."""
    answers = move.answers[output]
    own = answers[move.at]
    return (answers[move.values.index(now)] if now in move.values else None), own


def _surface(scene: Scene, fields: tuple[Field, Field], places: Places) -> str:
    """A heat map per version on one scale; gives the output that is shown."""
    row = scene.row_of(scene.versions[0])
    now = [features.value(scene.schema, row, field) for field in fields]
    x, y = (_span(places.range, f, v, key) for f, v, key in zip(fields, now, "xy", strict=True))
    names = (fields[0].name, fields[1].name)
    spans = (_asked(fields[0], x), _asked(fields[1], y))

    def ask(version: Version, watch: what_if.Watch) -> Surface:
        row = scene.row_of(version)
        return what_if.surface(scene.reg, scene.actor, version.ref, row, *names, spans, watch=watch)

    question = (scene.question(), names, x, y)
    found = patience.each("surface", scene.versions, question, ask, scene.name)
    if not found:
        return ""
    first = next(iter(found.values()))
    here = {name: table[first.at[1]][first.at[0]] for name, table in first.answers.items()}
    output = _output(places.output, list(found.values()), here)
    shown = [v for v in scene.versions if output in _answers(found.get(v.ref))]
    every = [n for v in shown for line in found[v.ref].answers[output] for n in line]
    st.caption(f"{title(output, first.scale)}; the ring is where the input stands.")
    grid = st.grid(2 if len(shown) > 1 else 1, min_column_width=300)
    for version in shown:
        one = found[version.ref]
        figure = charts_moving.heat(
            scene.actor.id, one.xs, one.ys, one.answers[output], one.at, (min(every), max(every)),
            one.scale, (_named(fields[0]), _named(fields[1])),
        )  # fmt: skip
        with grid.container(gap="xxsmall"):
            st.markdown(f"**{text.escape(scene.name(version), 60)}**")
            alt = f"Answer of {scene.name(version)} over two features"
            charts.show(figure, key=f"what_if.surface.{version.id}", alt=text.clean(alt))
    return output


def _named(field: Field) -> str:
    return text.clean(field.name, 40) + (f" ({text.clean(field.unit, 20)})" if field.unit else "")


def _answers(found: Movement | Surface | None) -> Mapping[str, Any]:
    return found.answers if found else {}


def _has_range(field: Field) -> bool:
    return features.is_number(field) or (field.type == "datetime" and not field.categories)


def _asked(field: Field, span: features.Span) -> features.Span | None:
    """The range to ask over; where the feature has none, another version moves over its own."""
    return span if _has_range(field) else None


def _span(place: DeltaGenerator, field: Field, now: Any, axis: str) -> features.Span:
    """From and to, as far as the feature has them."""
    low, high = features.span(field, now)
    too_large = isinstance(low, int) and max(-low, high) > _MOST_TYPED
    if too_large or not _has_range(field):
        return low, high
    key = f"what_if.{axis}.{field.name}.{low}"
    sides: list[Any] = []
    for word, start in (("from", low), ("to", high)):
        label = f"{text.escape(field.name, 40)} {word}"
        if isinstance(start, datetime):
            chosen: Any = place.datetime_input(label, value=start, key=f"{key}.{word}")
        else:
            shape = "%d" if isinstance(start, int) else "%.6g"
            chosen = place.number_input(label, value=start, format=shape, key=f"{key}.{word}")
        sides.append(start if chosen is None else chosen)
    return sides[0], sides[1]


def _slider(scene: Scene, field: Field, values: Sequence[Any], at: int) -> int:
    """The place of the value that the feature is moved to."""
    moved = scene.moved.get(field.name, values[at])
    if moved not in values:  # the range was changed: the value goes to the nearest that is left
        scene.moved[field.name] = _nearest(values, moved, values[at])
        st.rerun()
    now = values.index(moved)
    key = f"what_if.slider.{hash((scene.versions[0].ref, field.name, tuple(values)))}"
    st.session_state[key] = now

    def keep() -> None:
        chosen = st.session_state[key]
        if chosen is None or chosen == at:
            scene.moved.pop(field.name, None)
        else:
            scene.moved[field.name] = values[chosen]

    options, words = list(range(len(values))), [charts_moving.label(v) for v in values]
    if _has_range(field):
        widget: Any = st.select_slider
    else:
        widget = st.segmented_control if len(values) <= _FEW else st.selectbox
    widget(text.escape(_named(field)), options, format_func=words.__getitem__, key=key,
           on_change=keep)  # fmt: skip
    return now


def _nearest(values: Sequence[Any], wanted: Any, own: Any) -> Any:
    """The number or date next to a value that is none of them; else the input's own."""
    kinds = (datetime,) if isinstance(own, datetime) else (int, float)
    alike: list[Any] = [value for value in values if isinstance(value, kinds)]
    if not alike or not isinstance(wanted, kinds):
        return own
    return min(alike, key=lambda value: abs(value - wanted))


def _output(
    place: DeltaGenerator, found: Sequence[Movement | Surface], here: Mapping[str, float]
) -> str:
    """Which of the answers to draw: the likeliest class here, unless another is chosen."""
    names = list(dict.fromkeys(name for one in found for name in one.answers))
    scale = found[0].scale
    start = names[0] if scale in ("value", "score") else max(here, key=here.__getitem__)
    if len(names) == 1:
        place.selectbox("Answer", names, disabled=True, key="what_if.only",
                        format_func=lambda name: title(name, scale))  # fmt: skip
        return names[0]
    key = f"what_if.of.{hash(tuple(names))}"
    if st.session_state.get(key) not in names:
        wanted = st.query_params.get("of", "")
        st.session_state[key] = wanted if wanted in names else start
    chosen: str = place.selectbox(
        "Answer", names, key=key, format_func=lambda name: title(name, scale)
    )
    return chosen


def _readings(
    scene: Scene, shown: Sequence[Version], said: Sequence[tuple[float | None, float]],
    scale: Scale, moved: bool,
) -> None:  # fmt: skip
    """What every version says where the slider stands, and how far that is from the input's."""
    with st.container(horizontal=True, gap="large"):
        for version, (now, before) in zip(shown, said, strict=True):
            change = None
            if now is not None and moved:
                change = charts_moving.signed(now - before, scale)
                points = " points" if scale in ("probability", "label") else ""
                change = "as before" if change.strip("+−0.") == "" else f"{change}{points}"
            st.metric(
                text.escape(scene.name(version), 60),
                "–" if now is None else charts_moving.number(now, scale),
                change, delta_color="off", delta_arrow="off", width="content",
            )  # fmt: skip

"""What moved an answer: a waterfall per version from the background's answer to this one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import charts, charts_moving, patience, text
from pages.parts.scene import Scene, title
from registry import what_if
from registry.records import Attribution, Version


def show(scene: Scene, output: str) -> None:
    """The folded section; the versions are asked when it is opened.

    Args:
        output: The answer that is shown, where a version gives it; "" for its first.
    """
    place = st.expander(
        "What moved this answer", key="what_if.why", on_change="rerun",
        icon=":material/waterfall_chart:",
    )  # fmt: skip
    if place.open:
        with place:
            _parts(scene, output)


def _parts(scene: Scene, output: str) -> None:
    def ask(version: Version, watch: what_if.Watch) -> Attribution:
        row = scene.row_of(version)
        return what_if.attribute(scene.reg, scene.actor, version.ref, row, watch)

    found = patience.each("why", scene.versions, scene.question(), ask, scene.name)
    grid = st.grid(2 if len(scene.versions) > 1 else 1, min_column_width=320)
    for version in scene.versions:
        if one := found.get(version.ref):
            with grid.container(gap="xxsmall"):
                _one(scene, version, one, output if output in one.parts else next(iter(one.parts)))
    if found:
        st.caption(
            "Shapley values: what each feature adds, on average over all orders in which the "
            "features of the background are replaced by those of the input. They say what moved "
            "the model, not what causes what."
        )


def _one(scene: Scene, version: Version, found: Attribution, output: str) -> None:
    name = text.escape(scene.name(version), 60)
    st.markdown(f"**{name}** · {text.escape(title(output, found.scale))}")
    figure = charts_moving.parts(
        scene.actor.id, _names(found), found.parts[output], found.errors[output],
        found.base[output], found.answer[output], found.scale,
    )  # fmt: skip
    alt = text.clean(f"What moved the answer of {scene.name(version)}")
    charts.show(figure, key=f"what_if.parts.{version.id}", alt=alt)
    st.caption(_sum(found, output))


def _names(found: Attribution) -> tuple[str, ...]:
    return tuple(f"{name} = {charts_moving.label(value)}" for name, value in found.features)


def _sum(found: Attribution, output: str) -> str:
    """The check that nothing is left over, and how it was measured."""
    scale = found.scale
    moved = sum(found.parts[output])
    base, answer = (
        charts_moving.number(n, scale) for n in (found.base[output], found.answer[output])
    )
    how = "all combinations of features" if found.exact else "random orders of features"
    return (
        f"{base} for the background {charts_moving.signed(moved, scale)} = {answer}. "
        f"Background: {found.background}. {text.count(found.n_rows, 'row')} asked, {how}"
        f"{_give(found.errors[output], scale)}."
    )


def _give(errors: Sequence[float], scale: str) -> str:
    most = max(errors, default=0.0)
    if not most > 0:
        return ""
    shown = f"{most * 100:.1g} points" if scale in ("probability", "label") else f"{most:.2g}"
    return f", standard error at most {shown}"

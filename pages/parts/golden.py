"""Golden cases: saved from the playground, green or red on each version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import cards, notices, text
from registry import access, golden_cases, golden_runs, models
from registry.core import Registry
from registry.errors import InvalidInput
from registry.memory import recalled
from registry.records import (
    Actor,
    GoldenCase,
    GoldenRun,
    Model,
    OutputValue,
    Version,
)

_POLL_S = 1.5
_MOST_BOX = 20_000
_TOLERANCE = "Largest relative difference of numbers; labels must be equal."


def show(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """What the version answered to each case, the red ones first."""
    cards.section("Golden cases")
    cases = recalled(golden_cases.find, reg, actor, model.ref)
    if not cases:
        st.caption(
            "None yet. Submit an input in the playground and save its answer: every later version "
            "has to give the same."
        )
        return
    runs = {run.case_id: run for run in recalled(golden_cases.runs, reg, actor, version.ref)}
    for case in sorted(cases, key=lambda case: (_state(runs.get(case.id)), case.name)):
        _case(reg, actor, model, case, runs.get(case.id))
    why = access.allowed(actor, model.level, "golden.edit") or version.why_no_predictions
    if cards.action("Run again", why, key="golden.run", icon=":material/replay:"):
        with notices.shown(stop=False):
            golden_runs.start(reg, actor, version.ref)
            cards.done("The cases are being run")
    job = recalled(golden_runs.last, reg, actor, version.ref)
    if job and job.finished_at is None:
        st.fragment(_watch, run_every=_POLL_S)(reg, actor, version.ref, job.id)


def _state(run: GoldenRun | None) -> int:
    return 1 if run is None else 2 if run.passed else 0


def _case(
    reg: Registry, actor: Actor, model: Model, case: GoldenCase, run: GoldenRun | None
) -> None:
    """One line: state, name, what differed; the whole case on demand."""
    icon = (
        ":red[:material/cancel:]",
        ":gray[:material/schedule:]",
        ":green[:material/check_circle:]",
    )
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    said = f"{icon[_state(run)]} **{text.escape(case.name, 100)}**"
    if run is None:
        said += " :gray[not run on this version]"
    elif not run.passed:
        said += f"  \n:small[{text.escape(run.message, 400)}]"
    row.container(width="stretch").markdown(said)  # a container shrinks where Markdown would wrap
    if row.button(
        "Open", key=f"golden.{case.id}.open", type="tertiary", icon=":material/open_in_full:"
    ):
        _open(reg, actor, model, case, run)


@st.dialog("Golden case", width="medium")
def _open(
    reg: Registry, actor: Actor, model: Model, case: GoldenCase, run: GoldenRun | None
) -> None:
    """Input, expected answer and what came; what may be changed."""
    why = access.allowed(actor, model.level, "golden.edit")
    if run is not None and not run.passed:
        st.error(text.escape(run.message, 1000), icon=":material/cancel:")
    name, inputs, expected, tolerance = _form(case, f"golden.{case.id}", why)
    if run is not None and run.answer is not None:
        with st.expander("What this version answered"):
            st.code(_json(run.answer), language="json", wrap_lines=True)
    st.caption(f"By {text.escape(case.created_by, 60)}, {text.ago(case.created_at)}")
    with st.container(horizontal=True):
        save = cards.action("Save", why, key=f"golden.{case.id}.save", type="primary")
        remove = cards.action("Remove", why, key=f"golden.{case.id}.remove", type="tertiary")
    with notices.shown(stop=False):
        if save:
            golden_cases.edit(
                reg, actor, model.ref, case.id, name=name, tolerance=tolerance,
                inputs=_parsed("input", inputs), expected=_parsed("expected", expected),
            )  # fmt: skip
            cards.done("Saved; champion, production and newest version are asked again")
        if remove:
            golden_cases.remove(reg, actor, model.ref, case.id)
            cards.done(f"{case.name} is removed")


def _form(case: GoldenCase, key: str, why: str) -> tuple[str, str | None, str | None, float]:
    """Name, input and expected answer as JSON (None: too large to edit), tolerance."""
    name = st.text_input("Name", case.name, key=f"{key}.name", max_chars=100, disabled=bool(why))
    boxes: list[str | None] = []
    for label, value in (("Input", case.inputs), ("Expected answer", case.expected)):
        said = _json(value)
        if len(said) > _MOST_BOX:
            st.caption(f"{label}: {text.size(len(said))} of numbers, too many to edit here.")
            boxes.append(None)
        else:
            boxes.append(
                st.text_area(label, said, key=f"{key}.{label}", height=150, disabled=bool(why))
            )
    tolerance = st.number_input(
        "Tolerance", 0.0, 1.0, case.tolerance, format="%.2g", step=0.001, key=f"{key}.tolerance",
        disabled=bool(why), help=_TOLERANCE,
    )  # fmt: skip
    return name or "", boxes[0], boxes[1], float(tolerance)


def keep(
    reg: Registry,
    actor: Actor,
    model_ref: str,
    rows: Any,
    outputs: Sequence[OutputValue],
    *,
    n_rows: int,
    key: str,
) -> None:
    """The button that saves an input with its answer; `rows` is None when it was not kept."""
    model = recalled(models.get, reg, actor, model_ref)
    why = access.allowed(actor, model.level, "golden.edit")
    row = rows[0] if isinstance(rows, (list, tuple)) and rows else rows
    if rows is None or not outputs:
        why = why or "its input and its answer were not kept"
    if n_rows != 1 or not isinstance(row, Mapping):
        why = why or "a golden case is one row: submit just one"
    if cards.action("Save as golden case", why, key=f"{key}.golden", icon=":material/star:"):
        _save(reg, actor, model_ref, _plain(row), golden_runs.answer_of(tuple(outputs)))


@st.dialog("Save as golden case", width="medium")
def _save(
    reg: Registry, actor: Actor, model: str, row: dict[str, Any], answer: dict[str, Any]
) -> None:
    """Name, what is expected (this answer, unless changed) and how near it must be."""
    st.caption("Every new version is asked this, and must answer so.")
    name = st.text_input("Name", key="golden.new.name", max_chars=100, placeholder="A usual flower")
    kept = st.multiselect("Compare", list(answer), list(answer), key="golden.new.outputs")
    chosen = {output: answer[output] for output in kept}
    said = _json(chosen)
    expected: str | None = None
    if len(said) <= _MOST_BOX:
        expected = st.text_area(
            "Expected answer", said, key=f"golden.new.expected.{'.'.join(kept)}", height=180
        )
    tolerance = st.number_input(
        "Tolerance", 0.0, 1.0, 0.001, format="%.2g", step=0.001, key="golden.new.tolerance",
        help=_TOLERANCE,
    )  # fmt: skip
    if st.button("Save", type="primary", key="golden.new.save"):
        with notices.shown(stop=False):
            wanted = chosen if expected is None else _parsed("expected", expected) or {}
            golden_cases.add(
                reg, actor, model, name or "", row, wanted, float(tolerance)
            )  # fmt: skip
            cards.done("Saved; every new version has to pass it")


def _parsed(field: str, said: str | None) -> dict[str, Any] | None:
    """A box as an object; None when there was none.

    Raises:
        InvalidInput: The text is no JSON object.
    """
    if said is None:
        return None
    try:
        data = json.loads(said)
    except (ValueError, RecursionError) as wrong:
        raise InvalidInput({field: f"cannot be read as JSON: {wrong}"}) from None
    if not isinstance(data, dict):
        raise InvalidInput({field: "must be an object: names with values"})
    return data


def _plain(row: Any) -> dict[str, Any]:
    """A row as JSON can keep it: arrays as lists, times and bytes as text."""
    kept: dict[str, Any] = json.loads(json.dumps(dict(row), default=_as_json))
    return kept


def _as_json(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _json(value: Any) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    return flat if len(flat) > 1_000 else json.dumps(value, indent=2, ensure_ascii=False)


def _watch(reg: Registry, actor: Actor, ref: str, job_id: str) -> None:
    with notices.shown():
        job = recalled(golden_runs.last, reg, actor, ref)
    if job is None or job.id != job_id or job.finished_at is not None:
        st.rerun()
    st.progress(job.progress, "Running the golden cases")

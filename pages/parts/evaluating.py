"""Evaluating versions on labelled rows: the dialog that starts it, and what runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.parts import cards, notices, text, uploads
from registry import datasets, evaluations, policy, results
from registry.core import Registry
from registry.formats.rows import task_of
from registry.memory import recalled
from registry.records import Actor, Dataset, Evaluation, EvaluationTask, Version

_POLL_S = 1.0
_TASKS: dict[EvaluationTask, str] = {
    "classification": "Classification: labels",
    "regression": "Regression: numbers",
}
_NONE = "none"
_NEW = ""


def bar(reg: Registry, actor: Actor, found: Sequence[Version], key: str) -> None:
    """The button that opens the dialog, and the actor's evaluations of these versions.

    Args:
        key: Of the widgets, so that several places can offer it.
    """
    with notices.shown(stop=False):
        done = recalled(results.find_for, reg, actor, tuple(version.id for version in found))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            button(found, reg, actor, key)
            for evaluation in [e for e in done if e.state == "done"][:1]:
                label = f"Last evaluation: {text.clean(evaluation.dataset, 40)}"
                open_button(evaluation, f"{key}.last", label, type="tertiary")
        follow(reg, actor, [e for e in done if e.state in ("queued", "running")])


def button(found: Sequence[Version], reg: Registry, actor: Actor, key: str) -> None:
    """Opens the dialog; says why when no version can be evaluated."""
    why = policy.why_not(actor, None, "dataset.keep")
    if not why and not any(version.can_predict for version in found):
        why = found[0].why_no_predictions if found else "choose a version first"
    if cards.action("Evaluate on rows…", why, key=f"{key}.evaluate", icon=":material/rule:"):
        _ask(reg, actor, found)


def open_button(evaluation: Evaluation, key: str, label: str = "Open", **options: Any) -> None:
    """Leads to the figures of an evaluation."""
    query = {"id": evaluation.id}
    cards.go(label, "evaluation.py", key=f"{key}.{evaluation.id}", query=query, **options)


@st.dialog("Evaluate on labelled rows", width="large")
def _ask(reg: Registry, actor: Actor, found: Sequence[Version]) -> None:
    """Which rows, which column is the answer, what happens then."""
    names = text.listing([version.ref for version in found], 4)
    st.markdown(f"**{text.count(len(found), 'version')}** on the same rows: {text.escape(names)}")
    with notices.shown(stop=False):
        dataset = _rows(reg, actor)
        if dataset is None:
            st.caption(
                "A table with a header: the columns the models take, and one with the right "
                f"answer. At most {reg.settings.dataset_rows:,} rows. It stays yours: nobody else "
                "sees it, and you can delete it at any time."
            )
            return
        target, task, slice_by = _said(dataset)
        st.caption(
            "It runs in the background, also when you leave. The models see the other columns, "
            "never the answers. Rows that one of them cannot take are left out for all, and "
            "listed."
        )
        if st.button("Evaluate", type="primary", key="evaluating.go"):
            refs = [version.ref for version in found]
            evaluations.start(reg, actor, dataset.id, refs, target, task, slice_by)
            cards.done(f"Evaluating {text.count(len(refs), 'version')}")


def _rows(reg: Registry, actor: Actor) -> Dataset | None:
    """Rows that are stored already, or a file dropped now."""
    stored = {dataset.id: dataset for dataset in datasets.find(reg, actor)}
    added: dict[str, str] = st.session_state.setdefault("evaluating.files", {})
    if stored:
        fresh = st.session_state.pop("evaluating.fresh", None)
        options = [*stored, _NEW]
        if fresh in stored:
            st.session_state["evaluating.dataset"] = fresh
        chosen = st.selectbox(
            "Rows",
            options,
            format_func=lambda i: _title(stored[i]) if i in stored else "Another file…",
            key="evaluating.dataset",
        )
        if chosen in stored:
            return stored[chosen]
    file = st.file_uploader(
        "CSV or Parquet", type=["csv", "tsv", "txt", "parquet"], key="evaluating.file"
    )
    if file is not None:
        if added.get(file.file_id) not in stored:
            with st.spinner("Reading the rows"):
                added[file.file_id] = datasets.add(reg, actor, uploads.staged(file).id).id
        st.session_state["evaluating.fresh"] = added[file.file_id]
        st.rerun(scope="fragment")
    return None


def _title(dataset: Dataset) -> str:
    rows = text.count(dataset.n_rows, "row")
    return f"{text.clean(dataset.filename, 60)} · {rows} · {text.ago(dataset.created_at)}"


def _said(dataset: Dataset) -> tuple[str, EvaluationTask, str]:
    """Target, task and column of slices; each is guessed."""
    types = {column.name: column for column in dataset.columns}
    names, key = list(types), f"evaluating.{dataset.id}"
    left, middle, right = st.columns(3)
    start = names.index(dataset.target) if dataset.target in types else len(names) - 1
    target = left.selectbox("Right answer in", names, index=start, key=f"{key}.target",
                            format_func=lambda name: text.clean(name, 80))  # fmt: skip
    guess = dataset.task if target == dataset.target else task_of(types[target])
    task = middle.selectbox("Task", list(_TASKS), index=int(guess == "regression"),
                            format_func=_TASKS.__getitem__, key=f"{key}.task.{target}")  # fmt: skip
    others = [_NONE, *(name for name in names if name != target)]
    slice_by = right.selectbox("Also by the values of", others, key=f"{key}.slice",
                               format_func=lambda name: text.clean(name, 80),
                               help="The figures for each value of a column.")  # fmt: skip
    shown = text.listing([text.clean(name, 40) for name in names if name != target], 8)
    st.caption(f"{text.count(dataset.n_rows, 'row')}; columns besides the answer: "
               f"{text.escape(shown)}")  # fmt: skip
    return target, task, "" if slice_by == _NONE else slice_by


def follow(reg: Registry, actor: Actor, running: Sequence[Evaluation]) -> None:
    """Evaluations under way: how far they are, and a way to stop them; also after a reload."""
    if running:
        st.fragment(_watch, run_every=_POLL_S)(reg, actor, {e.id for e in running})


def _watch(reg: Registry, actor: Actor, ids: set[str]) -> None:
    with notices.shown():
        running = [e for e in recalled(results.find, reg, actor) if e.id in ids]
    if any(e.state not in ("queued", "running") for e in running) or len(running) < len(ids):
        st.rerun()
    for evaluation in running:
        progress(reg, actor, evaluation)


def progress(reg: Registry, actor: Actor, evaluation: Evaluation) -> None:
    """One evaluation under way, with the button that stops it."""
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        said = text.escape(f"{evaluation.dataset}: {evaluation.message or 'waiting'}", 200)
        st.progress(evaluation.progress, said)
        if st.button("Cancel", key=f"evaluating.cancel.{evaluation.id}", icon=":material/cancel:"):
            with notices.shown(stop=False):
                evaluations.cancel(reg, actor, evaluation.id)
                cards.done("Cancelled")

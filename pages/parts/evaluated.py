"""Evaluations and data sets as lines of a list, each with what deleting it means."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from pages.parts import cards, evaluating, notices, text
from registry import datasets, results
from registry.core import Registry
from registry.records import Actor, Dataset, Evaluation

_STATES = {
    "queued": ("gray", "schedule", "waiting"),
    "running": ("blue", "progress_activity", "running"),
    "done": ("green", "check_circle", "done"),
    "failed": ("red", "error", "failed"),
}
_KEEPS_FIGURES = "Its evaluations keep their figures, without the rows."
_KEEPS_ROWS = "Its figures and answers are deleted; rows and metrics saved from it stay."


def line(reg: Registry, actor: Actor, evaluation: Evaluation) -> None:
    """One evaluation: of what, on what, how it ended."""
    key = f"evaluations.{evaluation.id}"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        colour, icon, word = _STATES[evaluation.state]
        names = text.listing([version.ref for version in evaluation.versions], 3)
        about = [
            text.clean(names or "no version that is still there", 160),
            f"{evaluation.task} of {text.clean(evaluation.target, 40)}",
            *([text.count(evaluation.n_rows, "row")] if evaluation.n_rows else []),
            text.ago(evaluation.created_at),
        ]
        st.markdown(
            f"**{text.escape(evaluation.dataset, 80)}** "
            f":{colour}-badge[:material/{icon}: {word}]  \n"
            f":small[:gray[{text.escape(' · '.join(about), 300)}]]{_why(evaluation)}",
            width="stretch",
        )
        if evaluation.state == "done":
            evaluating.open_button(evaluation, f"{key}.open")
        if st.button("", key=f"{key}.remove", icon=":material/delete:", help="Delete"):
            name, remove = f"the evaluation on {evaluation.dataset}", results.remove
            _confirm(name, _KEEPS_ROWS, partial(remove, reg, actor, evaluation.id))


def _why(evaluation: Evaluation) -> str:
    if evaluation.state != "failed" or not evaluation.message:
        return ""
    return f"  \n:small[:red[{text.escape(evaluation.message, 300)}]]"


def dataset_line(reg: Registry, actor: Actor, dataset: Dataset) -> None:
    """One data set: how large, which column is the answer."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        about = [
            text.count(dataset.n_rows, "row"),
            text.count(len(dataset.columns), "column"),
            f"answer in {text.clean(dataset.target, 40)}",
            text.size(dataset.size_bytes),
            text.ago(dataset.created_at),
        ]
        st.markdown(
            f"**{text.escape(dataset.filename, 80)}**  \n"
            f":small[:gray[{text.escape(' · '.join(about), 300)}]]",
            width="stretch",
        )
        key = f"evaluations.{dataset.id}.remove"
        if st.button("", key=key, icon=":material/delete:", help="Delete"):
            remove = partial(datasets.remove, reg, actor, dataset.id)
            _confirm(dataset.filename, _KEEPS_FIGURES, remove)


@st.dialog("Delete for good")
def _confirm(name: str, consequence: str, remove: Callable[[], int]) -> None:
    """Says what goes and what stays, before it goes."""
    st.markdown(f"**{text.escape(name, 100)}** is deleted for good. {consequence}")
    if st.button("Delete for good", type="primary", key="evaluations.confirm"):
        with notices.shown(stop=False):
            freed = remove()
            cards.done(f"Deleted, {text.size(freed)} freed")

"""/evaluation?id=id&base=owner/slug@1: several versions judged on the same labelled rows."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    cards,
    evaluation_curves,
    evaluation_head,
    evaluation_metrics,
    evaluation_residuals,
    evaluation_rows,
    evaluation_slices,
    notices,
    session,
)
from pages.parts.evaluation_view import View
from registry import evaluations, results
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Evaluation

reg, actor = session.require("search")


def progress(reg: Registry, actor: Actor, evaluation_id: str) -> None:
    """How far it is, each second; the whole page anew once it has ended."""
    with notices.shown():
        now = recalled(results.get, reg, actor, evaluation_id)
    if now.state == "done":
        st.rerun()
    evaluation_head.open_work(now)


def save() -> list[str]:
    """Keep the figures as metrics; the versions that got none."""
    return evaluations.save_metrics(reg, actor, found.id)


def fetch(base_ref: str, other_ref: str) -> bytes:
    """The rows that other changed against base."""
    return evaluations.changed_rows(reg, actor, found.id, base_ref, other_ref)


def figures(found: Evaluation) -> None:
    """Everything that was found, the heavy parts folded."""
    view = View(actor.id, found, st.query_params.get("base", ""))
    evaluation_head.missing(view)
    if not view.judged:
        return
    st.markdown(evaluation_head.verdict(view))
    evaluation_head.base(view)
    evaluation_metrics.table(view)
    evaluation_metrics.whiskers(view)
    evaluation_metrics.paired(view)
    details(view)


def details(view: View) -> None:
    """The folded sections."""
    if view.evaluation.task == "classification":
        evaluation_curves.show(view)
    else:
        evaluation_residuals.show(view)
    evaluation_slices.show(view)
    evaluation_rows.show(view, fetch)


evaluation_id = st.query_params.get("id", "")
if not evaluation_id:
    cards.header("Evaluation")
    about = "Choose one from the list, or bring labelled rows and start one."
    with cards.empty("No evaluation named", about, icon="rule"):
        cards.go("Evaluations", "evaluations.py", key="evaluation.list", type="primary")
    st.stop()

with notices.shown():
    found = recalled(results.get, reg, actor, evaluation_id)

evaluation_head.header(found, save)
if found.state == "done":
    figures(found)
else:
    busy = found.state != "failed"
    st.fragment(progress, run_every=1.0 if busy else None)(reg, actor, found.id)

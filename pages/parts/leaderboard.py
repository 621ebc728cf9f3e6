"""What a training found: the leaderboard, how steady the scores are, and the dialog to save one."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, charts, charts_training, drafts, notices, text, travel
from registry import training
from registry.core import Registry
from registry.records import Actor, Candidate, Plan, Training

_TITLES = {
    "roc_auc": "ROC AUC",
    "accuracy_score": "Accuracy",
    "f1_macro": "F1 (macro)",
    "r2_score": "R²",
    "mean_absolute_error": "Mean absolute error",
    "root_mean_squared_error": "Root mean squared error",
}


def show(reg: Registry, actor: Actor, found: Training) -> None:
    """Verdict, figure, table, what was done to the columns."""
    plan = found.plan
    if plan is None:
        return
    st.markdown(_verdict(found, plan))
    cards.findings(plan.findings)
    _figure(actor, found, plan)
    cards.section("Leaderboard", "Mean ± standard deviation over the folds.")
    for place, candidate in enumerate(found.leaderboard):
        _line(reg, actor, found, plan, candidate, best=place == 0)
    with st.expander("What was done to the columns", icon=":material/tune:"):
        st.markdown("\n".join(f"- {text.escape(step, 600)}" for step in plan.steps))


def _figure(actor: Actor, found: Training, plan: Plan) -> None:
    """The scores that decide, fold by fold; the floor would squeeze them into a corner."""
    metric = plan.metric
    good = [each for each in found.leaderboard if not each.failure and each.name != "floor"]
    if not good:
        return
    cards.section(
        _TITLES.get(metric, metric),
        f"A dot per fold, a stroke at the mean of the {plan.n_folds}; higher is better.",
    )
    figure = charts_training.folds(
        actor.id, tuple(each.title for each in good), tuple(each.scores[metric] for each in good)
    )
    charts.show(figure, key="train.folds", alt=f"{metric} of every candidate, fold by fold")


def _verdict(found: Training, plan: Plan) -> str:
    """The best in one sentence, and what it is worth against the floor."""
    best, metric = found.leaderboard[0], plan.metric
    floor = next((each for each in found.leaderboard if each.name == "floor"), None)
    title, mean = text.escape(best.title), best.mean(metric)
    if best.name == "floor":
        target = text.escape(found.target)
        return f"**Nothing beats the floor**: the columns tell nothing of {target}."
    said = f"**{title}** is best: {_TITLES.get(metric, metric)} **{mean:.4g}**"
    said += f" ± {best.spread(metric):.2g}"
    if floor is None or floor.failure:
        return f"{said}."
    less = mean - best.spread(metric) <= floor.mean(metric)
    said += f", where the floor has {floor.mean(metric):.4g}."
    return f"{said} That is hardly better than the floor." if less else said


def _line(
    reg: Registry, actor: Actor, found: Training, plan: Plan, candidate: Candidate, *, best: bool
) -> None:
    """One candidate: its scores and time, and what can be done with it."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        badge = f" {cards.chip('best', 'green', ':material/trophy:')}" if best else ""
        st.markdown(
            f"**{text.escape(candidate.title)}**{badge}  \n{_scores(plan, candidate)}",
            width="stretch",
        )
        key = f"train.save.{candidate.name}"
        if candidate.ref:
            query = {"name": candidate.ref.rpartition("@")[0]}
            cards.go(f"Open {text.clean(candidate.ref, 40)}", "model.py", key=key, query=query)
        elif not candidate.failure:
            why = "" if candidate.draft_id else "its file is gone: train again to have it"
            kind = "primary" if best else "secondary"
            if cards.action("Save this model…", why, key=key, type=kind):
                _save(reg, actor, found, candidate)


def _scores(plan: Plan, candidate: Candidate) -> str:
    if candidate.failure:
        return f":small[:red[{text.escape(candidate.failure, 300)}]]"
    said = [
        f"{_TITLES.get(metric, metric)} {candidate.mean(metric):.4g} ± "
        f"{candidate.spread(metric):.2g}"
        for metric in plan.metrics
    ]
    told = ", ".join(f"{name} {value}" for name, value in candidate.parameters.items())
    said += [f"{candidate.fit_s:.3g} s per fit", told]
    return f":small[:gray[{text.escape(' · '.join(part for part in said if part), 400)}]]"


@st.dialog("Save this model?", width="medium")
def _save(reg: Registry, actor: Actor, found: Training, candidate: Candidate) -> None:
    """Name, description, tags, license; then the ordinary way of an upload."""
    st.markdown(
        f"**{text.escape(candidate.title)}**, fitted to all rows of "
        f"{text.escape(found.filename, 80)}. It is scanned and checked like any upload."
    )
    stem = found.filename.rpartition(".")[0] or found.filename
    start = f"{text.clean(stem, 60)} {candidate.title.lower()}".replace("_", " ")
    name = st.text_input("Name", start[:100], max_chars=100, key="train.name")
    about = f"Predicts {text.clean(found.target, 60)} from {text.clean(found.filename, 80)}"
    description = st.text_input("Description", about, max_chars=300, key="train.description")
    left, right = st.columns(2)
    tags = left.multiselect(
        "Tags", ["baseline"], default=["baseline"], accept_new_options=True, key="train.tags"
    )
    terms = right.selectbox(
        "License", drafts.LICENSES, index=None, accept_new_options=True, key="train.license",
        placeholder="SPDX id, optional",
    )  # fmt: skip
    st.caption("Private until you share it. Schema, metrics and training details come with it.")
    with st.container(horizontal=True):
        saved = st.button("Save", type="primary", key="train.saved")
        if st.button("Do not save", key="train.not"):
            st.rerun()
    if saved:
        with notices.shown(stop=False):
            with st.spinner("Scanning and publishing"):
                version = training.save(
                    reg, actor, found.id, candidate.name, name or "", description or "",
                    tuple(tags), terms or "",
                )  # fmt: skip
            travel.go("model.py", {"name": version.model})

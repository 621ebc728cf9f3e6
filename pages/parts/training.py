"""Training a baseline: bring a table, say what its columns are, follow what runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts import cards, notices, text, travel, uploads
from registry import trainings
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, EvaluationTask, FeatureKind, Sheet, Training

_POLL_S = 1.0
_SHEETS, _STARTED = "train.sheets", "train.started"
KINDS: dict[FeatureKind, str] = {
    "number": "Number",
    "category": "Category",
    "boolean": "Yes or no",
    "date": "Date",
    "text": "Free text",
    "drop": "Left out",
}
_TASKS: dict[EvaluationTask, str] = {
    "classification": "Classification: labels",
    "regression": "Regression: numbers",
}
_STATES = {
    "queued": ("gray", "schedule", "waiting"),
    "running": ("blue", "progress_activity", "training"),
    "done": ("green", "check_circle", "done"),
    "failed": ("red", "error", "failed"),
}
_STEPS = (
    ("table_view", "Drop a table", "CSV or Parquet with a header; it is deleted afterwards."),
    ("target", "Choose the target", "What each column is gets guessed; correct it."),
    ("model_training", "Let it train", "Simple models, judged on rows they have not seen."),
    (
        "bookmark_add",
        "Save one, or none",
        "Nothing is kept by itself: only what you save becomes a model.",
    ),
)


def bring(reg: Registry, actor: Actor) -> Sheet | None:
    """The uploader and what was read of the file; it stays in the address, for a reload."""
    file = st.file_uploader(
        f"CSV or Parquet, at most {reg.settings.train_rows:,} rows",
        type=["csv", "tsv", "txt", "parquet"],
        key=f"train.drop.{st.session_state.get(_STARTED, 0)}",
        max_upload_size=reg.settings.max_upload_mb,
    )
    known: dict[str, str] = st.session_state.setdefault("train.files", {})
    if file is not None and file.file_id not in known:
        known[file.file_id] = uploads.staged(file).id
        st.query_params["rows"] = known[file.file_id]
    staged_id = st.query_params.get("rows", "")
    if not staged_id:
        return None
    sheets: dict[str, Sheet] = st.session_state.setdefault(_SHEETS, {})
    if staged_id not in sheets:
        with st.spinner("Reading the columns"):
            sheets[staged_id] = trainings.look(reg, actor, staged_id)
    return sheets[staged_id]


def ask(reg: Registry, actor: Actor, sheet: Sheet) -> None:
    """Target, task and what each column is; then start."""
    cards.section(
        text.escape(sheet.filename, 80),
        f"{text.count(sheet.n_rows, 'row')}, {text.count(len(sheet.features), 'column')}",
    )
    target, task = _said(sheet)
    kinds = _columns(sheet, target)
    n_used = sum(kind != "drop" for kind in kinds.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        why = "" if n_used else "choose at least one column to learn from"
        if cards.action("Train", why, key="train.go", type="primary", icon=":material/play_arrow:"):
            with notices.shown(stop=False):
                training_id = trainings.start(reg, actor, sheet.id, target, task, kinds)
                st.session_state[_SHEETS].pop(sheet.id, None)
                st.session_state[_STARTED] = st.session_state.get(_STARTED, 0) + 1
                travel.go("train.py", {"id": training_id})
        st.caption(
            f"Learns from {text.count(n_used, 'column')}. It runs in the background, at most "
            f"{reg.settings.train_timeout_s / 60:.0f} minutes; nothing is saved by it."
        )


def _said(sheet: Sheet) -> tuple[str, EvaluationTask]:
    """Target and task; both are guessed."""
    names, key = [each.name for each in sheet.features], f"train.{sheet.id}"
    left, right = st.columns(2)
    target = left.selectbox(
        "Predict", names, index=names.index(sheet.target), key=f"{key}.target",
        format_func=lambda name: text.clean(name, 80),
    )  # fmt: skip
    guess = sheet.task if target == sheet.target else _task_of(sheet, target)
    task = right.selectbox(
        "Task", list(_TASKS), index=list(_TASKS).index(guess), key=f"{key}.task.{target}",
        format_func=_TASKS.__getitem__,
    )  # fmt: skip
    return target, task


def _task_of(sheet: Sheet, target: str) -> EvaluationTask:
    found = next(each for each in sheet.features if each.name == target)
    many = found.kind == "number" and found.n_distinct > 20
    return "regression" if many else "classification"


def _columns(sheet: Sheet, target: str) -> dict[str, FeatureKind]:
    """The columns besides the target, each with its kind, which can be changed."""
    shown = [each for each in sheet.features if each.name != target]
    words = {label: kind for kind, label in KINDS.items()}
    frame = pd.DataFrame(
        {
            "Column": [text.clean(each.name, 80) for each in shown],
            "Kind": [KINDS[each.kind] for each in shown],
            "Values": [text.clean(each.shown, 120) for each in shown],
            "Different": [each.n_distinct for each in shown],
            "Missing": [round(100 * each.gaps, 1) for each in shown],
            "Why it is left out": [each.why for each in shown],
        }
    )
    options: dict[str, Any] = {
        "Kind": st.column_config.SelectboxColumn(options=list(words), required=True, width="small"),
        "Different": st.column_config.NumberColumn(format="%d", width="small"),
        "Missing": st.column_config.NumberColumn(format="%.4g %%", width="small"),
    }
    if not any(each.why for each in shown):
        del frame["Why it is left out"]
    edited = st.data_editor(
        frame, key=f"train.{sheet.id}.columns.{target}", hide_index=True, column_config=options,
        disabled=[name for name in frame.columns if name != "Kind"],
        height=min(420, 38 + 35 * max(1, len(frame))),
    )  # fmt: skip
    return {
        each.name: words.get(str(kind), "drop")
        for each, kind in zip(shown, edited["Kind"], strict=True)
    }


def teach() -> None:
    """What this page does, shown while there is nothing to list."""
    grid = st.grid(4, min_column_width=190)
    for icon, title, about in _STEPS:
        with grid.container(border=True, gap="xxsmall"):
            st.markdown(f":primary[:material/{icon}:]  \n**{title}**  \n:small[:gray[{about}]]")


def head(found: Training) -> None:
    """Of what, and how it stands."""
    state = "running" if found.state == "queued" else found.state  # drawn once, the bar each second
    colour, icon, word = _STATES[state]
    facts = [f"baselines for the {found.task} of {found.target}"]
    if found.plan:
        facts.append(text.count(found.plan.n_rows, "row"))
        facts.append(f"{found.train_s:,.0f} s")
    said = text.escape(" · ".join([*facts, text.ago(found.created_at)]), 300)
    title = text.clean(found.filename, 60)
    place = cards.header(title, f":{colour}-badge[:material/{icon}: {word}] {said}")
    with place:
        cards.go("Trainings", "train.py", key="train.all", icon=":material/arrow_back:")


def failed(found: Training) -> None:
    """Why there is nothing, and the way on."""
    said = found.message or "it was cut off"
    todo = "Its rows are deleted; drop the file again to train anew."
    cards.empty(text.escape(said[:1].upper() + said[1:], 600), todo, icon="model_training")


def line(reg: Registry, actor: Actor, found: Training) -> None:
    """One training in the list."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        colour, icon, word = _STATES[found.state]
        about = [f"{found.task} of {text.clean(found.target, 40)}", text.ago(found.created_at)]
        if found.plan and found.leaderboard:
            best, metric = found.leaderboard[0], found.plan.metric
            about.insert(1, f"{best.title}, {metric} {best.mean(metric):.4g}")
        why = found.message if found.state == "failed" else ""
        st.markdown(
            f"**{text.escape(found.filename, 80)}** "
            f":{colour}-badge[:material/{icon}: {word}]  \n"
            f":small[:gray[{text.escape(' · '.join(about), 300)}]]"
            + (f"  \n:small[:red[{text.escape(why, 300)}]]" if why else ""),
            width="stretch",
        )
        cards.go("Open", "train.py", key=f"train.open.{found.id}", query={"id": found.id})
        if st.button("", key=f"train.remove.{found.id}", icon=":material/delete:", help="Delete"):
            _confirm(reg, actor, found)


@st.dialog("Delete for good")
def _confirm(reg: Registry, actor: Actor, found: Training) -> None:
    """Says what goes and what stays, before it goes."""
    st.markdown(
        f"The training on **{text.escape(found.filename, 100)}** is deleted for good, with its "
        "scores and fitted files. Models saved from it stay."
    )
    if st.button("Delete for good", type="primary", key="train.confirm"):
        with notices.shown(stop=False):
            trainings.remove(reg, actor, found.id)
            cards.done("Deleted")


def follow(reg: Registry, actor: Actor, running: Sequence[Training]) -> None:
    """Trainings under way: how far they are, and a way to stop them; also after a reload."""
    if running:
        watch = partial(_watch, reg, actor, {each.id for each in running})
        st.fragment(watch, run_every=_POLL_S)()


def _watch(reg: Registry, actor: Actor, ids: set[str]) -> None:
    with notices.shown():
        found = [each for each in recalled(trainings.find, reg, actor) if each.id in ids]
    if any(each.state not in ("queued", "running") for each in found) or len(found) < len(ids):
        st.rerun()
    for each in found:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            said = text.escape(f"{each.filename}: {each.message or 'waiting for its turn'}", 200)
            st.progress(each.progress, said)
            if st.button("Cancel", key=f"train.cancel.{each.id}", icon=":material/cancel:"):
                with notices.shown(stop=False):
                    trainings.cancel(reg, actor, each.id)
                    cards.done("Cancelled")

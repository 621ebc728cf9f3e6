"""The Metrics tab: one metric over the versions, all metrics side by side, and their editor."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import cards, charts, history_chart, notices, schemas, tables, text
from registry import access, versions
from registry import metrics as measures
from registry.core import Registry
from registry.records import Actor, Model, Version

_WAYS = {None: "as it is", True: "higher is better", False: "lower is better"}


def show(
    reg: Registry, actor: Actor, model: Model, found: Sequence[Version], chosen: Version
) -> None:
    """History, table, what evaluations measured, editor, and by what the model is judged."""
    _history(actor, model, found)
    base = next((v for v in found if v.number == model.champion), chosen)
    shown = [base, *[v for v in found if v is not base][:4]]
    if not tables.metrics(shown, base):
        about = "Type what you measured, below, or log it from Python."
        cards.empty("No metrics yet", about, icon="query_stats")
    elif len(found) > len(shown):
        st.caption(f"The base and the {len(shown) - 1} newest of {len(found)} versions.")
    why = access.allowed(actor, model.level, "version.edit")
    _measured(reg, actor, chosen, why)
    _edit(reg, actor, chosen, why)
    names = [name for name, _ in tables.metric_names(found)]
    if names:
        _primary(reg, actor, model, list(dict.fromkeys(names)))


def _history(actor: Actor, model: Model, found: Sequence[Version]) -> None:
    """A metric of the person's choice over the versions; the primary one to begin with."""
    choices = tables.metric_names(found)
    if not choices:
        return
    first = next((c for c in choices if c[0] == model.primary_metric), choices[0])
    asked = (st.query_params.get("metric", ""), st.query_params.get("dataset", ""))
    name, dataset = st.selectbox(
        "Over the versions", choices, index=choices.index(asked if asked in choices else first),
        format_func=_title, key="model.history", width=340, on_change=_remember,
    )  # fmt: skip
    points = tuple(
        (version.number, metric.value)
        for version in reversed(found)
        for metric in version.metrics
        if (metric.name, metric.dataset) == (name, dataset)
    )
    better = next((m.higher_is_better for v in found for m in v.metrics if m.name == name), None)
    figure = history_chart.line(actor.id, name, points, model.champion, better)
    alt = f"{text.clean(name, 60)} over {text.count(len(points), 'version')}"
    charts.show(figure, key="model.metrics.history", alt=alt)


def _remember() -> None:
    """The chosen metric into the address, so that a link opens the same history."""
    st.query_params["metric"], st.query_params["dataset"] = st.session_state["model.history"]


def _title(choice: tuple[str, str]) -> str:
    name, dataset = choice
    return text.clean(name, 60) + (f" on {text.clean(dataset, 40)}" if dataset else "")


def _measured(reg: Registry, actor: Actor, version: Version, why: str) -> None:
    """What evaluations measured: to read and to remove, not to change."""
    found = [metric for metric in version.metrics if metric.source == "evaluation"]
    if not found:
        return
    with st.expander(f"Measured by evaluations ({len(found)})", icon=":material/lock:"):
        for i, metric in enumerate(found):
            with st.container(horizontal=True, vertical_alignment="center"):
                title = text.escape(_title((metric.name, metric.dataset)), 110)
                st.markdown(f"{title} **{text.number(metric.value)}**")
                key = f"model.metrics.off.{version.id}.{i}"
                if cards.action("Remove", why, key=key, type="tertiary"):
                    with notices.shown(stop=False):
                        measures.remove(reg, actor, version.ref, metric.name, metric.dataset)
                        cards.done(f"{metric.name} is removed")


def _edit(reg: Registry, actor: Actor, version: Version, why: str) -> None:
    with st.expander(f"Edit the metrics of v{version.number}", icon=":material/edit:"):
        given = [metric for metric in version.metrics if metric.source != "evaluation"]
        edited = schemas.metrics(given, f"model.{version.id}")
        if cards.action("Save metrics", why, key="model.metrics.save", type="primary"):
            with notices.shown(stop=False):
                versions.edit(reg, actor, version.ref, metrics=edited)
                cards.done("Metrics saved")


def _primary(reg: Registry, actor: Actor, model: Model, names: Sequence[str]) -> None:
    """Which metric stands for the model in lists, and which way it is better."""
    why = access.allowed(actor, model.level, "model.edit")
    said = text.escape(model.primary_metric or "nothing", 60)
    with st.expander(f"The model is judged by {said}", icon=":material/straighten:"):
        index = names.index(model.primary_metric) if model.primary_metric in names else None
        row = st.container(horizontal=True, vertical_alignment="bottom")
        name = row.selectbox("Primary metric of the model", names, index=index, key="model.primary")
        better = row.selectbox(
            "Direction, in all versions", list(_WAYS), format_func=_WAYS.__getitem__,
            key="model.primary.way",
        )  # fmt: skip
        missing = "" if name else "choose a metric first"
        with row:
            pressed = cards.action("Save choice", why or missing, key="model.primary.save")
        if pressed and name:
            with notices.shown(stop=False):
                measures.set_primary(reg, actor, model.ref, name, better)
                cards.done(f"Judged by {name}")

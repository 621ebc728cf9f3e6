"""Tables of models, versions, metrics and files, and what was selected in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts import text
from registry.records import CHAMPION, AliasMove, Benchmark, Job, Metric, Model, Version

_STATUS = {
    "ready": "✓ ready",
    "checking": "◌ checking",
    "quarantined": "⚠ quarantined",
    "failed": "✕ failed",
    "": "– empty",
}
_COLOURS = ["green", "blue", "orange", "red", "gray"]
ROW_PX, _MOST_ROWS = 36, 30


def models(found: Sequence[Model], key: str) -> tuple[list[Model], Model | None]:
    """A page of models; gives those selected, and the one whose name was pressed."""
    frame = pd.DataFrame([_model_row(model) for model in found])
    sparse = [
        name for name in ("Task", "Champion", "Metric", "Trend", "Rating") if not any(frame[name])
    ]
    frame = frame.drop(columns=sparse)
    config = {
        "Name": st.column_config.ButtonColumn(
            type="tertiary", alignment="left", pinned=True, key=f"{key}.opened"
        ),
        "Owner": st.column_config.TextColumn(width=80),
        "Champion": st.column_config.TextColumn(width="small", alignment="right"),
        "Metric": st.column_config.TextColumn(alignment="right", width=140),
        "Trend": st.column_config.LineChartColumn(width="small"),
        "Status": _status_column(),
        "Rating": st.column_config.TextColumn(width=90, help="Average of the votes, and how many"),
        "Updated": st.column_config.DatetimeColumn(format="distance", width=120),
    }
    rows = _selectable(frame, config, key, "Models")
    click = st.session_state.get(f"{key}.opened")
    opened = found[click["row"]] if click and click["row"] < len(found) else None
    return [found[row] for row in rows if row < len(found)], opened


def _model_row(model: Model) -> dict[str, Any]:
    history = list(model.metric_history)
    known = model.metric is not None
    metric = f"{model.primary_metric} {text.number(model.metric)}" if known else ""
    return {
        "Name": text.clean(model.name, 60),
        "Task": text.clean(model.task, 40),
        "Framework": model.framework,
        "Status": [_STATUS[model.status or ""]],
        "Champion": f"v{model.champion}" if model.champion else "",
        "Metric": text.clean(metric, 60),
        "Trend": history if len(history) > 1 else None,
        "Rating": text.stars(model.rating, model.n_ratings),
        "Updated": model.updated_at,
        "Owner": text.clean(model.owner, 40),
    }


def versions(
    found: Sequence[Version],
    metric: str,
    key: str,
    *,
    speeds: Mapping[str, Benchmark],
    golden: Mapping[str, tuple[int, int, int]],
) -> list[Version]:
    """The versions of one model, newest first; gives those selected.

    Args:
        metric: The primary metric, shown with its difference to the champion's.
        speeds: Version id to its newest benchmark.
        golden: Version id to golden cases passed, failed, and all there are.
    """
    champion = next((v for v in found if CHAMPION in v.aliases), None)
    base = value_of(champion, metric) if champion else None
    frame = pd.DataFrame([_version_row(version, metric, base) for version in found])
    measured = [speeds.get(version.id) for version in found]
    frame.insert(6, "p95", [m.p95_ms if m else None for m in measured])
    frame.insert(6, "Golden", [_golden(golden.get(version.id)) for version in found])
    frame["Best"] = ["★" if mark else "" for mark in _best(found, metric)]
    config = {
        "Version": st.column_config.TextColumn(pinned=True, width="small"),
        "Aliases": st.column_config.ListColumn(),
        "Status": _status_column(),
        "Metric": st.column_config.NumberColumn(text.clean(metric, 40) or "Metric", format="%.4g"),
        "Δ champion": st.column_config.NumberColumn(format="%+.3g", width="small"),
        "Best": st.column_config.TextColumn(width=60, help="By the primary metric"),
        "Golden": st.column_config.MultiselectColumn(
            options=[word for row in frame["Golden"] for word in row],
            color=[_shade(word) for row in frame["Golden"] for word in row],
            help="Golden cases passed, of all there are",
            width="small",
        ),
        "p95": st.column_config.NumberColumn(
            "p95 ms", format="%.3g", width="small", help="Of the newest benchmark, one row"
        ),
        "Size": st.column_config.NumberColumn(format="bytes", width="small"),
        "When": st.column_config.DatetimeColumn(format="distance"),
    }
    hidden = [column for column in ("Label", "Aliases", "Best", "Golden") if not any(frame[column])]
    hidden += [column for column in ("Metric", "Δ champion", "p95") if frame[column].isna().all()]
    rows = _selectable(frame.drop(columns=hidden), config, key, "Versions of this model")
    return [found[row] for row in rows if row < len(found)]


def _golden(tally: tuple[int, int, int] | None) -> list[str]:
    """How many cases are green; nothing for a version that was not asked."""
    if tally is None:
        return []
    passed, failed, n_cases = tally
    return [f"{'✕' if failed else '✓' if passed == n_cases else '◌'} {passed}/{n_cases}"]


def _shade(word: str) -> str:
    return {"✓": "green", "✕": "red"}.get(word[0], "gray")


def _best(found: Sequence[Version], metric: str) -> list[bool]:
    """Which of them have the best value; none when there is no direction or no difference."""
    better = _direction([m for v in found for m in v.metrics if m.name == metric])
    values = [value_of(version, metric) for version in found]
    known = [value for value in values if value is not None]
    if better is None or len(set(known)) < 2:
        return [False] * len(found)
    best = max(known) if better else min(known)
    return [value == best for value in values]


def _version_row(version: Version, metric: str, base: float | None) -> dict[str, Any]:
    value = value_of(version, metric)
    gap = value - base if value is not None and base is not None else None
    life = "" if version.lifecycle == "active" else f" · {version.lifecycle}"
    return {
        "Version": f"v{version.number}",
        "Label": version.label,
        "Aliases": list(version.aliases),
        "Status": [_STATUS[version.status] + life],
        "Metric": value,
        "Δ champion": gap if CHAMPION not in version.aliases else None,
        "Best": "",
        "Made with": f"{version.inspection.framework} {version.inspection.framework_version}",
        "Size": version.size_bytes,
        "By": text.clean(version.created_by, 40),
        "When": version.created_at,
    }


def _selectable(frame: pd.DataFrame, config: dict[str, Any], key: str, alt: str) -> list[int]:
    event = st.dataframe(
        frame,
        hide_index=True,
        column_config={name: what for name, what in config.items() if name in frame},
        on_select="rerun",
        selection_mode="multi-row",
        row_height=ROW_PX,
        height=height(len(frame)),
        placeholder="–",
        key=key,
        alt=alt,
    )
    return list(event["selection"]["rows"])


def height(n_rows: int) -> int:
    """All rows of a page without a second scroll bar, up to a screenful and a half."""
    return ROW_PX * (min(n_rows, _MOST_ROWS) + 1) + 2


def _status_column() -> Any:
    lives = [f"{word} · {life}" for life in ("deprecated", "archived") for word in _STATUS.values()]
    return st.column_config.MultiselectColumn(
        options=[*_STATUS.values(), *lives], color=[*_COLOURS, *["gray"] * len(lives)]
    )


def value_of(version: Version, metric: str) -> float | None:
    """A version's value of a metric, whatever the data set; None when it has none."""
    return next((m.value for m in version.metrics if m.name == metric), None)


def metric_names(found: Sequence[Version]) -> list[tuple[str, str]]:
    """Name and data set of every metric of the versions, in order of appearance."""
    return list(dict.fromkeys((m.name, m.dataset) for v in found for m in v.metrics))


def metrics(found: Sequence[Version], base: Version, *, differing: bool = False) -> int:
    """Metrics by version, the best of each marked, each with its difference to the base.

    Args:
        differing: Leave out rows in which all versions agree.

    Returns:
        How many rows were shown.
    """
    rows: dict[str, dict[str, str]] = {}
    for name, dataset in metric_names(found):
        measured = [_metric(version, name, dataset) for version in found]
        values = {m.value for m in measured if m} | ({None} if None in measured else set())
        if differing and len(values) < 2:
            continue
        title = text.escape(name, 60) + (f" :small[{text.escape(dataset, 40)}]" if dataset else "")
        rows[f"{title} {_arrow(measured)}"] = _metric_cells(found, base, measured)
    if rows:
        frame = pd.DataFrame.from_dict(rows, orient="index")
        st.table(frame, border="horizontal", alt="Metrics by version")
    return len(rows)


def _metric_cells(
    found: Sequence[Version], base: Version, measured: Sequence[Metric | None]
) -> dict[str, str]:
    better = _direction(measured)
    values = [m.value for m in measured if m]
    best = None if better is None or not values else max(values) if better else min(values)
    only = len(set(values)) < 2
    start = next((m.value for v, m in zip(found, measured, strict=True) if m and v is base), None)
    cells = {}
    for version, metric in zip(found, measured, strict=True):
        cells[heading(version, found, base)] = _cell(
            metric,
            best=metric is not None and metric.value == best and not only,
            gap=None
            if start is None or version is base or metric is None
            else metric.value - start,
            better=better,
        )
    return cells


def _cell(metric: Metric | None, *, best: bool, gap: float | None, better: bool | None) -> str:
    if metric is None:
        return ":gray[—]"
    said = text.number(metric.value) + (f" {text.escape(metric.unit, 20)}" if metric.unit else "")
    said = f"**{said}** :gray-badge[best]" if best else said
    if gap is None:
        return said
    good = "gray" if not gap or better is None else "green" if (gap > 0) == better else "red"
    return f"{said}  \n:small[:{good}[{text.delta(gap)}]]"


def heading(version: Version, found: Sequence[Version], base: Version) -> str:
    """The column heading of a version: short within one model, full across models."""
    name = short_name(version, found)
    return text.escape(name, 60) + (" :gray-badge[base]" if version is base else "")


def short_name(version: Version, found: Sequence[Version]) -> str:
    """v3 when all are of one model, else slug v3, else owner/slug v3."""
    if len({v.model for v in found}) == 1:
        return f"v{version.number}"
    slugs = {(v.owner, v.slug) for v in found}
    same = len({slug for _, slug in slugs}) < len(slugs)
    return f"{version.model if same else version.slug} v{version.number}"


def _metric(version: Version, name: str, dataset: str) -> Metric | None:
    key = (name, dataset)
    return next((m for m in version.metrics if (m.name, m.dataset) == key), None)


def _direction(measured: Sequence[Metric | None]) -> bool | None:
    return next((m.higher_is_better for m in measured if m), None)


def _arrow(measured: Sequence[Metric | None]) -> str:
    better = _direction(measured)
    if better is None:
        return ""
    return ":gray[:material/arrow_upward:]" if better else ":gray[:material/arrow_downward:]"


def moves(history: Sequence[AliasMove], most: int = 30) -> None:
    """Who moved which alias when, and why."""
    rows = [
        {
            "Alias": text.clean(move.alias, 60),
            "From": f"v{move.from_number}" if move.from_number else "–",
            "To": f"v{move.to_number}" if move.to_number else "removed",
            "By": text.clean(move.by, 40),
            "Reason": text.clean(move.reason, 200),
            "When": move.at,
        }
        for move in history[:most]
    ]
    config = {"When": st.column_config.DatetimeColumn(format="distance")}
    st.dataframe(rows, hide_index=True, column_config=config, alt="History of aliases")
    if len(history) > most:
        st.caption(f"The {most} newest of {len(history)} moves.")


def jobs(found: Sequence[Job]) -> None:
    """Background work with its progress."""
    words = {"queued": "◌ queued", "running": "▸ running", "done": "✓ done", "failed": "✕ failed"}
    rows = [
        {
            "Work": text.clean(job.kind),
            "On": text.clean(job.subject, 80),
            "State": [words[job.state]],
            "Progress": 1.0 if job.state == "done" else job.progress,
            "Message": text.clean(job.message),
            "Started": job.created_at,
            "Took": (
                text.duration((job.finished_at - job.created_at).total_seconds() * 1000)
                if job.finished_at
                else ""
            ),
        }
        for job in found
    ]
    config = {
        "State": st.column_config.MultiselectColumn(
            options=list(words.values()), color=["gray", "blue", "green", "red"]
        ),
        "Progress": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        "Started": st.column_config.DatetimeColumn(format="distance"),
        "Took": st.column_config.TextColumn(alignment="right", width="small"),
    }
    st.dataframe(rows, hide_index=True, column_config=config, row_height=ROW_PX, alt="Jobs")

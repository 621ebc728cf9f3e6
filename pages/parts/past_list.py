"""Lists of predictions: the table, its filters in the address, its pages, its export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import cards, notices, tables, text, travel
from pages.parts import filters as address
from registry import access, predictions, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Model, Page, PredictionFilter, PredictionLine

_ROWS = {"one row": (1, 1), "2 to 100 rows": (2, 100), "more than 100 rows": (101, 0)}
_ENDED = ("ok", "failed")
_FLAGGED = ("any", *predictions.FLAGS)
_NAMES = ("model", "version", "outcome", "flag", "since", "until", "rows", "who", "p")
SIZE, _WHERE = 50, "predictions"


def table(
    lines: Sequence[PredictionLine],
    key: str,
    *,
    people: bool = False,
    answers: Mapping[str, str] | None = None,
    selectable: bool = False,
) -> PredictionLine | None:
    """Lines of predictions; pressing a version opens one.

    Args:
        people: Say who asked.
        answers: Prediction id to its answer in a word.
        selectable: One row can be ticked; it is given back.
    """
    rows: list[dict[str, Any]] = [
        {
            "Version": text.clean(line.ref, 80),
            "When": line.at,
            "Answer": (answers or {}).get(line.id, ""),
            "By": text.clean(line.actor, 40),
            "Rows": line.n_rows,
            "Latency": text.duration(line.latency_ms),
            "Outcome": [f"{'✓' if line.outcome == 'ok' else '✕'} {notices.ended(line.outcome)}"],
            "Flag": [line.flag] if line.flag else [],
            "Shared": "by link" if line.shared else "",
            "Reason": text.clean(line.flag_reason, 120),
        }
        for line in lines
    ]
    hidden = {"By": not people, "Answer": not any(row["Answer"] for row in rows)}
    hidden |= {name: not any(row[name] for row in rows) for name in ("Flag", "Shared")}
    hidden["Reason"] = selectable or not any(row["Reason"] for row in rows)
    shown = [name for name in (rows[0] if rows else {}) if not hidden.get(name)]
    event: Any = st.dataframe(
        rows, hide_index=True, column_config=_config(rows, key), column_order=shown, key=key,
        on_select="rerun" if selectable else "ignore", selection_mode="single-row-required",
        row_height=tables.ROW_PX, height=tables.height(len(rows)), placeholder="–",
        alt="Predictions",
    )  # fmt: skip
    click = st.session_state.get(f"{key}.opened")
    if click and click["row"] < len(lines):
        travel.go("prediction.py", {"id": lines[click["row"]].id})
    ticked = list(event["selection"]["rows"]) if selectable else []
    return lines[ticked[0]] if ticked and ticked[0] < len(lines) else None


def _config(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    ended = sorted({word for row in rows for word in row["Outcome"]})
    return {
        "Version": st.column_config.ButtonColumn(
            type="tertiary", alignment="left", pinned=True, key=f"{key}.opened", width=190
        ),
        "When": st.column_config.DatetimeColumn(format="distance", width=120),
        "Latency": st.column_config.TextColumn(alignment="right", width=90),
        "Rows": st.column_config.NumberColumn(width=70),
        "Outcome": st.column_config.MultiselectColumn(
            options=ended, color=["green" if word == "✓ ok" else "red" for word in ended]
        ),
        "Flag": st.column_config.MultiselectColumn(
            options=list(predictions.FLAGS), color=["orange"] * len(predictions.FLAGS), width=90
        ),
        "Shared": st.column_config.TextColumn(width=80),
        "Reason": st.column_config.TextColumn(width=320),
    }


def filters(reg: Registry, actor: Actor) -> tuple[str, PredictionFilter]:
    """The filters, kept in the address; the model ("" for all) and the rest."""
    grid = st.grid(4, min_column_width=150)
    wanted = st.query_params.get("model", "")
    refs = predictions.models_of(reg, actor)
    refs = refs if not wanted or wanted in refs else (wanted, *refs)
    model = address.choice(grid, _WHERE, "Model", "model", refs, drops=("version", "who"))
    numbers = [str(v.number) for v in recalled(versions.find, reg, actor, model)] if model else []
    version = address.choice(grid, _WHERE, "Version", "version", numbers, disabled=not model)
    outcome = address.choice(grid, _WHERE, "Outcome", "outcome", _ENDED)
    flag = address.choice(grid, _WHERE, "Flag", "flag", _FLAGGED)
    since, until = (
        address.day(grid, _WHERE, "Since", "since"),
        address.day(grid, _WHERE, "Until", "until"),
    )
    least, most = _ROWS.get(address.choice(grid, _WHERE, "Rows", "rows", list(_ROWS)), (0, 0))
    who = address.choice(
        grid, _WHERE, "Asked by", "who", ("everybody",), none="me", disabled=not model
    )
    return model, PredictionFilter(
        mine=who != "everybody", version=int(version or 0), outcome=outcome, flag=flag,
        since=since, until=until, least_rows=least, most_rows=most,
    )  # fmt: skip


def narrowed() -> bool:
    """Whether any filter is in force."""
    return any(st.query_params.get(name) for name in _NAMES if name != "p")


def pages(found: Page[PredictionLine]) -> None:
    """How many there are, the other pages, and a way out of the filters."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(text.count(found.total, "prediction"), width="content")
    if narrowed():
        row.button(
            "Clear filters", icon=":material/filter_alt_off:", type="tertiary",
            on_click=address.clear, args=(_NAMES,),
        )  # fmt: skip
    address.pages(row, _WHERE, found.number, found.n_pages)


def export(reg: Registry, actor: Actor, model: str, only: PredictionFilter) -> None:
    """All that fit the filters as CSV, written when the button is pressed."""
    st.download_button(
        "Export CSV", lambda: "".join(predictions.export(reg, actor, model, only)),
        "predictions.csv", "text/csv", key="predictions.export", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip


def flagged(reg: Registry, actor: Actor, model: Model) -> None:
    """The newest flags on a model, for those who manage it."""
    if access.allowed(actor, model.level, "prediction.keep"):
        return
    only = PredictionFilter(flag="any")
    found = predictions.find(reg, actor, model.ref, size=10, only=only)
    cards.section("Flagged predictions")
    if not found.items:
        st.caption("None. People flag answers below the playground; you read the reasons here.")
        return
    table(found.items, "model.flagged", people=True)
    if found.total > len(found.items):
        query = {"model": model.ref, "flag": "any", "who": "everybody"}
        label = f"All {found.total} flagged predictions"
        st.page_link("predictions.py", label=label, query_params=query)

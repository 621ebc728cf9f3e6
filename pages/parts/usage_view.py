"""How much a model is used: thirty days of predictions and downloads, by version, by whom."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import cards, charts, charts_usage, text
from registry import access, downloads, usage
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, DownloadLine, Model

_WHAT = {
    "file": "One file",
    "package": "Package",
    "mlflow": "MLflow model",
    "hub": "Hub repository",
}
_MOST_LINES = 20


def show(reg: Registry, actor: Actor, model: Model) -> None:
    """Two small charts, the versions in figures, and for managers who downloaded what."""
    found = recalled(usage.of_model, reg, actor, model.ref)
    cards.section("Use in the last 30 days")
    left, right = st.columns(2, gap="large")
    shown = ((left, "prediction", found.predictions), (right, "download", found.downloads))
    for place, noun, counts in shown:
        with place:
            st.markdown(f"**{text.number(sum(counts))}** {noun}{'' if sum(counts) == 1 else 's'}")
            if any(counts):
                figure = charts_usage.by_day(actor.id, found.days, counts, noun)
                alt = f"{noun.capitalize()}s a day, thirty days"
                charts.show(figure, key=f"usage.{noun}", alt=alt)
    used = [use for use in found.versions if use.downloads or use.predictions]
    if used:
        rows = [
            {
                "Version": f"v{use.number}",
                "Predictions": use.predictions,
                "Downloads": use.downloads,
                "Last downloaded": use.last_downloaded_at,
            }
            for use in used
        ]
        when = st.column_config.DatetimeColumn(format="distance")
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, column_config={"Last downloaded": when},
            alt="Predictions and downloads by version", placeholder="never",
        )  # fmt: skip
    _who(reg, actor, model)


def _who(reg: Registry, actor: Actor, model: Model) -> None:
    """Who took what and when; only for those who manage the model."""
    if access.allowed(actor, model.level, "download.list"):
        return
    page = recalled(downloads.history, reg, actor, model.ref, size=_MOST_LINES)
    if not page.total:
        return
    with st.expander(f"Who downloaded ({page.total})", icon=":material/download:"):
        for line in page.items:
            _line(line)
        if page.total > len(page.items):
            st.caption(f"and {page.total - len(page.items)} earlier")


def _line(line: DownloadLine) -> None:
    by = text.escape(line.by, 40) if line.by else "somebody whose account is gone"
    what = text.escape(line.filenames[0], 80) if line.what == "file" else _WHAT[line.what]
    more = f" of {text.count(len(line.filenames), 'file')}" if line.what == "package" else ""
    st.markdown(f"**{by}** {what}{more} of v{line.number} :small[:gray[{text.ago(line.at)}]]")

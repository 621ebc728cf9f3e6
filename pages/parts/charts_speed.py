"""Figures of how quick versions are."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text
from pages.parts.charts import Values


@st.cache_resource(max_entries=200, show_spinner=False)
def throughput(actor_id: str, sizes: tuple[int, ...], rates: Values) -> go.Figure:
    """Rows a second over batch size, both on scales of powers; first and last labelled."""
    labels = [f"{rate:,.0f}" if rate >= 10 else text.number(rate, 2) for rate in rates]
    line = go.Scatter(
        x=list(sizes),
        y=list(rates),
        mode="lines+markers+text",
        line={"color": charts.SERIES[1], "width": 2},
        marker={"size": 7},
        text=[label if i in (0, len(labels) - 1) else "" for i, label in enumerate(labels)],
        textposition="top center",
        cliponaxis=False,
        customdata=[
            f"batches of {size}: {rate:,.0f} rows/s"
            for size, rate in zip(sizes, rates, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = charts.template(line, height=170)
    figure.update_xaxes(type="log", tickvals=list(sizes), ticktext=[str(size) for size in sizes])
    figure.update_yaxes(type="log", visible=False)
    figure.update_layout(margin={"l": 28, "r": 44, "t": 30, "b": 8})
    return figure

"""Figures of how much a model is used."""

from __future__ import annotations

from datetime import date

import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, text


@st.cache_resource(max_entries=200, show_spinner=False)
def by_day(actor_id: str, days: tuple[date, ...], counts: tuple[int, ...], noun: str) -> go.Figure:
    """One thin bar a day; the highest is labelled, the ends are dated."""
    most = max(counts)
    bars = go.Bar(
        x=[day.isoformat() for day in days],
        y=list(counts),
        marker={"color": charts.SERIES[1] if noun == "prediction" else charts.SERIES[0]},
        text=[text.number(n) if i == counts.index(most) else "" for i, n in enumerate(counts)],
        textposition="outside",
        cliponaxis=False,
        customdata=[
            f"{day:%-d %B}: {text.count(n, noun)}" for day, n in zip(days, counts, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = charts.template(bars, height=120)
    ends = [days[0], days[len(days) // 2], days[-1]]
    figure.update_xaxes(
        type="category",
        tickvals=[day.isoformat() for day in ends],
        ticktext=[f"{day:%-d %b}" for day in ends],
    )
    figure.update_yaxes(visible=False, range=[0, max(most, 1) * 1.25])
    figure.update_layout(bargap=0.25, margin={"l": 8, "r": 8, "t": 14, "b": 8})
    return figure

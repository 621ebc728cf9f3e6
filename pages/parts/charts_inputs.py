"""Charts of what a model is given: the waveform of a sound."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts

_BUCKETS, _HEIGHT_PX = 600, 110
Envelope = tuple[tuple[float, ...], tuple[float, ...]]


def waveform(actor_id: str, samples: np.ndarray, rate: int, key: str) -> None:
    """Lowest and highest sample of each moment, one lane a channel; `(channels, n)`, rate in Hz."""
    lanes = tuple(_envelope(channel) for channel in samples[:2])
    seconds = samples.shape[1] / rate
    charts.show(_figure(actor_id, lanes, seconds), key=key, alt=f"Waveform, {seconds:.2f} seconds")


def _envelope(channel: np.ndarray) -> Envelope:
    n = min(_BUCKETS, len(channel))
    starts = np.linspace(0, len(channel), n, endpoint=False).astype(int)
    lows, highs = np.minimum.reduceat(channel, starts), np.maximum.reduceat(channel, starts)
    return tuple(lows.astype(float).tolist()), tuple(highs.astype(float).tolist())


@st.cache_resource(max_entries=50, show_spinner=False)
def _figure(actor_id: str, lanes: tuple[Envelope, ...], seconds: float) -> go.Figure:
    figure = charts.template(height=_HEIGHT_PX * len(lanes))
    for lane, (lows, highs) in enumerate(lanes):
        at = np.linspace(0, seconds, len(lows)).tolist()
        up, down = [v - 2.2 * lane for v in highs], [v - 2.2 * lane for v in lows]
        figure.add_scatter(
            x=[*at, *reversed(at)], y=[*up, *reversed(down)], fill="toself", mode="lines",
            line={"color": charts.colour(1), "width": 1}, hoverinfo="skip",
        )  # fmt: skip
    figure.update_yaxes(range=[-1.1 - 2.2 * (len(lanes) - 1), 1.1], visible=False)
    figure.update_xaxes(ticksuffix=" s", nticks=6)
    return figure

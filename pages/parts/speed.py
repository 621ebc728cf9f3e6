"""How quick a version is: its newest benchmark, and the button that measures it again."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, charts, charts_speed, notices, text
from registry import access, benchmarks, jobs, timings
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Benchmark, Job, Model, Version

_POLL_S = 2.0


def show(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """The figures, what is being measured right now, and what went wrong."""
    cards.section("Speed")
    found = recalled(timings.find, reg, actor, version.ref)
    last = recalled(benchmarks.last, reg, actor, version.ref)
    under_way = last is not None and last.finished_at is None
    if found:
        _figures(actor, found[0])
    elif under_way:
        st.caption("Not measured yet.")
    else:
        st.caption("Never measured.")
    if last and under_way:
        st.fragment(_watch, run_every=_POLL_S)(reg, actor, version.ref, last.id)
    elif last and last.state == "failed":
        said = text.escape(last.message[:1].upper() + last.message[1:], 600)
        st.caption(f":orange[:material/warning:] The last measurement did not finish: {said}.")
    _again(reg, actor, model, version, last if under_way else None)


def _figures(actor: Actor, found: Benchmark) -> None:
    grid = st.grid(min_column_width=110, gap="small")
    for label, value, about in (
        ("p50", text.duration(found.p50_ms), "Half of the answers to one row took no longer."),
        ("p95", text.duration(found.p95_ms), "95 of 100 answers to one row took no longer."),
        ("p99", text.duration(found.p99_ms), "99 of 100 answers to one row took no longer."),
        ("Load", text.duration(found.load_ms), "Median of several loads, each in a new worker."),
        ("Memory", text.size(found.peak_memory_bytes), "At its peak, beyond an empty worker."),
        ("File", text.size(found.size_bytes), "The model file itself."),
    ):
        with grid.container():
            st.metric(label, value, help=about)
    sizes, rates = tuple(found.rows_per_s), tuple(found.rows_per_s.values())
    if len(sizes) > 1:
        st.markdown("**Rows a second**, by batch size")
        figure = charts_speed.throughput(actor.id, sizes, rates)
        charts.show(figure, key="speed.throughput", alt="Rows a second by batch size")
    if found.remark:
        st.caption(text.escape(found.remark[:1].upper() + found.remark[1:], 400))
    st.caption(f"{text.escape(found.machine, 200)}, {text.ago(found.at)}")


def _again(
    reg: Registry, actor: Actor, model: Model, version: Version, under_way: Job | None
) -> None:
    why = access.allowed(actor, model.level, "version.benchmark") or version.why_no_predictions
    why = why or ("" if version.schema else "its schema is not known yet")
    with st.container(horizontal=True):
        label = "Measure again" if recalled(timings.find, reg, actor, version.ref) else "Measure"
        busy = "it is being measured" if under_way else ""
        if cards.action(label, why or busy, key="speed.measure", icon=":material/speed:"):
            with notices.shown(stop=False):
                benchmarks.start(reg, actor, version.ref)
                st.rerun()
        mine = under_way and any(j.id == under_way.id for j in jobs.find(reg, actor))
        if under_way and mine and st.button("Stop", key="speed.stop", type="tertiary"):
            with notices.shown(stop=False):
                jobs.cancel(reg, actor, under_way.id)
                st.rerun()


def _watch(reg: Registry, actor: Actor, ref: str, job_id: str) -> None:
    with notices.shown():
        job = recalled(benchmarks.last, reg, actor, ref)
    if job is None or job.id != job_id or job.finished_at is not None:
        st.rerun()
    waits = "waits for its turn" if job.state == "queued" else job.message or "begins"
    st.progress(job.progress, f"Measuring: {text.escape(waits, 200)}")

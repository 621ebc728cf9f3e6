"""/jobs: the background work one started, live while it runs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import cards, notices, session, tables, text
from registry import jobs
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Job

reg, actor = session.require("search")


def listing(reg: Registry, actor: Actor) -> None:
    """The table, drawn anew each second while something runs."""
    with notices.shown():
        found = recalled(jobs.find, reg, actor)
    if not found:
        with cards.empty("No jobs yet", "Publishing a version starts its check.", icon="schedule"):
            cards.upload_button(actor, "jobs.upload")
        return
    running = sum(job.state in ("queued", "running") for job in found)
    st.caption(f"{text.count(len(found), 'job')}, {running} open; at most the 200 newest")
    tables.jobs(found)
    stop(found)


def stop(found: Sequence[Job]) -> None:
    """A button for each job that may be stopped half-way."""
    for job in found:
        if job.state in ("queued", "running") and job.kind in jobs.CANCELLABLE:
            label = f"Cancel the {job.kind} of {text.clean(job.subject, 60)}"
            if st.button(label, key=f"jobs.cancel.{job.id}", icon=":material/cancel:"):
                with notices.shown(stop=False):
                    jobs.cancel(reg, actor, job.id)
                    cards.done("Cancelled; what was done stays")


cards.header("Jobs", "Work that goes on after you leave the page")
with notices.shown():
    busy = bool(recalled(jobs.find, reg, actor, only_open=True))
st.fragment(listing, run_every=1.0 if busy else None)(reg, actor)

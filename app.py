"""The server: pages, upload gate, routes and the job loop in one process on one port."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware

from pages.parts import notices
from registry import (
    accounts,
    activity,
    benchmarks,
    cases,
    checks,
    conversions,
    deliveries,
    evaluating,
    golden_runs,
    imports,
    jobs,
    logs,
    overview,
    rescans,
    results,
    retention,
    scoring,
    scorings,
    search,
    staging,
    training,
    trainings,
    uploads,
)
from registry.core import Registry
from registry.records import Actor, ModelQuery
from registry.web import handle
from registry.web.gate import UploadGate
from registry.web.headers import SecurityHeaders
from registry.web.routes import ROUTES

_HANDLERS = {
    benchmarks.KIND: benchmarks.run,
    checks.KIND: checks.run,
    deliveries.KIND: deliveries.deliver,
    golden_runs.KIND: golden_runs.run,
    imports.KIND: imports.run,
    rescans.KIND: rescans.run,
    results.KIND: evaluating.run,
    scorings.KIND: scoring.run,
    trainings.KIND: training.run,
    **conversions.HANDLERS,
}
_SWEEPS = (
    checks.catch_up, staging.sweep, retention.sweep, scorings.sweep, uploads.sweep,
    deliveries.sweep,
)  # fmt: skip
_AHEAD = ("pandas", "PIL.ImageFile", "plotly.graph_objects", "pyarrow", "streamlit_authenticator")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Open the registry, start what runs beside the pages, and close it all at the end."""
    reg = await to_thread.run_sync(handle.get)
    logs.set_up(reg.settings)
    _get_ready(reg)
    reg.pool.start()
    await to_thread.run_sync(jobs.launch, reg, _HANDLERS, _SWEEPS, (deliveries.collect,))
    gc.collect()
    gc.freeze()  # else a full collection after every script run holds all pages up for 95 ms
    sys.stderr.write(_greeting(reg))
    try:
        yield {}
    finally:
        await to_thread.run_sync(jobs.stop)
        handle.use(None)
        await to_thread.run_sync(reg.close)


def _get_ready(reg: Registry) -> None:
    """Do what the first visitor would otherwise wait for: imports, and statements compiled once."""
    logging.disable(logging.WARNING)  # the authenticator looks for a page while it is imported
    parts = Path(__file__).parent / "pages" / "parts"
    for name in (*_AHEAD, *(f"pages.parts.{part.stem}" for part in parts.glob("[!_]*.py"))):
        import_module(name)
    st.empty()  # Streamlit looks once through all modules for the one that started it
    logging.disable(logging.NOTSET)
    nobody = Actor(id="nobody", username="nobody")
    accounts.by_session(reg, "")
    jobs.find(reg, nobody, only_open=True)
    cases.count(reg, nobody)
    overview.totals(reg, nobody)
    overview.attention(reg, nobody)
    activity.find(reg, nobody)
    for query in (ModelQuery(), ModelQuery(owners=("nobody",))):
        search.find_models(reg, nobody, query)
    search.facets(reg, nobody, ModelQuery())


def _greeting(reg: Registry) -> str:
    host = st.get_option("server.address") or "localhost"
    lines = [f"Vitrine is at http://{host}:{st.get_option('server.port')}"]
    if accounts.needs_first_admin(reg):
        lines.append("Nobody has an account yet: the first visitor creates the administrator.")
        lines.append(
            f"From another machine or through a proxy, with this code: {accounts.setup_code(reg)}"
        )
    if reg.pool.shortfall:
        lines.append(reg.pool.shortfall)
    return "\n" + "\n".join(f"  {line}" for line in lines) + "\n\n"


app = st.App(
    Path(__file__).parent / "pages" / "_main.py",
    lifespan=lifespan,
    routes=ROUTES,
    middleware=[Middleware(SecurityHeaders), Middleware(UploadGate)],
    on_script_error=notices.broke,
)

if __name__ == "__main__":
    app.run()

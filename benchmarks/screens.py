"""T1, T2, T4 and T6: how fast the pages are, and how flat memory stays while 500 MB go through."""

from __future__ import annotations

import json
import os
import shutil
import struct
import threading
import time
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from benchmarks.harness import Server, Visitor, machine, median, server, verdict
from registry import publish, staging, versions
from registry.records import Details, Metric
from registry.web import cookie
from tests.makers import models as makers

N_RERUNS = 40
MB = 1 << 20
BIG = 475 * MB  # just below the limit of 500,000,000 bytes


def main() -> None:
    print(machine())
    starts = []
    for _ in range(3):
        with server() as running:
            starts.append(running.start_s)
    print(verdict("T2 cold start to /healthz, best of 3", min(starts), 4.0, "s"))
    with server() as running:
        _first_page(running)
        _ready(running)
        _reruns(running)
        _big_file(running)


def _first_page(running: Server) -> None:
    """T2: the first visitor against the tenth."""
    times = []
    for _ in range(10):
        visitor = Visitor(running, cookie.PLAIN_NAME, "")
        times.append(visitor.rerun()[0])
        visitor.close()
    print(verdict("T2 healthz + first signed-in page", running.start_s + times[0], 6.0, "s"))
    print(f"   first visitor {times[0] * 1e3:.0f} ms, tenth {times[-1] * 1e3:.0f} ms")


def _ready(running: Server) -> None:
    """T6: publish a 1 MB scikit-learn model; the server's own check job makes it ready."""
    path = makers.sklearn_forest(Path(running.reg.settings.home), n_trees=600)
    times = []
    for n in range(50):
        version = _publish(running, path, f"Model {n:03}", n)
        if n % 10 == 0:
            started = time.perf_counter()
            while versions.get(running.reg, running.actor, version).status == "checking":
                time.sleep(0.02)
            times.append(time.perf_counter() - started)
    size = path.stat().st_size / MB
    print(verdict(f"T6 publish to ready, {size:.1f} MB forest, p50", median(times), 3.0, "s"))


def _publish(running: Server, path: Path, name: str, n: int) -> str:
    with (
        path.open("rb") as file,
        staging.receive(running.reg, running.actor, path.name) as incoming,
    ):
        while block := file.read(MB):
            incoming.write(block)
        staged = incoming.finish()
    draft = publish.examine(running.reg, running.actor, staged.id)
    metrics = (Metric("accuracy_score", 0.5 + n / 100), Metric("f1_score", 0.4 + n / 100))
    details = Details(name=name, metrics=metrics)
    return publish.publish(running.reg, running.actor, draft.id, details).ref


def _reruns(running: Server) -> None:
    """T1: warm reruns of a page with a 50-row table, with a chart, and with neither."""
    running_ten = _ten(running)
    pages = {
        "models (50 rows, facets)": ("models", "", 25.0),
        "compare, 2 versions": ("compare", "v=tester/model-000@1&v=tester/model-001@1", 30.0),
        "compare, 10 versions": ("compare", "&".join(f"v={ref}" for ref in running_ten), 60.0),
        "jobs (no chart)": ("jobs", "", 20.0),
    }
    for title, (page, query, limit_ms) in pages.items():
        visitor = Visitor(running, cookie.PLAIN_NAME, page, query)
        for _ in range(5):
            visitor.rerun()
        cpu_before = running.cpu_s()
        times = [visitor.rerun()[0] * 1e3 for _ in range(N_RERUNS)]
        cpu_ms = (running.cpu_s() - cpu_before) / N_RERUNS * 1e3
        visitor.close()
        print(verdict(f"T1 {title}, server CPU a rerun", cpu_ms, limit_ms, "ms"))
        print(verdict(f"T1 {title}, round trip p50", median(times), 60.0, "ms"))


def _ten(running: Server) -> list[str]:
    """Ten versions with 60 parameters and 8 metrics."""
    refs = [f"tester/model-{n:03}@1" for n in range(10)]
    for n, ref in enumerate(refs):
        versions.edit(
            running.reg,
            running.actor,
            ref,
            metrics=[Metric(f"metric_{k}", 0.5 + n / 100 + k / 50, "", "", True) for k in range(8)],
            parameters={f"parameter_{k}": n * k for k in range(60)},
        )
    return refs


def _big_file(running: Server) -> None:
    """T4: 498 MB through a real browser up, and down through the download route."""
    file = Path(running.reg.settings.home).parent / f"vitrine-big-{os.getpid()}.safetensors"
    try:
        _write_big(file)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_context().new_page()
            page.context.add_cookies(
                [{"name": cookie.PLAIN_NAME, "value": running.token, "url": running.url}]
            )
            page.goto(f"{running.url}/upload")
            field = page.locator("input[type=file]").first
            field.wait_for(state="attached")
            before, started = running.rss_mb(), time.perf_counter()
            with _Peak(running) as peak:
                field.set_input_files(file)
                page.get_by_text("safetensors", exact=False).first.wait_for(timeout=120_000)
                page.get_by_role("button", name="Publish version").first.wait_for(timeout=120_000)
            took = time.perf_counter() - started
            print(verdict("T4 498 MB up, server memory grows", peak.mb - before, 20.0, "MB"))
            print(f"   {BIG / MB / took:.0f} MB/s from drop to the filled form")
            browser.close()
        _download(running, _publish(running, file, "Big", 1))
    finally:
        file.unlink(missing_ok=True)


def _write_big(file: Path) -> None:
    header = json.dumps({"w": {"dtype": "U8", "shape": [BIG], "data_offsets": [0, BIG]}}).encode()
    header += b" " * (-len(header) % 8)
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        block = os.urandom(MB)
        for _ in range(BIG // MB):
            out.write(block)


def _download(running: Server, ref: str) -> None:
    artifact = versions.get(running.reg, running.actor, ref).artifact
    before, started, received = running.rss_mb(), time.perf_counter(), 0
    url = f"{running.url}/artifacts/{artifact.id}/download"
    headers = {"Cookie": f"{cookie.PLAIN_NAME}={running.token}", "Accept-Encoding": "gzip"}
    with _Peak(running) as peak, httpx.stream("GET", url, headers=headers, timeout=120) as answer:
        for chunk in answer.iter_raw(MB):
            received += len(chunk)
    took = time.perf_counter() - started
    assert received == artifact.size_bytes, (received, artifact.size_bytes)
    print(verdict("T4 498 MB down, server memory grows", peak.mb - before, 20.0, "MB"))
    print(f"   {received / MB / took:.0f} MB/s")


class _Peak:
    """The server's largest resident memory while the block runs."""

    def __init__(self, running: Server) -> None:
        self.mb, self._server, self._stop = 0.0, running, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.mb = max(self.mb, self._server.rss_mb())


if __name__ == "__main__":
    main()

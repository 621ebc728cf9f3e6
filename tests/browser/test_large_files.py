"""Large files pass through the server without staying in its memory."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import BrowserContext, Page

from registry import publish, staging
from registry.core import open_registry
from registry.records import Actor, Details
from registry.settings import Settings
from registry.tables import StagedRow, UserRow
from tests.browser.conftest import Server, create_admin, settle

MB = 1 << 20
FLAT_MB = 20
pytestmark = pytest.mark.long


class Peak:
    """The most memory the server held during a block, above what it held before, in MB."""

    grown_mb = 0.0


@contextmanager
def watched(server: Server) -> Iterator[Peak]:
    process, peak, over = psutil.Process(server.process.pid), Peak(), threading.Event()
    before = process.memory_info().rss
    assert before > 100 * MB, "this is not the server"

    def watch() -> None:
        while not over.is_set():
            peak.grown_mb = max(peak.grown_mb, (process.memory_info().rss - before) / MB)
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    yield peak
    over.set()
    thread.join()


def weights(path: Path, size_mb: int) -> Path:
    """A safetensors file with one tensor of bytes."""
    size = size_mb * MB
    header = {"weights": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        block = hashlib.sha256(path.name.encode()).digest() * (MB // 32)
        for _ in range(size_mb):
            file.write(block)
    return path


def upload(page: Page, server: Server, path: Path) -> None:
    """Drop a file and wait until it is staged and the page has looked at it."""
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)
    until = time.monotonic() + 120
    with closing(sqlite3.connect(server.home / "vitrine.db")) as database:
        asked = "SELECT count(*) FROM staged WHERE filename = ? AND inspection IS NOT NULL"
        while not database.execute(asked, (path.name,)).fetchone()[0]:
            assert time.monotonic() < until, "the file did not arrive"
            page.wait_for_timeout(100)
    settle(page)


def test_500_mb_in_and_out_leave_memory_flat(
    server: Server, visit: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    page = visit().new_page()
    create_admin(page, server)
    page.goto(f"{server.url}/upload")
    upload(page, server, weights(tmp_path / "small.safetensors", 5))
    big = weights(tmp_path / "big.safetensors", 476)  # the browser counts 500 MB of 10^6 bytes
    with watched(server) as going_in:
        upload(page, server, big)
        page.wait_for_timeout(2000)
    artifact_id = publish_last(server)
    [token] = [c["value"] for c in page.context.cookies() if c["name"] == "vitrine-session"]
    url = f"{server.url}/artifacts/{artifact_id}/download"
    download(url, token, most=MB)
    with watched(server) as going_out:
        started = time.perf_counter()
        size, digest = download(url, token)
        seconds = time.perf_counter() - started
    assert size == big.stat().st_size
    with big.open("rb") as file:
        assert digest == hashlib.file_digest(file, "sha256").hexdigest()
    print(
        f"upload +{going_in.grown_mb:.1f} MB, download +{going_out.grown_mb:.1f} MB, "
        f"{seconds:.1f} s"
    )
    assert going_in.grown_mb < FLAT_MB
    assert going_out.grown_mb < FLAT_MB


def publish_last(server: Server) -> str:
    """Publish the largest staged file beside the running server; gives the artifact's id."""
    reg = open_registry(Settings(home=server.home, _env_file=None))
    with reg.reading() as s:
        row = s.query(StagedRow).order_by(StagedRow.size_bytes.desc()).first()
        assert row is not None
        user = s.get_one(UserRow, row.user_id)
        actor = Actor(user.id, user.username, role="admin")
    staged = staging.get(reg, actor, row.id)
    draft = publish.examine(reg, actor, staged.id)
    version = publish.publish(reg, actor, draft.id, Details(name="Big"))
    reg.close()
    return version.artifact.id


def download(url: str, token: str, most: int | None = None) -> tuple[int, str]:
    """Read what is behind the address as a browser asks for it, in blocks."""
    headers = {"Cookie": f"vitrine-session={token}", "Accept-Encoding": "gzip, deflate, br"}
    size, digest = 0, hashlib.sha256()
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        assert answer.headers["content-encoding"] is None
        while block := answer.read(MB):
            size += len(block)
            digest.update(block)
            if most and size >= most:
                break
    return size, digest.hexdigest()

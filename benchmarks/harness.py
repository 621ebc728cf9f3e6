"""What the benchmarks share: the machine's name, verdict lines, a server, a bare visitor."""

from __future__ import annotations

import gc
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from registry import accounts, sessions, staging
from registry.core import Registry, open_registry
from registry.records import Actor
from registry.settings import Settings

ROOT = Path(__file__).parent.parent
PASSWORD = "bench bench bench 1"
UNLIMITED = 1_000_000_000
"""Predictions a minute: one person asks more here than people do."""


def machine() -> str:
    """One line that names the machine and how busy it is."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; load {load}"
    )


def verdict(name: str, measured: float, limit: float, unit: str, *, at_least: bool = False) -> str:
    """One result line: measured, limit, and whether it passes."""
    passes = measured >= limit if at_least else measured <= limit
    sign = "≥" if at_least else "≤"
    word = "pass" if passes else "falls short"
    return f"{name}: {measured:.2f} {unit} (target {sign} {limit:g} {unit}) — {word}"


class Peak(threading.Thread):
    """The most memory this process has had while it ran, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        gc.collect()
        self.process, self.over = psutil.Process(), threading.Event()
        self.before = self.most = self.process.memory_info().rss / 2**20

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.most = max(self.most, self.process.memory_info().rss / 2**20)


@contextmanager
def fresh_home() -> Iterator[tuple[Registry, Actor, Path]]:
    """An empty registry in this process, who works in it, and a folder for what is made."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name:
        folder = Path(name)
        reg = open_registry(Settings(home=folder / "home", min_free_disk_mb=0, _env_file=None))
        actor = accounts.create_user(
            reg, username="tester", name="Tester", email="t@example.org", password=PASSWORD,
            role="author",
        )  # fmt: skip
        try:
            yield reg, actor, folder
        finally:
            reg.close()


def stage(reg: Registry, actor: Actor, path: Path) -> str:
    """Upload a file in pieces; the id of what waits."""
    with staging.receive(reg, actor, path.name) as incoming, path.open("rb") as file:
        while block := file.read(1 << 20):
            incoming.write(block)
        return incoming.finish().id


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def median(values: list[float]) -> float:
    return statistics.median(values)


@dataclass
class Server:
    """A running server with its own empty home folder."""

    port: int
    process: psutil.Process
    reg: Registry
    actor: Actor
    token: str
    start_s: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rss_mb(self) -> float:
        return float(self.process.memory_info().rss) / 2**20

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def server(**settings: str) -> Iterator[Server]:
    """The real server on a free port, one admin signed in."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        env = {key: value for key, value in os.environ.items() if not key.startswith("VITRINE_")}
        env |= {"VITRINE_HOME": folder} | settings
        port = free_port()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        started = time.perf_counter()
        child = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/healthz", child)
            start_s = time.perf_counter() - started
            reg = open_registry(
                Settings(
                    home=Path(folder),
                    predictions_per_minute=UNLIMITED,
                    benchmark_uploads=False,  # what is published here would be measured meanwhile
                    _env_file=None,
                )
            )
            actor = accounts.create_user(
                reg,
                username="tester",
                name="Tester",
                email="tester@example.org",
                password=PASSWORD,
                role="admin",
            )
            _, ticket = sessions.open_session(reg, actor)
            token = sessions.redeem(reg, ticket)
            yield Server(port, psutil.Process(child.pid), reg, actor, token, start_s)
            reg.close()
        finally:
            child.terminate()
            child.wait(timeout=30)


def _wait(url: str, child: subprocess.Popen[bytes], timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError(f"the server ended with {child.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(url)


class Visitor:
    """Talks to a page the way the browser does, without drawing it."""

    def __init__(self, server: Server, cookie: str, page: str, query: str = "") -> None:
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{server.port}/_stcore/stream",
            additional_headers={"Cookie": f"{cookie}={server.token}"},
            subprotocols=["streamlit"],  # type: ignore[list-item]
            origin=server.url,  # type: ignore[arg-type]
            max_size=None,
        )
        self.page, self.query = page, query

    def rerun(self) -> tuple[float, list[ForwardMsg]]:
        """Run the page once.

        Returns:
            Seconds until the script finished, and all messages it sent.
        """
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.page
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        received = []
        while True:
            forward = ForwardMsg()
            forward.ParseFromString(self._socket.recv(timeout=60))  # type: ignore[arg-type]
            received.append(forward)
            if forward.WhichOneof("type") == "script_finished":
                return time.perf_counter() - started, received

    def close(self) -> None:
        self._socket.close()

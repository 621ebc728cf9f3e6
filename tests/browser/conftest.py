"""A real server with an empty home on a free port, driven through a real Chromium."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery 9"
_CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_START_WITHIN_S = 60
_PATIENCE_MS = 90_000  # a limit for busy machines, never a wait
expect.set_options(timeout=_PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the pages showed when a test failed is told with the failure."""
    report = yield
    opened: Browser | None = getattr(item, "funcargs", {}).get("browser")
    if report.when == "call" and report.failed and opened:
        for page in (page for context in opened.contexts for page in context.pages):
            said = page.locator("body").aria_snapshot(timeout=5_000)
            report.sections.append((f"what {page.url} showed", said[:20_000]))
    return report


@dataclass
class Server:
    """A running server; `log` is what it has printed."""

    url: str
    home: Path
    log_path: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_server(home: Path, **settings: str) -> Server:
    """Start the app as `make run` does; `settings` are VITRINE_* variables.

    New versions are measured only where a test is about it: each takes seconds of a core.
    """
    settings = {"benchmark_uploads": "0"} | settings
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home.mkdir(parents=True, exist_ok=True)
    log_path = home.parent / f"{home.name}.log"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("VITRINE_", "STREAMLIT_"))},
        "VITRINE_HOME": str(home),
        **{f"VITRINE_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", home, log_path, process)
    until = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    return server
        except OSError:
            time.sleep(0.1)
    server.stop()
    raise RuntimeError(f"the server did not start:\n{server.log[-4000:]}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh server without any account."""
    server = start_server(tmp_path / "home")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Opens a browser profile of its own: another person, or another machine."""
    contexts: list[BrowserContext] = []

    def open_context(width: int = 1440, height: int = 900, dark: bool = False) -> BrowserContext:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
            reduced_motion="reduce",  # half a core of spinners
        )
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        return context

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit: Callable[..., BrowserContext]) -> Page:
    return visit().new_page()


def fill(page: Page, label: str, value: str) -> None:
    """Type into the field of that exact label, and let Streamlit take it."""
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill(value)
    field.blur()


def fill_registration(page: Page, username: str, password: str = PASSWORD) -> None:
    fill(page, "First name", username.title())
    fill(page, "Last name", "Tester")
    fill(page, "E-mail", f"{username}@example.org")
    fill(page, "User name", username)
    fill(page, "Password", password)
    fill(page, "Repeat password", password)


def create_admin(page: Page, server: Server, username: str = "ada") -> None:
    """Be the first visitor of a fresh server."""
    page.goto(server.url)
    expect(page.get_by_text("Create the administrator")).to_be_visible()
    fill_registration(page, username)
    page.get_by_role("button", name="Create administrator").click()
    expect_signed_in(page)


def register(page: Page, server: Server, username: str) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Create an account").click()
    expect(page.get_by_role("button", name="Create account")).to_be_visible()
    fill_registration(page, username)
    page.get_by_role("button", name="Create account").click()
    expect_signed_in(page)


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    """Fill the card in, wherever the page is."""
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    fill(page, "User name", username)
    fill(page, "Password", password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_test_id("stSidebar").get_by_test_id("stMenuButton").click()
    page.get_by_text("Sign out", exact=True).click()
    expect_card(page)


def expect_signed_in(page: Page) -> None:
    """The menu stands, and the browser has its cookie."""
    expect(page.get_by_test_id("stSidebarNav")).to_be_visible()
    expect_cookie(page)


def expect_cookie(page: Page) -> None:
    """The browser has its cookie: another address can be opened."""
    _wait_for_cookie(page, True)


def expect_no_cookie(page: Page) -> None:
    """The browser has dropped its cookie."""
    _wait_for_cookie(page, False)


def _wait_for_cookie(page: Page, wanted: bool) -> None:
    until = time.monotonic() + 10
    while wanted != any(c["name"] == "vitrine-session" for c in page.context.cookies()):
        assert time.monotonic() < until, "no cookie" if wanted else "the cookie is still there"
        page.wait_for_timeout(50)


def expect_card(page: Page) -> None:
    """Nothing but the sign-in card."""
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)


_QUIET = """quietMs => {
    const app = document.querySelector('[data-test-script-state]');
    const busy = !app || app.dataset.testScriptState !== 'notRunning'
        || document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]');
    if (busy) window.quietSince = undefined;
    else window.quietSince ??= performance.now();
    return !busy && performance.now() - window.quietSince >= quietMs;
}"""


def settle(page: Page) -> None:
    """Wait until no script has been running for a moment: one may follow from the last click."""
    page.evaluate("window.quietSince = undefined")
    page.wait_for_function(_QUIET, arg=250)


def choose(page: Page, label: str, value: str) -> None:
    """Take that value in the drop-down of that label."""
    page.get_by_role("combobox", name=label).first.fill(value)
    page.keyboard.press("Enter")
    settle(page)


def screenshot(page: Page, name: str, folder: Path) -> None:
    """A picture to look at, in the folder that VITRINE_SHOTS names, else where nobody minds."""
    folder = Path(os.environ.get("VITRINE_SHOTS", folder))
    folder.mkdir(parents=True, exist_ok=True)
    settle(page)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.screenshot(path=folder / f"{name}.png")

"""From the account page to a shell and back: make a token, run the code that is shown, revoke."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import ROOT, Server, create_admin, fill, settle
from tests.browser.test_main_job import press, screenshot, upload
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]


def make_token(page: Page, server: Server) -> str:
    """Through the dialog, up to the secret that it shows."""
    page.goto(f"{server.url}/account")
    expect(page.get_by_text("No token yet")).to_be_visible()
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    fill(page, "What is it for?", "Nightly scoring")
    dialog.get_by_role("button", name="Make token").click()
    expect(dialog.get_by_text("it is not shown again")).to_be_visible()
    return dialog.get_by_test_id("stCode").inner_text().strip()


def code_shown(page: Page, language: str) -> str:
    page.get_by_role("tab", name=language, exact=True).click()
    code = page.get_by_role("tabpanel", name=language, exact=True).get_by_test_id("stCode")
    expect(code).to_be_visible()
    return code.locator("code").inner_text()


def run(
    command: list[str], code: str, secret: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "VITRINE_TOKEN": secret, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        command, input=code, cwd=folder, env=env, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_the_code_that_is_shown_gives_the_answer_that_is_shown_until_the_token_is_revoked(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit(height=1100).new_page()
    create_admin(page, server, "ada")
    upload(page, server, makers.sklearn_classifier(tmp_path), name="Iris species")
    secret = make_token(page, server)
    page.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text(secret)).to_have_count(0)
    expect(page.get_by_text("Nightly scoring")).to_be_visible()
    screenshot(page, "account-tokens", tmp_path)

    page.goto(f"{server.url}/playground?model=ada/iris-species")
    press(page, "Submit")
    answer = page.get_by_test_id("stMetricValue").first.inner_text()
    page.get_by_text("Code for this call").click()
    curl, python = code_shown(page, "curl"), code_shown(page, "Python over HTTP")
    assert server.url in curl
    screenshot(page, "playground-code", tmp_path)
    folder = tmp_path / "elsewhere"
    (folder / "registry").mkdir(parents=True)
    for name in ("client.py", "remote.py", "errors.py"):  # all that it needs, says the page
        shutil.copy(ROOT / "registry" / name, folder / "registry")
    by_curl = run(["/bin/sh", "-eu"], curl, secret, folder)
    by_python = run([sys.executable, "-"], python, secret, folder)
    assert by_curl.returncode == by_python.returncode == 0, by_curl.stderr + by_python.stderr
    outputs = json.loads(by_curl.stdout)["outputs"]
    assert {name: said["values"] for name, said in outputs.items()} == json.loads(by_python.stdout)
    assert outputs["label"]["values"] == [answer]

    page.goto(f"{server.url}/account")
    expect(page.get_by_text("998 calls left")).to_be_visible()
    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    settle(page)
    refused = run(["/bin/sh", "-eu"], curl, secret, folder)
    assert refused.returncode != 0
    assert json.loads(refused.stdout)["status"] == 401
    assert secret not in server.log
    for file in server.home.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file

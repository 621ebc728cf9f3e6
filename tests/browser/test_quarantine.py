"""A file with unknown classes: held back, decided with a reason, and loaded only then."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Server, create_admin, fill, register, settle
from tests.browser.test_main_job import press, screenshot
from tests.makers import held as makers

Visit = Callable[..., BrowserContext]


def drop(page: Page, server: Server, file: Path) -> None:
    page.goto(f"{server.url}/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(file)


def decide(page: Page, opener: str, confirm: str, reason: str) -> None:
    """Open the dialog, say why, confirm."""
    press(page, opener)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Reason").fill(reason)
    dialog.get_by_role("button", name=confirm, exact=True).click()
    expect(dialog).to_have_count(0)
    settle(page)


def test_an_unknown_class_waits_until_somebody_trusts_it(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    ada = visit().new_page()
    create_admin(ada, server, "ada")
    alice = visit().new_page()
    register(alice, server, "alice")

    drop(alice, server, makers.custom_step(tmp_path))
    expect(alice.get_by_text("goes into quarantine")).to_be_visible()
    expect(alice.get_by_text(makers.NAMES[0]).first).to_be_visible()
    settle(alice)
    fill(alice, "Name", "Own step")
    settle(alice)
    alice.get_by_role("button", name="Publish version").click()
    alice.wait_for_url(re.compile(r"/model\?"))
    expect(alice.get_by_text("v1 is quarantined")).to_be_visible()

    ada.goto(f"{server.url}/quarantine")
    expect(ada.get_by_role("heading", name=re.compile("own-step"))).to_be_visible()
    expect(ada.get_by_text("Not shared with you")).to_be_visible()
    settle(ada)
    screenshot(ada, "quarantine", tmp_path)
    press(ada, "Trust")
    dialog = ada.get_by_role("dialog")
    expect(dialog.get_by_text(makers.NAMES[0], exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Trust and check", exact=True).click()
    expect(dialog.get_by_text("say why")).to_be_visible()
    ada.keyboard.press("Escape")
    decide(ada, "Refuse", "Refuse", "who wrote this?")
    expect(ada.get_by_text("who wrote this?").first).to_be_visible()
    decide(ada, "Withdraw", "Withdraw", "alice did")
    decide(ada, "Trust", "Trust and check", "reviewed with alice")
    expect(ada.get_by_text("reviewed with alice")).to_be_visible()

    alice.goto(f"{server.url}/model?name=alice/own-step")
    expect(alice.get_by_text("v1 does not load here")).to_be_visible()
    expect(alice.get_by_text(makers.PACKAGE).first).to_be_visible()
    expect(alice.get_by_text("reviewed with alice")).to_be_visible()


def test_a_refused_file_shows_its_report_and_leaves_nothing(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit().new_page()
    create_admin(page, server, "ada")
    drop(page, server, makers.dangerous(tmp_path))
    expect(page.get_by_text("File refused")).to_be_visible()
    expect(page.get_by_text("system").first).to_be_visible()
    expect(page.get_by_role("button", name="Publish version")).to_have_count(0)
    assert list((server.home / "staging").iterdir()) == []
    assert [file for file in (server.home / "artifacts").rglob("*") if file.is_file()] == []

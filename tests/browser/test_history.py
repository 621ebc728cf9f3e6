"""A prediction is kept, rerun, flagged, shared and cleared again, as two people meet it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Server, create_admin, fill, register, settle
from tests.browser.test_main_job import press, screenshot, upload
from tests.makers import models as makers

pytestmark = pytest.mark.long

Visit = Callable[..., BrowserContext]
MODEL = "ada/iris-species"


def keep(page: Page, server: Server, choice: str) -> None:
    page.goto(f"{server.url}/model?name={MODEL}&tab=Settings")
    page.get_by_text(choice, exact=True).click()
    settle(page)
    press(page, "Save choice")
    expect(page.get_by_role("button", name="Save choice")).to_be_disabled()


def test_a_prediction_is_kept_rerun_flagged_shared_and_cleared(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit(height=1300).new_page()
    create_admin(page, server, "ada")
    upload(page, server, makers.sklearn_classifier(tmp_path), name="Iris species")
    bob = visit().new_page()
    register(bob, server, "bob")
    keep(page, server, "Inputs and answers")

    page.goto(f"{server.url}/playground?model={MODEL}")
    press(page, "Submit")
    expect(page.get_by_text("Your input and the answer are kept for 30 days")).to_be_visible()
    press(page, "Rerun")
    press(page, "Run")
    expect(page.get_by_text("The answer is the same.")).to_be_visible()
    page.keyboard.press("Escape")
    settle(page)
    press(page, "Flag")
    page.get_by_role("dialog").get_by_text("Unsure", exact=True).click()
    fill(page, "Reason", "near the border")
    press(page, "Save flag")
    expect(page.get_by_role("dialog")).to_have_count(0)
    press(page, "Share")
    page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    link = page.get_by_role("dialog").get_by_text(re.compile(r"/prediction\?id="))
    expect(link).to_be_visible()
    address = str(link.text_content())

    bob.goto(address)
    expect(bob.get_by_text("Not found")).to_be_visible()
    page.goto(f"{server.url}/model?name={MODEL}&tab=Settings")
    fill(page, "User name", "bob")
    press(page, "Share")
    bob.goto(address)
    expect(bob.get_by_text("near the border")).to_be_visible()
    expect(bob.get_by_text("petal length (cm)")).to_be_visible()
    expect(bob.get_by_role("button", name="Change flag")).to_be_disabled()
    screenshot(bob, "prediction", tmp_path)

    page.goto(f"{server.url}/predictions?flag=unsure")
    expect(page.get_by_text("1 prediction", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("id,at,version,by,rows")
    assert len(lines) == 2
    assert "near the border" in lines[1]

    keep(page, server, "Digest only")
    bob.reload()
    expect(bob.get_by_text("Not found")).to_be_visible()

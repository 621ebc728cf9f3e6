"""Make it safe: a pickled classifier becomes an ONNX version that answers the same rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Server, create_admin, screenshot, settle
from tests.browser.test_main_job import press, upload
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]


def test_a_pickle_becomes_onnx_and_predicts(server: Server, visit: Visit, tmp_path: Path) -> None:
    folder = Path("/tmp/convert_shots")
    context = visit()
    page = context.new_page()
    create_admin(page, server)
    upload(page, server, makers.sklearn_pipeline(tmp_path), name="Customers")
    page.goto(f"{server.url}/model?name=ada/customers&tab=Versions")
    press(page, "shield Make it safe…") if _has(page, "shield Make it safe…") else press(
        page, "Make it safe…"
    )
    expect(page.get_by_role("dialog")).to_be_visible()
    screenshot(page, "conversion-dialog", folder)
    page.get_by_role("dialog").get_by_role("button", name="Convert", exact=True).click()
    expect(page.get_by_text("Converted.", exact=False).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("largest difference").first).to_be_visible()
    settle(page)
    screenshot(page, "conversion-done", folder)
    _wait_until_ready(page, server)
    page.goto(f"{server.url}/model?name=ada/customers&version=2")
    expect(page.get_by_text("Labels agree")).to_be_visible()
    settle(page)
    screenshot(page, "conversion-parity", folder)
    _predicts(page, server)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/model?name=ada/customers&version=2")
    expect(page.get_by_text("Labels agree")).to_be_visible()
    page.get_by_text("Labels agree").scroll_into_view_if_needed()
    screenshot(page, "conversion-parity-390", folder)
    page.goto(f"{server.url}/jobs")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    screenshot(page, "conversion-jobs-390", folder)


def _has(page: Page, name: str) -> bool:
    settle(page)
    return page.get_by_role("button", name=name, exact=True).count() > 0


def _wait_until_ready(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/model?name=ada/customers&tab=Versions&version=2")
    expect(page.get_by_text("is loaded once in a sandbox")).to_have_count(0)
    expect(page.get_by_test_id("stMain").get_by_text("ready").first).to_be_visible()


def _predicts(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/playground?model=ada/customers&version=2")
    settle(page)
    press(page, "Submit")
    expect(page.get_by_text("stayed").first).to_be_visible()

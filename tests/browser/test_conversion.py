"""Make it safe: a pickled classifier becomes an ONNX version that answers the same rows."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Server, create_admin, screenshot, settle
from tests.browser.test_main_job import press, upload
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]


def test_a_pickle_becomes_onnx_and_predicts(server: Server, visit: Visit, tmp_path: Path) -> None:
    folder = tmp_path
    context = visit()
    page = context.new_page()
    create_admin(page, server)
    upload(page, server, makers.sklearn_pipeline(tmp_path), name="Customers")
    page.goto(f"{server.url}/model?name=ada/customers&tab=Versions")
    settle(page)
    press(page, "Make it safe…")
    expect(page.get_by_role("dialog")).to_be_visible()
    screenshot(page, "conversion-dialog", folder)
    page.get_by_role("dialog").get_by_role("button", name="Convert", exact=True).click()
    expect(page.get_by_text("Converted.", exact=False).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("largest difference").first).to_be_visible()
    settle(page)
    screenshot(page, "conversion-done", folder)
    _wait_until_ready(page, server)
    page.goto(f"{server.url}/model?name=ada/customers&version=2")
    expect(page.get_by_text("Labels agree", exact=True)).to_be_visible()
    settle(page)
    screenshot(page, "conversion-parity", folder)
    _predicts(page, server)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/model?name=ada/customers&version=2")
    expect(page.get_by_text("Labels agree", exact=True)).to_be_visible()
    page.get_by_text("Labels agree", exact=True).scroll_into_view_if_needed()
    screenshot(page, "conversion-parity-390", folder)
    page.goto(f"{server.url}/jobs")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    screenshot(page, "conversion-jobs-390", folder)


def test_a_package_is_taken_apart_and_published(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    folder = tmp_path
    page = visit().new_page()
    create_admin(page, server)
    path = tmp_path / "customers.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(makers.sklearn_pipeline(tmp_path), "customers/model.joblib")
        archive.writestr("customers/README.md", "# Customers\n\nWho leaves, and who stays.\n")
        archive.writestr("customers/requirements.txt", "scikit-learn==1.9.1\n")
        archive.writestr("customers/sample.csv", "age,city,tenure,plan\n30,Bern,3,free\n")
    page.goto(f"{server.url}/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(path)
    expect(page.get_by_role("heading", name="From the package")).to_be_visible()
    settle(page)
    screenshot(page, "package", folder)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("heading", name="From the package").scroll_into_view_if_needed()
    screenshot(page, "package-390", folder)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Publish version").scroll_into_view_if_needed()
    screenshot(page, "package-form", folder)
    page.get_by_role("button", name="Publish version").click()
    page.wait_for_url(re.compile(r"/model\?"))
    page.goto(f"{server.url}/model?name=ada/customers&tab=Files")
    for name in ("README.md", "requirements.txt", "sample.csv", "model.joblib"):
        expect(page.get_by_text(name).first).to_be_visible()
    screenshot(page, "package-files", folder)


def _wait_until_ready(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/model?name=ada/customers&tab=Versions&version=2")
    expect(page.get_by_text("is loaded once in a sandbox")).to_have_count(0)
    expect(page.get_by_test_id("stMain").get_by_text("ready").first).to_be_visible()


def _predicts(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/playground?model=ada/customers&version=2")
    settle(page)
    press(page, "Submit")
    expect(page.get_by_text("stayed").first).to_be_visible()

"""Rate, take a version away in each form, bring one back, take one from the server's folder."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import BrowserContext, Page, expect

from registry import accounts, models
from registry.records import Metric
from tests.browser.conftest import (
    PASSWORD,
    Server,
    expect_signed_in,
    screenshot,
    settle,
    sign_in,
    start_server,
)
from tests.browser.furnishing import furnished
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Server]:
    """Ada's public model with a metric, Bob's account, and a folder with one more file."""
    offered = tmp_path / "offered" / "from the cluster"
    offered.mkdir(parents=True)
    makers.sklearn_regressor(offered).rename(offered / "prices.joblib")
    with furnished(tmp_path / "home") as home:
        metric = Metric("accuracy_score", 0.95, dataset="holdout")
        made = home.add(makers.sklearn_classifier(tmp_path), name="Iris", metrics=(metric,))
        models.edit(home.reg, home.ada, made.model, license="MIT", tags=["flowers"])
        models.publish_to_all(home.reg, home.ada, made.model)
        accounts.create_user(
            home.reg, username="bob", name="Bob", email="bob@example.org", password=PASSWORD,
            role="author",
        )  # fmt: skip
    server = start_server(tmp_path / "home", import_folder=str(offered.parent))
    yield server
    server.stop()


def test_a_model_is_rated_taken_away_and_brought_back(
    exchange: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit().new_page()
    page.goto(exchange.url)
    sign_in(page, "bob")
    expect_signed_in(page)
    _rate(page, exchange, tmp_path)
    package = _export(page, exchange, tmp_path, "Package")
    with zipfile.ZipFile(package) as archive:
        assert {"README.md", "vitrine.json", "weights/model.joblib"} == set(archive.namelist())
    folder = _export(page, exchange, tmp_path, "MLflow model")
    with zipfile.ZipFile(folder) as archive:
        told = yaml.safe_load(archive.read("MLmodel"))
    assert told["flavors"]["sklearn"]["serialization_format"] == "skops"
    _bring_back(page, exchange, tmp_path, folder)
    _from_the_folder(page, exchange, tmp_path)


def _rate(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/model?name=ada/iris")
    expect(page.get_by_text("Not rated yet")).to_be_visible()
    page.get_by_test_id("stFeedbackButton").nth(3).click()
    expect(page.get_by_text("4.0").first).to_be_visible()
    screenshot(page, "exchange-rated", folder)
    page.goto(f"{server.url}/models?sort=stars&view=grid")
    expect(page.get_by_text("★ 4.0 (1)")).to_be_visible()


def _export(page: Page, server: Server, folder: Path, form: str) -> Path:
    page.goto(f"{server.url}/model?name=ada/iris&tab=Files")
    page.get_by_role("button", name="Export").click()
    page.get_by_text(form, exact=True).click()
    settle(page)
    screenshot(page, f"exchange-{form.split()[0].lower()}", folder)
    popover = page.get_by_test_id("stPopoverBody")
    with page.expect_download() as started:
        popover.get_by_role("link", name="Download").click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def _bring_back(page: Page, server: Server, folder: Path, path: Path) -> None:
    page.goto(f"{server.url}/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(path)
    expect(page.get_by_role("heading", name="From the package")).to_be_visible()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("Iris")
    settle(page)
    screenshot(page, "exchange-brought-back", folder)
    page.get_by_role("button", name="Publish version").click()
    page.wait_for_url(re.compile(r"/model\?"))
    page.goto(f"{server.url}/model?name=bob/iris")
    expect(page.get_by_text("MIT", exact=True).first).to_be_visible()
    expect(page.get_by_text("flowers").first).to_be_visible()


def _from_the_folder(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/upload")
    page.get_by_text("From the server", exact=True).click()
    expect(page.get_by_text("from the cluster/prices.joblib")).to_be_visible()
    screenshot(page, "exchange-folder", folder)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="What is in it")).to_be_visible()
    expect(page.get_by_text("prices.joblib").first).to_be_visible()

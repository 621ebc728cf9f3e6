"""Metrics and parents in a real browser: from a file, in the graph, in the search."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from registry import accounts, publish, staging
from registry.core import open_registry
from registry.records import Details, Metric
from registry.settings import Settings
from tests.browser.conftest import PASSWORD, Server, create_admin, fill, settle
from tests.makers import models as makers

pytestmark = pytest.mark.long

SLOW = 90_000


def publish_base(server: Server, path: Path) -> None:
    """Ada's first model, with one metric."""
    reg = open_registry(Settings(home=server.home, _env_file=None))
    try:
        ada = accounts.sign_in(reg, "ada", PASSWORD)
        with path.open("rb") as file, staging.receive(reg, ada, path.name) as incoming:
            incoming.write(file.read())
            staged = incoming.finish()
        draft = publish.examine(reg, ada, staged.id)
        details = Details(name="Base", metrics=(Metric("accuracy_score", 0.8),))
        publish.publish(reg, ada, draft.id, details)
    finally:
        reg.close()


def test_a_child_with_a_metrics_file_is_found_by_them(
    server: Server, visit: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    page = visit().new_page()
    page.set_default_timeout(SLOW)
    create_admin(page, server, "ada")
    path = makers.sklearn_classifier(tmp_path)
    publish_base(server, path)
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps({"accuracy_score": 0.95, "log_loss": 0.2}))
    upload(page, server, path, scores)
    relatives_open_each_other(page, server)
    page.goto(f"{server.url}/model?name=ada/child&tab=Metrics")
    expect(page.get_by_text("Over the versions")).to_be_visible(timeout=SLOW)
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=SLOW)
    page.goto(f"{server.url}/models?view=grid&q=metric.accuracy_score>0.9")
    expect(page.get_by_role("link", name="Child")).to_be_visible(timeout=SLOW)
    expect(page.get_by_role("link", name="Base")).to_have_count(0)


def upload(page: Page, server: Server, path: Path, scores: Path) -> None:
    page.goto(f"{server.url}/upload")
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(path)
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_be_visible(timeout=SLOW)
    settle(page)
    fill(page, "Name", "Child")
    settle(page)
    measured = page.get_by_role("region", name="Metrics", exact=True)
    measured.locator("input[type=file]").set_input_files(scores)
    expect(page.get_by_text("2 metrics read")).to_be_visible(timeout=SLOW)
    page.get_by_text("Where it comes from").click()
    settle(page)
    parents = page.get_by_role("combobox", name="Derived from")
    parents.click()
    parents.press_sequentially("ada/base@1")
    expect(page.get_by_role("option", name="ada/base@1")).to_be_visible()
    parents.press("Enter")
    settle(page)
    parents.press("Escape")
    page.get_by_role("button", name="Publish version").click()
    page.wait_for_url(re.compile(r"/model\?"), timeout=SLOW)


def relatives_open_each_other(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/model?name=ada/child&tab=Lineage")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("1 relative.")).to_be_visible(timeout=SLOW)
    link(page, "base").click()
    expect(page.get_by_role("heading", name="Base")).to_be_visible(timeout=SLOW)
    expect(link(page, "child")).to_be_visible(timeout=SLOW)


def link(page: Page, slug: str) -> Locator:
    """The link to version 1 of a model of Ada's; a joiner keeps its @ from making an address."""
    return page.get_by_role("link", name=re.compile(f"{slug}@.?1"))

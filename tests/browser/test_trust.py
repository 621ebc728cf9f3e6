"""In a real browser: a license that a parent forbids, a scorecard, and webhooks that are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from registry import accounts, aliases, checks, publish, staging
from registry.core import open_registry
from registry.records import Details
from registry.settings import Settings
from tests.browser.conftest import (
    PASSWORD,
    Server,
    create_admin,
    fill,
    screenshot,
    settle,
    start_server,
)
from tests.makers import models as makers
from tests.makers.receiving import Receiver, is_signed, receiver


def furnish(home: Path, path: Path) -> None:
    """Ada's models: one under the GPL, and one under MIT that was made from it."""
    reg = open_registry(Settings(home=home, _env_file=None))
    try:
        ada = accounts.sign_in(reg, "ada", PASSWORD)
        for details in (
            Details(name="Base", license="GPL-3.0-only"),
            Details(name="Child", license="MIT", parents=("ada/base@1",)),
        ):
            with path.open("rb") as file, staging.receive(reg, ada, path.name) as incoming:
                incoming.write(file.read())
                staged = incoming.finish()
            draft = publish.examine(reg, ada, staged.id)
            checks.run(reg, publish.publish(reg, ada, draft.id, details).id)
    finally:
        reg.close()


def test_what_can_be_relied_on_is_shown_and_told(
    visit: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    with receiver() as there:
        server = start_server(tmp_path / "home", webhooks="1", fetch_allow=there.allow)
        try:
            page = visit().new_page()
            create_admin(page, server)
            furnish(server.home, makers.sklearn_classifier(tmp_path))
            the_license_of_a_parent_is_in_the_way(page, server, tmp_path)
            the_scorecard_says_so_too(page, server, tmp_path)
            a_webhook_is_told(page, server, there, tmp_path)
        finally:
            server.stop()


def the_license_of_a_parent_is_in_the_way(page: Page, server: Server, shots: Path) -> None:
    page.goto(f"{server.url}/model?name=ada/child&tab=Lineage")
    expect(page.get_by_text("Not compatible")).to_be_visible()
    expect(page.get_by_text("given, as a whole, under GPL-3.0")).to_be_visible()
    page.goto(f"{server.url}/model?name=ada/child&tab=Card")
    expect(page.get_by_text("Not compatible")).to_be_visible()
    page.get_by_text("May my project use it?").click()
    fill(page, "The project’s license", "apache 2")
    expect(page.get_by_text("did you mean Apache-2.0?")).to_be_visible()
    fill(page, "The project’s license", "Apache-2.0")
    expect(page.get_by_text("MIT lets a project that holds it be Apache-2.0")).to_be_visible()
    screenshot(page, "license", shots)


def the_scorecard_says_so_too(page: Page, server: Server, shots: Path) -> None:
    page.goto(f"{server.url}/model?name=ada/child&tab=Scorecard")
    expect(page.get_by_text("Net score", exact=True)).to_be_visible()
    expect(page.get_by_text("but not compatible with")).to_be_visible()
    expect(page.get_by_text("Not measured: Data set quality, Code quality.")).to_be_visible()
    screenshot(page, "scorecard", shots)


def a_webhook_is_told(page: Page, server: Server, there: Receiver, shots: Path) -> None:
    page.goto(f"{server.url}/model?name=ada/child&tab=Settings")
    page.get_by_role("button", name="New webhook").click()
    fill(page, "Address", there.url)
    settle(page)
    page.get_by_role("button", name="Make webhook").click()
    expect(page.get_by_text("it is not shown again")).to_be_visible()
    secret = page.get_by_role("dialog").get_by_test_id("stCode").inner_text().strip()
    page.get_by_role("button", name="I have stored it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("delivered")).to_be_visible()
    there.came.clear()
    reg = open_registry(Settings(home=server.home, _env_file=None))
    try:
        aliases.move(reg, accounts.sign_in(reg, "ada", PASSWORD), "ada/child@1", "champion")
    finally:
        reg.close()
    assert there.came.wait(60)
    assert there.types == ["webhook.test", "alias.moved"]
    assert all(is_signed(headers, body, secret) for headers, body in there.got)
    assert json.loads(there.got[1][1])["data"]["to"] == 1
    page.reload()
    expect(page.get_by_text("delivered")).to_have_count(2)
    screenshot(page, "webhooks", shots)

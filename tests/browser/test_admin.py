"""An administrator takes downloading away and changes a role; the audit tells of both."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Server, choose, create_admin, register, screenshot, settle
from tests.browser.test_main_job import upload
from tests.makers import models as makers

pytestmark = pytest.mark.long

Visit = Callable[..., BrowserContext]


def look(page: Page, name: str, folder: Path) -> None:
    """Wide and narrow."""
    screenshot(page, name, folder)
    page.set_viewport_size({"width": 390, "height": 844})
    screenshot(page, f"{name}-390", folder)
    page.set_viewport_size({"width": 1440, "height": 1100})
    settle(page)


def test_what_an_administrator_takes_away_is_gone_at_once_and_stands_in_the_audit(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    ada = visit(height=1100).new_page()
    create_admin(ada, server, "ada")
    bob = visit(height=1100, dark=True).new_page()
    register(bob, server, "bob")
    upload(bob, server, makers.sklearn_classifier(tmp_path), name="Iris species")

    ada.goto(f"{server.url}/admin?user=bob")
    expect(ada.get_by_role("button", name="Change role")).to_be_visible()
    look(ada, "admin-users", tmp_path)
    ada.get_by_role("button", name="Download", exact=True).click()
    ada.get_by_role("button", name="Save permissions").click()
    expect(ada.get_by_text("bob may not download")).to_be_visible()

    bob.goto(f"{server.url}/model?name=bob/iris-species&tab=Files")
    button = bob.get_by_role("button", name="Copy link")
    expect(button).to_be_disabled()
    button.hover(force=True)
    expect(bob.get_by_text("an administrator has taken this from you")).to_be_visible()
    screenshot(bob, "admin-taken", tmp_path)

    choose(ada, "Role of the account", "viewer")
    ada.get_by_role("button", name="Change role").click()
    expect(ada.get_by_text("bob is viewer now")).to_be_visible()
    bob.goto(f"{server.url}/upload")
    expect(bob.get_by_text("your role (viewer) may not upload", exact=False).first).to_be_visible()

    for tab in ("Quotas", "Names", "Permissions", "System"):
        ada.goto(f"{server.url}/admin?tab={tab}")
        settle(ada)
        look(ada, f"admin-{tab.lower()}", tmp_path)

    ada.goto(f"{server.url}/audit?action=account.")
    expect(ada.get_by_test_id("stDataFrame")).to_be_visible()
    look(ada, "audit", tmp_path)
    with ada.expect_download() as loading:
        ada.get_by_role("button", name="CSV", exact=True).click()
    rows = list(csv.DictReader(Path(loading.value.path()).read_text("utf-8").splitlines()))
    told = {(row["actor"], row["action"], row["subject"]) for row in rows}
    assert {("ada", "account.role", "bob"), ("ada", "account.permissions", "bob")} <= told
    assert {row["action"].partition(".")[0] for row in rows} == {"account"}

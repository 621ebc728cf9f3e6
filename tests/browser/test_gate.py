"""A version is held to rules and golden cases, as a person meets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from registry import accounts, versions
from registry.core import open_registry
from registry.records import Metric
from registry.settings import Settings
from tests.browser.conftest import PASSWORD, Server, choose, create_admin, fill, settle
from tests.browser.test_main_job import press, screenshot, upload
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]
MODEL = "ada/iris-species"


def measured_elsewhere(server: Server, value: float) -> None:
    """A notebook of hers writes down the accuracy, through the same doors."""
    reg = open_registry(Settings(home=server.home, _env_file=None))
    ada = accounts.sign_in(reg, "ada", PASSWORD)
    versions.edit(reg, ada, f"{MODEL}@1", metrics=[Metric("accuracy_score", value)])
    reg.close()


def open_tab(page: Page, server: Server, tab: str) -> None:
    page.goto(f"{server.url}/model?name={MODEL}&tab={tab}")
    expect(page.get_by_role("tab", name=tab, selected=True)).to_be_visible()
    settle(page)


def test_rules_close_the_gate_until_somebody_says_why_and_golden_cases_turn_red(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit(height=1300).new_page()
    create_admin(page, server, "ada")
    upload(page, server, makers.sklearn_classifier(tmp_path), name="Iris species")
    measured_elsewhere(server, 0.91)

    open_tab(page, server, "Settings")
    press(page, "Add a rule")
    choose(page, "Metric", "accuracy_score")
    number = page.get_by_role("spinbutton", name="Value")
    number.fill("0.95")
    number.blur()
    expect(page.get_by_text("accuracy_score is 0.91, must be ≥ 0.95")).to_be_visible()
    screenshot(page, "gate-editor", tmp_path)
    press(page, "Save rules")
    expect(page.get_by_role("button", name="Save rules")).to_be_disabled()

    open_tab(page, server, "Versions")
    press(page, "Make champion")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("accuracy_score is 0.91, must be ≥ 0.95")).to_be_visible()
    go = dialog.get_by_role("button", name="Override and promote")
    expect(go).to_be_disabled()
    fill(page, "Override because", "the old one is broken")
    expect(go).to_be_enabled()
    screenshot(page, "gate-closed", tmp_path)
    go.click()
    expect(page.get_by_text("champion v1")).to_be_visible()
    open_tab(page, server, "Activity")
    expect(page.get_by_text("Gate overridden: the old one is broken")).to_be_visible()
    expect(page.get_by_text("overriding: accuracy_score is 0.91")).to_be_visible()

    page.goto(f"{server.url}/playground?model={MODEL}")
    press(page, "Submit")
    press(page, "Save as golden case")
    fill(page, "Name", "A usual flower")
    page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    open_tab(page, server, "Versions")
    expect(page.get_by_text("A usual flower")).to_be_visible()
    expect(page.get_by_text("not run on this version")).to_have_count(0)
    expect(page.get_by_text("expected", exact=False)).to_have_count(0)

    upload(page, server, makers.sklearn_forest(tmp_path), model=MODEL)
    page.goto(f"{server.url}/model?name={MODEL}&tab=Versions&version=2")
    expect(page.get_by_text("expected", exact=False).first).to_be_visible()
    press(page, "Measure")
    expect(page.get_by_text("Measure again")).to_be_visible()
    screenshot(page, "golden-red", tmp_path)

"""A table becomes a leaderboard, one candidate a model, and that model answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect
from sklearn.datasets import load_breast_cancer

from tests.browser.conftest import Server, create_admin, fill, screenshot, settle
from tests.browser.test_main_job import press

Visit = Callable[..., BrowserContext]


def _rows(folder: Path) -> Path:
    data = load_breast_cancer(as_frame=True)
    names = [data.target_names[n] for n in data.target]
    path = folder / "breast_cancer.csv"
    data.frame.drop(columns="target").assign(diagnosis=names).to_csv(path, index=False)
    return path


def test_a_table_becomes_a_model_that_answers(server: Server, visit: Visit, tmp_path: Path) -> None:
    page = visit().new_page()
    create_admin(page, server)
    page.goto(f"{server.url}/train")
    expect(page.get_by_text("Drop a table")).to_be_visible()
    settle(page)
    screenshot(page, "train-empty", tmp_path)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(_rows(tmp_path))
    expect(page.get_by_text("569 rows, 31 columns")).to_be_visible(timeout=60_000)
    settle(page)
    screenshot(page, "train-columns", tmp_path)
    press(page, "Train")
    under_way = page.get_by_text(re.compile("candidate . of 5|Leaderboard")).first
    expect(under_way).to_be_visible(timeout=120_000)
    screenshot(page, "train-progress", tmp_path)
    expect(page.get_by_text("Leaderboard")).to_be_visible(timeout=240_000)
    settle(page)
    screenshot(page, "train", tmp_path)
    _looked_at_elsewhere(page, visit, tmp_path)
    page.get_by_role("button", name="Save this model…").first.click()
    dialog = page.get_by_role("dialog")
    fill(page, "Name", "Tumours")
    settle(page)
    screenshot(page, "train-save", tmp_path)
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("ready").first).to_be_visible(timeout=90_000)
    settle(page)
    screenshot(page, "train-saved", tmp_path)
    page.goto(f"{server.url}/train")
    expect(page.get_by_text("Logistic regression, roc")).to_be_visible()
    settle(page)
    screenshot(page, "train-list", tmp_path)
    page.goto(f"{server.url}/playground?model=ada/tumours")
    press(page, "Submit")
    expect(page.get_by_text("benign").first).to_be_visible(timeout=60_000)
    settle(page)
    screenshot(page, "train-answer", tmp_path)


def _looked_at_elsewhere(page: Page, visit: Visit, folder: Path) -> None:
    """The same page in the dark, and on a phone."""
    for name, width, dark in (("dark", 1440, True), ("390", 390, False)):
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        expect(page.get_by_text("Leaderboard")).to_be_visible()
        settle(page)
        screenshot(page, f"train-{name}", folder)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})
    settle(page)

"""The compare page in a real browser: base, differences, charts, a mark pressed, files, back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from registry.records import Metric
from tests.browser.conftest import (
    Server,
    choose,
    expect_signed_in,
    settle,
    sign_in,
    start_server,
)
from tests.browser.furnishing import furnished
from tests.makers import models as makers

MODEL = "ada/churn"


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Server]:
    """Three versions of Ada's with three metrics each."""
    path, model = makers.sklearn_classifier(tmp_path), ""
    with furnished(tmp_path / "home") as home:
        for n in range(3):
            measured = {"accuracy": 0.8 + n / 20, "recall": 0.9 - n / 100, "log_loss": 0.4 - n / 10}
            model = home.add(
                path,
                model=model,
                name="" if model else "Churn",
                metrics=tuple(Metric(name, value) for name, value in measured.items()),
                parameters={"depth": n, "seed": 7},
            ).model
    server = start_server(tmp_path / "home")
    yield server
    server.stop()


def first_column(page: Page) -> Locator:
    """The first heading of the table of metrics: the base."""
    return page.get_by_role("region", name="Metrics by version").locator("thead th").first


def test_versions_are_compared(
    filled: Server, visit: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    page = visit().new_page()
    page.goto(filled.url)
    sign_in(page, "ada")
    expect_signed_in(page)
    page.goto(f"{filled.url}/compare?" + "&".join(f"v={MODEL}@{n}" for n in (1, 2, 3)))
    expect(page.get_by_text("v3 leads: best on 2 of 3 metrics")).to_be_visible()
    expect(first_column(page)).to_contain_text("v1")

    page.get_by_role("button", name=f"Make {MODEL}@3 the base").click()
    expect(page.get_by_text("it is the base")).to_be_visible()
    expect(first_column(page)).to_contain_text("v3")
    page.wait_for_url(re.compile("base="))
    page.go_back()
    expect(page.get_by_text("against v1")).to_be_visible()
    settle(page)
    expect(first_column(page)).to_contain_text("v1")

    page.get_by_text("Parameters", exact=False).first.click()
    parameters = page.get_by_role("region", name="Parameters by version")
    expect(parameters.get_by_text("seed")).to_be_visible()
    page.get_by_text("Show diff only").click()
    expect(parameters.get_by_text("seed")).to_have_count(0)
    page.wait_for_url(re.compile("differing=true"))

    charts_draw_and_a_mark_leads_to_its_version(page)
    files_hold_what_is_shown(page, tmp_path)


def charts_draw_and_a_mark_leads_to_its_version(page: Page) -> None:
    for kind in ("Radar", "Parallel", "Over versions", "Scatter"):
        page.get_by_test_id("stMain").get_by_text(kind, exact=True).click()
        page.wait_for_url(re.compile("chart=" + kind.replace(" ", ".{1,3}")))
        settle(page)
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    choose(page, "Across", "recall")  # never what is still being measured
    page.wait_for_url(re.compile("[?&]x="))
    address = page.url
    trace = page.locator(".js-plotly-plot .scatterlayer .trace", has_text="v3")
    press_until(page, trace.locator(".points path"), re.compile(r"/model\?.*version=3"))
    expect(page.get_by_role("heading", name="Churn")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(address)
    expect(page.get_by_text("v3 leads")).to_be_visible()
    settle(page)


def press_until(page: Page, mark: Locator, address: re.Pattern[str]) -> None:
    """A press that meets a chart being drawn anew is lost: press again, as a person would."""
    for attempt in range(4):
        x, y = middle(page, mark)
        page.mouse.move(x, y)
        try:
            expect(page.locator(".hoverlayer")).to_contain_text("v3")
            page.mouse.click(x, y)
            page.wait_for_url(address, timeout=10_000)
            return
        except (PlaywrightTimeoutError, AssertionError):
            if attempt == 3:
                raise


def middle(page: Page, mark: Locator) -> tuple[float, float]:
    """Where a mark is once its chart has stopped growing."""
    mark.scroll_into_view_if_needed()
    before = None
    while (box := mark.bounding_box()) is None or box != before:
        before = box
        page.wait_for_timeout(200)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def files_hold_what_is_shown(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Export").click()
    for ending, words in (("csv", "accuracy ↑"), ("md", "# Comparison"), ("html", "<!doctype")):
        name = {"csv": "CSV, for", "md": "Markdown, for", "html": "HTML, one"}[ending]
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        path = folder / f"out.{ending}"
        download.value.save_as(path)
        assert words in path.read_text("utf-8")

"""What-if in the browser: a slider, ranges, heat maps, and parts that add up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from tests.browser.conftest import (
    Server,
    expect_signed_in,
    screenshot,
    settle,
    sign_in,
    start_server,
)
from tests.browser.furnishing import furnished

pytestmark = pytest.mark.long

Visit = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def houses() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    columns = {"age": 40, "area": 120, "rooms": 6, "distance": 9}
    return pd.DataFrame({name: rng.uniform(1, most, 80).round(1) for name, most in columns.items()})


@pytest.fixture
def served(tmp_path: Path, houses: pd.DataFrame) -> Iterator[Server]:
    """A server with two versions of a model of Ada's, each with its sample rows."""
    worth = houses.area * 3 + np.where(houses.age < 20, 40, 0) - houses.distance
    fitted = {
        "linear": LinearRegression().fit(houses, worth),
        "tree": DecisionTreeRegressor(max_depth=5, random_state=0).fit(houses, worth),
    }
    houses.to_csv(tmp_path / "sample.csv", index=False)
    with furnished(tmp_path / "home") as home:
        for name, model in fitted.items():
            joblib.dump(model, tmp_path / f"{name}.joblib")
            into = {"name": "Houses"} if name == "linear" else {"model": "ada/houses"}
            home.add(tmp_path / f"{name}.joblib", tmp_path / "sample.csv", **into)
    server = start_server(tmp_path / "home")
    yield server
    server.stop()


def readings(page: Page) -> list[str]:
    settle(page)
    return page.get_by_test_id("stMetricValue").all_inner_texts()


def curve(page: Page) -> list[str | None]:
    """The path of each line as it is drawn."""
    settle(page)
    lines = page.locator(".js-plotly-plot .scatterlayer .lines > path")
    return [line.get_attribute("d") for line in lines.all()]


def test_a_feature_moves_two_heat_up_and_parts_add_up(
    served: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit().new_page()
    page.goto(served.url)
    sign_in(page, "ada")
    expect_signed_in(page)
    asked = "model=ada/houses&version=1&version=2&mode=What-if&feature=age"
    page.goto(f"{served.url}/playground?{asked}")
    expect(page.get_by_test_id("stMetricValue")).to_have_count(2)
    before, drawn = readings(page), curve(page)
    assert len(drawn) == 2, "a line per version"

    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(15):
        slider.press("ArrowRight")
    expect(page.get_by_role("button", name="Reset")).to_be_visible()
    assert readings(page) != before
    screenshot(page, "what-if-curve", tmp_path)

    page.get_by_role("button", name="Range").click()
    to = page.get_by_label("age to")
    to.fill("200")
    to.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_text("200", exact=True).first).to_be_visible()
    assert curve(page) != drawn

    page.get_by_text("What moved this answer").click()
    expect(page.get_by_text("all combinations of features")).to_have_count(2)
    for said in page.get_by_text("all combinations of features").all_inner_texts():
        found = re.match(r"([\d,.−-]+) for the background ([+−][\d,.]+) = ([\d,.−-]+)\. ", said)
        assert found, said
        base, moved, answer = (float(n.replace(",", "").replace("−", "-")) for n in found.groups())
        assert base + moved == pytest.approx(answer, rel=0.01)
        assert "32 rows of the sample file" in said
    screenshot(page, "what-if-parts", tmp_path)

    page.goto(f"{served.url}/playground?{asked}&against=area")
    expect(page.locator(".js-plotly-plot .heatmaplayer image")).to_have_count(2)
    screenshot(page, "what-if-heat", tmp_path)

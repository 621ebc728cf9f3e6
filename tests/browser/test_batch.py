"""Scoring a file in the playground: dropped, scored, fetched; bad rows listed; cancelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import pandas as pd
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.browser.conftest import Server, screenshot, settle, sign_in, start_server
from tests.browser.furnishing import furnished

Visit = Callable[..., BrowserContext]
Garden = tuple[Server, Path, LogisticRegression]


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Garden]:
    """A server with a model of flowers, and rows of which two cannot be taken."""
    folder = tmp_path_factory.mktemp("garden")
    data = load_iris(as_frame=True)
    names = [data.target_names[n] for n in data.target]
    model = LogisticRegression(max_iter=500).fit(data.data, names)
    joblib.dump(model, folder / "flowers.joblib")
    lines = data.data.assign(bed="007").to_csv(index=False).splitlines()
    lines[3], lines[5] = "wide,3.2,1.3,0.2,007", "4.7,,1.3,0.2,007"
    (folder / "garden.csv").write_text("\n".join(lines))
    with furnished(folder / "home") as home:
        home.add(folder / "flowers.joblib", name="Flowers")
    server = start_server(folder / "home")
    yield server, folder / "garden.csv", model
    server.stop()


def _opened(visit: Visit, server: Server) -> Page:
    page = visit().new_page()
    page.goto(f"{server.url}/playground?model=ada/flowers&mode=Batch")
    sign_in(page, "ada")
    expect(page.get_by_text("Nothing scored yet")).to_be_visible()
    settle(page)
    return page


def _drop(page: Page, path: Path) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(path)
    settle(page)


def test_a_file_is_scored_and_fetched(garden: Garden, visit: Visit, tmp_path: Path) -> None:
    server, rows, model = garden
    page = _opened(visit, server)
    screenshot(page, "batch-empty", tmp_path)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    _drop(page, wrong)
    expect(page.get_by_text("the rows lack sepal length (cm)")).to_be_visible()
    screenshot(page, "batch-wrong", tmp_path)
    _drop(page, rows)
    expect(page.get_by_text("never given to it: bed")).to_be_visible()
    screenshot(page, "batch-fits", tmp_path)
    page.get_by_role("button", name="Score every row").click()
    fetched = page.get_by_role("link", name="Download")
    expect(fetched).to_be_visible(timeout=60_000)
    page.get_by_text("2 rows without an answer").last.click()
    settle(page)
    screenshot(page, "batch-done", tmp_path)
    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    screenshot(page, "batch-390", tmp_path)
    page.set_viewport_size({"width": 1440, "height": 900})
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "garden scored.csv"
    found = pd.read_csv(download.value.path(), dtype={"bed": str})
    assert (found["bed"] == "007").all()
    assert found["problem"].notna().sum() == 2
    good = found[found["problem"].isna()]
    given = good[list(model.feature_names_in_)].astype(float)
    assert (good["prediction"] == model.predict(given)).all()
    page.get_by_role("button", name=re.compile("delete")).last.click()
    expect(page.get_by_text("Nothing scored yet")).to_be_visible()


def test_a_long_one_shows_how_far_it_is_and_is_cancelled(
    garden: Garden, visit: Visit, tmp_path: Path
) -> None:
    server, rows, _ = garden
    header, *lines = rows.read_text().splitlines()
    many = tmp_path / "many.csv"
    many.write_text("\n".join([header, *(lines * 5_000)]))
    page = _opened(visit, server)
    _drop(page, many)
    page.get_by_role("button", name="Score every row").click()
    expect(page.get_by_text(re.compile(r"rows, [\d,]+ rows/s"))).to_be_visible(timeout=60_000)
    screenshot(page, "batch-running", tmp_path)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled").first).to_be_visible(timeout=30_000)

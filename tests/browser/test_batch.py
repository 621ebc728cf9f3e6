"""Scoring a file in the playground: dropped, scored, fetched; bad rows listed; cancelled."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import joblib
import pandas as pd
from playwright.sync_api import BrowserContext, Page, expect
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.browser.conftest import Server, create_admin, screenshot, settle
from tests.browser.test_main_job import upload

Visit = Callable[..., BrowserContext]


def _model_and_rows(folder: Path) -> tuple[Path, Path, LogisticRegression]:
    """A fitted file, and rows of which two cannot be taken."""
    data = load_iris(as_frame=True)
    names = [data.target_names[n] for n in data.target]
    model = LogisticRegression(max_iter=500).fit(data.data, names)
    joblib.dump(model, folder / "flowers.joblib")
    lines = data.data.assign(bed="007").to_csv(index=False).splitlines()
    lines[3], lines[5] = "wide,3.2,1.3,0.2,007", "4.7,,1.3,0.2,007"
    (folder / "garden.csv").write_text("\n".join(lines))
    return folder / "flowers.joblib", folder / "garden.csv", model


def _drop(page: Page, path: Path) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(path)
    settle(page)


def test_a_file_is_scored_and_fetched(server: Server, visit: Visit, tmp_path: Path) -> None:
    file, rows, model = _model_and_rows(tmp_path)
    page = visit().new_page()
    create_admin(page, server)
    upload(page, server, file, name="Flowers")
    page.goto(f"{server.url}/playground?model=ada/flowers&mode=Batch")
    expect(page.get_by_text("Nothing scored yet")).to_be_visible()
    settle(page)
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
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    file, rows, _ = _model_and_rows(tmp_path)
    header, *lines = rows.read_text().splitlines()
    rows.write_text("\n".join([header, *(lines * 5_000)]))
    page = visit().new_page()
    create_admin(page, server)
    upload(page, server, file, name="Flowers")
    page.goto(f"{server.url}/playground?model=ada/flowers&mode=Batch")
    _drop(page, rows)
    page.get_by_role("button", name="Score every row").click(timeout=60_000)
    expect(page.get_by_text(re.compile(r"rows, [\d,]+ rows/s"))).to_be_visible(timeout=60_000)
    screenshot(page, "batch-running", tmp_path)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled").first).to_be_visible(timeout=30_000)

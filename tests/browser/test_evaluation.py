"""Two models, rows of one's own, and which of them is better: the whole path in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import joblib
from playwright.sync_api import BrowserContext, Page, expect
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from tests.browser.conftest import Server, create_admin, screenshot, settle
from tests.browser.test_main_job import press, upload

Visit = Callable[..., BrowserContext]


def _models_and_rows(folder: Path) -> tuple[list[Path], Path, float]:
    """Two fitted files, held-out rows, and the accuracy of the first on them."""
    data = load_iris(as_frame=True)
    frame = data.frame.assign(species=[data.target_names[n] for n in data.target])
    train, test = train_test_split(frame.drop(columns="target"), test_size=0.5, random_state=1)
    files, scores = [], []
    for name, model in (("logistic", LogisticRegression(max_iter=500)), ("bayes", GaussianNB())):
        model.fit(train.drop(columns="species"), train.species)
        scores.append(float(model.score(test.drop(columns="species"), test.species)))
        files.append(folder / f"{name}.joblib")
        joblib.dump(model, files[-1])
    test.to_csv(folder / "held-out.csv", index=False)
    return files, folder / "held-out.csv", scores[0]


def test_two_models_are_evaluated_on_rows_of_ones_own(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    files, rows, accuracy = _models_and_rows(tmp_path)
    page = visit().new_page()
    create_admin(page, server)
    for file in files:
        upload(page, server, file, name=file.stem.title())
    _wait_until_ready(page, server, [file.stem for file in files])
    page.goto(f"{server.url}/compare?v=ada/logistic@1&v=ada/bayes@1")
    press(page, "Evaluate on rows…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(rows)
    expect(dialog.get_by_text("Right answer in")).to_be_visible(timeout=60_000)
    settle(page)
    screenshot(page, "evaluation-dialog", tmp_path)
    dialog.get_by_role("button", name="Evaluate", exact=True).click()
    last = page.get_by_role("button", name=re.compile("Last evaluation"))
    expect(last).to_be_visible(timeout=90_000)
    settle(page)
    screenshot(page, "evaluation-compare", tmp_path)
    page.goto(f"{server.url}/evaluations")
    expect(page.get_by_text("75 rows").first).to_be_visible()
    settle(page)
    screenshot(page, "evaluations", tmp_path)
    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    screenshot(page, "evaluations-390", tmp_path)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_text(f"{accuracy:.4g}").first).to_be_visible()
    settle(page)
    screenshot(page, "evaluation", tmp_path)


def _wait_until_ready(page: Page, server: Server, slugs: list[str]) -> None:
    for slug in slugs:
        page.goto(f"{server.url}/model?name=ada/{slug}")
        expect(page.get_by_text("ready").first).to_be_visible(timeout=60_000)

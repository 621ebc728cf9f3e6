"""Every kind of answer, versions side by side and failures, as a person sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from registry.records import Metric, Schema, Tensor
from tests.browser.conftest import (
    Server,
    expect_signed_in,
    screenshot,
    settle,
    sign_in,
    start_server,
)
from tests.browser.furnishing import furnished
from tests.makers import answering, failing
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]
NUMBERS = {"numbers": [[0.5, -1.2, 0.3, 2.2, -0.7, 1.1, 0.0, 0.4]]}
RANGE = {"target": "progression", "target_range": (25.0, 346.0)}
ERROR = (Metric("root_mean_squared_error", 54.2, dataset="held out"),)
MOODY = Schema("tensors", tensors=(Tensor("x", "float32", (-1, 4)),))
WIDE = {"petal length (cm)": 6.0, "petal width (cm)": 2.5}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("answers")
    with furnished(folder / "home") as home:
        home.add(makers.sklearn_classifier(folder), name="Iris")
        home.add(makers.sklearn_forest(folder), model="ada/iris")
        home.add(failing.crashing_tree(folder), model="ada/iris")
        home.add(makers.sklearn_regressor(folder), name="Diabetes", metrics=ERROR, **RANGE)
        home.add(makers.onnx_regressor(folder), model="ada/diabetes", **RANGE)
        home.add(makers.sklearn_several_targets(folder), name="Targets")
        home.add(answering.sklearn_several_labels(folder), name="Labels")
        home.add(makers.torchscript_traced(folder), name="Digits")
        home.add(makers.onnx_picture(folder), name="Digits in ONNX")
        home.add(answering.onnx_embedding(folder), name="Embedding", example=NUMBERS)
        home.add(answering.onnx_many_classes(folder), name="Thousand", example=NUMBERS)
        home.add(answering.onnx_boxes(folder), name="Boxes", example=NUMBERS)
        home.add(answering.onnx_negative(folder), name="Negative")
        home.add(failing.moody(folder), name="Moody", schema=MOODY)
    server = start_server(folder / "home", predict_timeout_s="6", standby_workers="0")
    yield server
    server.stop()


@pytest.fixture
def ada(filled: Server, visit: Visit) -> Page:
    page = visit(height=1100).new_page()
    page.goto(filled.url)
    sign_in(page, "ada")
    expect_signed_in(page)
    return page


def play(page: Page, server: Server, query: str, rows: Any = None) -> None:
    """Open the playground and submit: the example, or rows as JSON."""
    mode = "" if rows is None else "&mode=JSON"
    page.goto(f"{server.url}/playground?model=ada/{query}{mode}")
    submit = page.get_by_role("button", name="Submit")
    expect(submit).to_be_visible()
    settle(page)
    if rows is not None:
        box = page.get_by_role("textbox", name="Input as JSON")
        box.fill(json.dumps(rows))
        box.blur()
        settle(page)
    submit.click()
    settle(page)


KINDS = {
    "classes": ("iris&version=1", "% confident"),
    "value": ("diabetes&version=1", "range of answers in the sample"),
    "targets": ("targets", "2 targets"),
    "labels": ("labels", "versicolor"),
    "picture-torch": ("digits", "scores"),
    "picture-onnx": ("digits-in-onnx", "% confident"),
    "embedding": ("embedding", "embedding of 48 numbers"),
    "thousand": ("thousand", "All 1,000 classes"),
    "tensor": ("boxes", "float32, 2 × 4"),
    "picture-out": ("negative", "float32, 3 × 32 × 32"),
}


@pytest.mark.long
def test_every_kind_of_answer_is_shown_in_its_way(
    filled: Server, ada: Page, tmp_path: Path
) -> None:
    for name, (query, words) in KINDS.items():
        play(ada, filled, query)
        expect(ada.get_by_text("Answered in")).to_be_visible()
        expect(ada.get_by_test_id("stMain").get_by_text(words).first).to_be_attached()
        screenshot(ada, f"answer-{name}", tmp_path)
    play(ada, filled, "thousand")
    ada.get_by_text("All 1,000 classes").click()
    expect(ada.get_by_test_id("stDataFrame")).to_be_visible()
    ada.get_by_text("JSON", exact=True).last.click()
    expect(
        ada.get_by_text('"probabilities"').or_(ada.get_by_text("Download")).first
    ).to_be_visible()


def test_versions_answer_side_by_side_and_the_link_keeps_them(
    filled: Server, ada: Page, tmp_path: Path
) -> None:
    row = {"sepal length (cm)": 6.0, "sepal width (cm)": 2.7, **WIDE, "petal width (cm)": 1.55}
    rows = [row, {**row, "petal length (cm)": 1.2, "petal width (cm)": 0.2}]
    play(ada, filled, "iris&version=1&version=2", rows[:1])
    expect(ada.get_by_text("Answered in")).to_have_count(2)
    expect(ada.get_by_text(re.compile("All say|They differ"))).to_be_visible()
    assert re.search(r"version=1&version=2", ada.url)
    screenshot(ada, "versions", tmp_path)
    play(ada, filled, "iris&version=1&version=2", rows)
    expect(ada.get_by_text("2 rows. Click one")).to_be_visible()
    screenshot(ada, "versions-rows", tmp_path)
    play(ada, filled, "diabetes&version=1&version=2")
    expect(ada.get_by_text(re.compile("From .* to |the same value"))).to_be_visible()
    screenshot(ada, "versions-values", tmp_path)
    play(ada, filled, "iris&version=1&version=2", rows[:1])
    ada.emulate_media(color_scheme="dark")
    for width in (1440, 1024, 390):
        ada.set_viewport_size({"width": width, "height": 1100})
        settle(ada)
        fits = ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert fits, "nothing hangs over the edge"
        screenshot(ada, f"versions-{width}-dark", tmp_path)


def test_a_link_to_versions_survives_signing_in(filled: Server, page: Page) -> None:
    page.goto(f"{filled.url}/playground?model=ada/iris&version=1&version=2&mode=JSON")
    sign_in(page, "ada")
    expect(page.get_by_role("textbox", name="Input as JSON")).to_be_visible()
    assert re.search(r"version=1&version=2&mode=JSON", page.url)


def test_failures_are_explained_and_the_page_goes_on(
    filled: Server, ada: Page, tmp_path: Path
) -> None:
    row = {"sepal length (cm)": 6.0, "sepal width (cm)": 2.7, **WIDE}
    play(ada, filled, "iris&version=1&version=3", [row])
    expect(ada.get_by_text("The model crashed.")).to_be_visible()
    expect(ada.get_by_text("Answered in")).to_have_count(1)
    screenshot(ada, "failure-crash", tmp_path)
    for least, words in (
        (failing.RAISE, "more than I was made for"),
        (failing.HUNGER, "Out of memory"),
        (failing.HANG, "Too slow"),
    ):
        play(ada, filled, "moody", {"x": [[least + 50, 0, 0, 0]]})
        expect(ada.get_by_text(words).first).to_be_visible()
        screenshot(ada, f"failure-{words.split()[0].lower()}", tmp_path)
    play(ada, filled, "moody", {"x": [[1, 2, 3, 4]]})
    expect(ada.get_by_text("Answered in")).to_be_visible()

"""Every kind of answer, versions side by side and failures, as a person sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from registry import accounts, checks, publish, staging, versions
from registry.core import Registry, open_registry
from registry.records import Actor, Details, Metric, Schema, Tensor
from registry.sandbox.pool import open_pool
from registry.settings import Settings
from tests.browser.conftest import (
    PASSWORD,
    Server,
    expect_cookie,
    expect_signed_in,
    screenshot,
    settle,
    sign_in,
    start_server,
)
from tests.makers import answering, failing
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]
NUMBERS = {"numbers": [[0.5, -1.2, 0.3, 2.2, -0.7, 1.1, 0.0, 0.4]]}
RANGE = {"target": "progression", "target_range": (25.0, 346.0)}
ERROR = (Metric("root_mean_squared_error", 54.2, dataset="held out"),)
MOODY = Schema("tensors", tensors=(Tensor("x", "float32", (-1, 4)),))
WIDE = {"petal length (cm)": 6.0, "petal width (cm)": 2.5}


def _add(reg: Registry, actor: Actor, path: Path, **given: Any) -> None:
    """Publish a file, its schema changed by those of `given` that are no details, and check it."""
    details = {k: given.pop(k) for k in ("name", "model", "metrics") if k in given}
    with staging.receive(reg, actor, path.name) as incoming:
        incoming.write(path.read_bytes())
        staged = incoming.finish()
    draft = publish.examine(reg, actor, staged.id)
    schema = given.pop("schema", None) or draft.inspection.schema
    schema = replace(schema, **given) if schema else None
    version = publish.publish(reg, actor, draft.id, Details(schema=schema, **details))
    checks.run(reg, version.id)
    assert versions.get(reg, actor, version.ref).status == "ready"


def _fill(home: Path, folder: Path) -> None:
    """A model for each kind of answer, owned by ada."""
    settings = Settings(home=home, standby_workers=False, min_free_disk_mb=0, _env_file=None)
    pool = open_pool(settings)
    reg = open_registry(settings, pool)
    ada = accounts.create_user(
        reg, username="ada", name="Ada", email="ada@example.org", password=PASSWORD, role="admin"
    )
    _add(reg, ada, makers.sklearn_classifier(folder), name="Iris")
    _add(reg, ada, makers.sklearn_forest(folder), model="ada/iris")
    _add(reg, ada, failing.crashing_tree(folder), model="ada/iris")
    _add(reg, ada, makers.sklearn_regressor(folder), name="Diabetes", metrics=ERROR, **RANGE)
    _add(reg, ada, makers.onnx_regressor(folder), model="ada/diabetes", **RANGE)
    _add(reg, ada, makers.sklearn_several_targets(folder), name="Targets")
    _add(reg, ada, answering.sklearn_several_labels(folder), name="Labels")
    _add(reg, ada, makers.torchscript_traced(folder), name="Digits")
    _add(reg, ada, makers.onnx_picture(folder), name="Digits in ONNX")
    _add(reg, ada, answering.onnx_embedding(folder), name="Embedding", example=NUMBERS)
    _add(reg, ada, answering.onnx_many_classes(folder), name="Thousand", example=NUMBERS)
    _add(reg, ada, answering.onnx_boxes(folder), name="Boxes", example=NUMBERS)
    _add(reg, ada, answering.onnx_negative(folder), name="Negative")
    _add(reg, ada, failing.moody(folder), name="Moody", schema=MOODY)
    reg.engine.dispose()
    pool.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("answers")
    _fill(folder / "home", folder)
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


def test_every_kind_of_answer_is_shown_in_its_way(
    filled: Server, ada: Page, tmp_path: Path
) -> None:
    for name, (query, words) in KINDS.items():
        play(ada, filled, query)
        expect(ada.get_by_text("Answered in")).to_be_visible()
        expect(ada.get_by_test_id("stMain").get_by_text(words).first).to_be_attached()
        screenshot(ada, f"answer-{name}", tmp_path)
    ada.goto(f"{filled.url}/playground?model=ada/thousand")
    play(ada, filled, "thousand")
    ada.get_by_text("All 1,000 classes").click()
    expect(ada.get_by_test_id("stDataFrame")).to_be_visible()
    ada.get_by_text("JSON", exact=True).last.click()
    expect(
        ada.get_by_text('"probabilities"').or_(ada.get_by_text("Download")).first
    ).to_be_visible()


def test_versions_answer_side_by_side_and_the_link_keeps_them(
    filled: Server, ada: Page, visit: Visit, tmp_path: Path
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
    for width, dark in ((1440, True), (1024, False), (390, False), (390, True)):
        page = visit(width, 1100, dark).new_page()
        page.goto(f"{filled.url}/playground?model=ada/iris&version=1&version=2&mode=JSON")
        sign_in(page, "ada")
        expect(page.get_by_role("button", name="Submit")).to_be_visible()
        expect_cookie(page)
        play(page, filled, "iris&version=1&version=2", rows[:1])
        expect(page.get_by_text("Answered in")).to_have_count(2)
        wide = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert wide, "nothing hangs over the edge"
        screenshot(page, f"versions-{width}{'-dark' if dark else ''}", tmp_path)


def test_failures_are_explained_and_the_page_goes_on(
    filled: Server, ada: Page, tmp_path: Path
) -> None:
    row = {"sepal length (cm)": 6.0, "sepal width (cm)": 2.7, **WIDE}
    play(ada, filled, "iris&version=1&version=3", [row])
    expect(ada.get_by_text("The model crashed")).to_be_visible()
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

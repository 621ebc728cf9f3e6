"""The main job, as a person does it: sign in, upload, browse, version, predict, share, put away."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import (
    Server,
    create_admin,
    fill,
    register,
    screenshot,
    settle,
    sign_out,
)
from tests.makers import models as makers

Visit = Callable[..., BrowserContext]
RUNNABLE: dict[str, Callable[[Path], Path]] = {
    "joblib": makers.sklearn_classifier,
    "pickle": makers.sklearn_pickle,
    "skops": makers.skops_classifier,
    "onnx": makers.onnx_classifier,
    "torchscript": makers.torchscript_mlp,
    "torch export": makers.torch_export_mlp,
}


def upload(page: Page, server: Server, path: Path, *, name: str = "", model: str = "") -> None:
    """Drop a file, see what is in it, publish it, and wait until it is ready."""
    page.goto(f"{server.url}/upload" + (f"?model={model}" if model else ""))
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(path)
    expect(page.get_by_role("button", name="Publish version")).to_be_visible()
    settle(page)
    if name:
        fill(page, "Name", name)
        settle(page)
    page.get_by_role("button", name="Publish version").click()
    page.wait_for_url(re.compile(r"/model\?"))
    expect(page.get_by_text("is loaded once in a sandbox")).to_have_count(0)
    expect(page.get_by_test_id("stMain").get_by_text("ready").first).to_be_visible()
    settle(page)


def press(page: Page, name: str) -> None:
    """Click a button and wait until the page has taken it in."""
    page.get_by_role("button", name=name, exact=True).first.click()
    settle(page)


def tick(page: Page, row: int) -> None:
    """Tick one row of the first table: a canvas, so by place."""
    table = page.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    assert box
    x, y = box["x"] + 18, box["y"] + 36 + 35 * row + 17
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    settle(page)


def test_from_an_empty_server_to_a_shared_model(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    create_admin(visit().new_page(), server, "ada")
    bob = visit().new_page()
    register(bob, server, "bob")
    page = visit().new_page()
    register(page, server, "alice")

    iris = makers.sklearn_classifier(tmp_path)
    upload(page, server, iris, name="Iris species")
    upload(page, server, makers.sklearn_forest(tmp_path), model="alice/iris-species")
    address = f"{server.url}/model?name=alice/iris-species&tab=Versions"

    for number in (1, 2):  # 1 is made champion, then 2
        page.goto(f"{address}&version={number}")
        press(page, "Make champion")
        expect(page.get_by_text(f"v{number} is the champion")).to_be_visible()
    press(page, "Roll back")
    expect(page.get_by_text("champion is v1 again")).to_be_visible()
    screenshot(page, "model", tmp_path)

    page.goto(f"{server.url}/playground?model=alice/iris-species")
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
    settle(page)
    page.get_by_test_id("stMain").get_by_role("button", name=re.compile("xample")).first.click()
    settle(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Code for this call")).to_be_visible()
    screenshot(page, "playground", tmp_path)

    bob.goto(address)
    expect(bob.get_by_text("Not found")).to_be_visible()
    page.goto(address.replace("Versions", "Settings"))
    expect(page.get_by_role("textbox", name="User name")).to_be_visible()
    fill(page, "User name", "bob")
    press(page, "Share")
    expect(page.get_by_text("Shared with bob").first).to_be_visible()
    bob.goto(address)
    expect(bob.get_by_role("heading", name="Iris species")).to_be_visible()
    expect(bob.get_by_text("Not found")).to_have_count(0)

    page.goto(f"{server.url}/compare?v=alice/iris-species@1&v=alice/iris-species@2")
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    screenshot(page, "compare", tmp_path)
    page.goto(f"{server.url}/models")
    expect(
        page.get_by_text("Iris species").or_(page.get_by_test_id("stDataFrame")).first
    ).to_be_visible()
    screenshot(page, "models", tmp_path)

    put_away_and_take_out(page, server, address)
    sign_out(page)


def put_away_and_take_out(page: Page, server: Server, address: str) -> None:
    """The version first, then the whole model; both come back."""
    page.goto(f"{address}&version=2")
    press(page, "Trash")
    page.get_by_role("dialog").get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("v2 is in the trash")).to_be_visible()
    page.goto(address)
    page.get_by_text("Trash (1)").click()
    press(page, "Restore")
    expect(page.get_by_text("v2 is back")).to_be_visible()

    page.goto(address)
    press(page, "Remove")  # a champion in use cannot go
    page.get_by_test_id("stMain").get_by_test_id("stMenuButton").click()
    page.get_by_text("Move to the trash").click()
    page.get_by_role("dialog").get_by_role("button", name="Move to the trash").click()
    page.wait_for_url(re.compile(r"/models"))
    page.goto(f"{server.url}/models?trash=1")
    press(page, "Restore")
    expect(page.get_by_text("is back")).to_be_visible()


@pytest.mark.long
def test_every_runnable_format_goes_all_the_way(
    server: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit().new_page()
    create_admin(page, server, "ada")
    for name, make in RUNNABLE.items():
        upload(page, server, make(tmp_path), name=f"Model {name}")
        slug = f"model-{name.replace(' ', '-')}"
        page.goto(f"{server.url}/playground?model=ada/{slug}")
        expect(page.get_by_role("button", name="Submit")).to_be_visible()
        settle(page)
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_text("Code for this call")).to_be_visible()

"""Each kind of input, from a file or the keyboard to an answer, on real models."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, expect_signed_in, settle, sign_in, start_server
from tests.browser.furnishing import furnished
from tests.browser.test_main_job import press, screenshot
from tests.makers import feeds
from tests.makers import models as makers

Play = Callable[[str], Page]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a model for each kind of input."""
    folder = tmp_path_factory.mktemp("inputs")
    with furnished(folder / "home") as home:
        home.add(feeds.onnx_photo(folder), name="Photos")
        home.add(feeds.torch_export_photo(folder), name="Photos in torch")
        home.add(feeds.onnx_sound(folder), name="Sounds")
        home.add(feeds.onnx_several(folder), name="Several")
        home.add(makers.sklearn_text(folder), name="Texts")
        home.add(makers.sklearn_pipeline(folder), name="Customers")
    server = start_server(folder / "home", standby_workers="0")
    yield server
    server.stop()


@pytest.fixture
def play(filled: Server, page: Page) -> Callable[[str], Page]:
    """Opens a model in the playground."""
    page.goto(filled.url)
    sign_in(page, "ada")
    expect_signed_in(page)

    def open_model(slug: str) -> Page:
        page.goto(f"{filled.url}/playground?model=ada/{slug}")
        expect(page.get_by_role("button", name="Submit", exact=True)).to_be_visible()
        settle(page)
        return page

    return open_model


def fill_with(page: Page, tensor: str, source: str) -> None:
    page.get_by_role("combobox", name=f"What {tensor} is filled with").click()
    page.get_by_role("option", name=source, exact=True).click()
    settle(page)


def give(page: Page, path: Path) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(path)
    settle(page)


def expect_answer(page: Page) -> None:
    press(page, "Submit")
    expect(page.get_by_text("Answered in")).to_be_visible()


@pytest.mark.parametrize("slug", ["photos", "photos-in-torch"])
def test_a_picture_is_answered_by_a_classifier(slug: str, play: Play, tmp_path: Path) -> None:
    Image.effect_noise((320, 200), 40).convert("RGB").save(tmp_path / "photo.png")
    ada = play(slug)
    give(ada, tmp_path / "photo.png")
    expect(ada.get_by_text("as uploaded")).to_be_visible()
    expect(ada.get_by_text("as the model sees it, 32 × 32")).to_be_visible()
    expect_answer(ada)
    screenshot(ada, "input-picture", tmp_path)


def test_a_sound_is_answered(play: Play, tmp_path: Path) -> None:
    tone = (np.sin(np.arange(44_100) * 0.06) * 16_384).astype("<i2")
    with wave.open(str(tmp_path / "tone.wav"), "wb") as writer:
        writer.setparams((1, 2, 44_100, 0, "NONE", ""))
        writer.writeframes(tone.tobytes())
    ada = play("sounds")
    give(ada, tmp_path / "tone.wav")
    expect(ada.get_by_text("44,100 → 16,000 Hz by linear interpolation")).to_be_visible()
    expect(ada.get_by_test_id("stPlotlyChart").first).to_be_visible()
    expect(ada.get_by_test_id("stAudio")).to_be_visible()
    expect_answer(ada)
    screenshot(ada, "input-sound", tmp_path)


def test_several_tensors_are_filled_each_in_its_way(play: Play, tmp_path: Path) -> None:
    np.save(tmp_path / "wrong.npy", np.ones((2, 4)))
    np.save(tmp_path / "right.npy", np.ones((1, 3)))
    ada = play("several")
    fill_with(ada, "features", "File")
    give(ada, tmp_path / "wrong.npy")
    expect(ada.get_by_text("expects float32 (N, 3), got float64 (2, 4)")).to_be_visible()
    give(ada, tmp_path / "right.npy")
    expect(ada.get_by_text("float32 (1, 3) · from 1 to 1, mean 1")).to_be_visible()
    fill_with(ada, "ids", "Random")
    fill_with(ada, "flags", "Zeros")
    expect(ada.get_by_text("bool (1, 2) · 0 of 2 true")).to_be_visible()
    ada.get_by_role("textbox", name="note as text").fill("good morning")
    expect_answer(ada)
    ada.locator("summary", has_text="JSON").last.click()
    expect(ada.get_by_text("good morning").locator("visible=true").first).to_be_visible()
    screenshot(ada, "input-several", tmp_path)


def test_a_text_is_answered(play: Play, tmp_path: Path) -> None:
    ada = play("texts")
    ada.get_by_role("textbox", name="text").fill("a good day")
    expect_answer(ada)


def test_a_row_with_a_gap_is_answered(play: Play, tmp_path: Path) -> None:
    ada = play("customers")
    ada.get_by_role("spinbutton", name="age").fill("")
    ada.get_by_role("combobox", name="city").click()
    ada.get_by_role("option", name="– missing –").click()
    expect_answer(ada)
    screenshot(ada, "input-row", tmp_path)


def test_the_camera_is_allowed_to_this_site_alone(filled: Server, page: Page) -> None:
    policy = page.request.get(filled.url).headers["permissions-policy"]
    assert "camera=(self)" in policy
    assert "microphone=()" in policy

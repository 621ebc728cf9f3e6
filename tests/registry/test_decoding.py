"""Uploaded files become what a tensor takes, decoded in a locked worker."""

from __future__ import annotations

import io
import wave
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from registry import decoding, staging, versions
from registry.errors import BrokenArtifact, InvalidInput, NotFound, TooLarge
from registry.records import AudioHints, ImageHints, Schema, Tensor

IMAGE = ImageHints("NCHW", 6, 4, 3, 1 / 255, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
TENSORS = (
    Tensor("image", "float32", (-1, 3, 4, 6), image=IMAGE),
    Tensor("sound", "float32", (-1, -1), audio=AudioHints(8_000, 1, "NT")),
    Tensor("stereo", "int16", (2, 100), audio=AudioHints(16_000, 2, "CT")),
    Tensor("matrix", "float32", (-1, 3)),
    Tensor("grid", "float32", (-1, 1, 2, 2)),
    Tensor("ids", "int64", (-1,)),
    Tensor("words", "string", (-1, 1)),
    Tensor("one", "float64", ()),
)


@pytest.fixture
def wide(reg, alice, iris):
    """Alice's model with a schema of tensors: decoding asks no model."""
    versions.edit(reg, alice, iris.ref, schema=Schema("tensors", tensors=TENSORS))
    return iris.ref


@pytest.fixture
def stage(reg, alice):
    def staged(name, content):
        with staging.receive(reg, alice, name) as incoming:
            incoming.write(content)
            return incoming.finish().id

    return staged


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def png(colour, size=(12, 4)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def wav(samples, rate=8_000, channels=1, width=2):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


def test_a_picture_is_scaled_and_normalised_and_shown_beside_the_original(reg, alice, wide, stage):
    made = decoding.picture(reg, alice, wide, "image", stage("red.png", png("red")))
    assert made.values.shape == (1, 3, 4, 6)
    assert made.values.dtype == np.float32
    assert [float(channel.mean()) for channel in made.values[0]] == [1.0, -1.0, -1.0]
    assert made.original.shape == (4, 12, 3)


@pytest.mark.parametrize(
    ("fit", "black"), [("stretch", False), ("cover", False), ("contain", True)]
)
def test_a_picture_of_other_proportions_fills_the_frame_as_the_hints_say(
    fit, black, reg, alice, wide, stage
):
    image = replace(TENSORS[0], image=replace(IMAGE, fit=fit, mean=(), std=()))
    versions.edit(reg, alice, wide, schema=Schema("tensors", tensors=(image,)))
    made = decoding.picture(reg, alice, wide, "image", stage("white.png", png("white")))
    assert bool((made.values == 0).any()) is black


def test_a_sound_becomes_samples_at_the_rate_of_the_model(reg, alice, wide, stage):
    tone = (np.sin(np.arange(1600) * 0.1) * 16384).astype("<i2")
    made = decoding.sound(reg, alice, wide, "sound", stage("tone.wav", wav(tone.tobytes(), 16_000)))
    assert made.values.shape == (1, 800)
    np.testing.assert_allclose(made.values[0], tone[::2] / 32768, atol=1e-6)
    assert "16,000 → 8,000 Hz by linear interpolation" in made.remark


def test_a_sound_is_cut_or_followed_by_silence_where_the_length_is_fixed(reg, alice, wide, stage):
    short = np.full(60, 16384, "<i2").tobytes()
    made = decoding.sound(reg, alice, wide, "stereo", stage("short.wav", wav(short, 16_000)))
    assert made.values.shape == (2, 100)
    assert made.values.dtype == np.int16
    assert set(made.values[:, :60].reshape(-1).tolist()) == {16384}
    assert not made.values[:, 60:].any()
    assert "silence added: 60 → 100 samples" in made.remark
    assert "1 → 2 channels" in made.remark


def test_a_file_of_numbers_becomes_the_tensor(reg, alice, wide, stage):
    made = decoding.numbers(reg, alice, wide, "matrix", stage("x.npy", npy(np.ones((2, 3)))))
    assert made.dtype == np.float32
    assert made.tolist() == [[1, 1, 1]] * 2
    with pytest.raises(InvalidInput) as refused:
        decoding.numbers(reg, alice, wide, "matrix", stage("x.csv", b"1,2\n"))
    assert "expects float32 (N, 3), got int64 (1, 2)" in refused.value.problems["matrix"]
    objects = stage("x.npy", npy(np.array([{}], dtype=object), allow_pickle=True))
    with pytest.raises(BrokenArtifact, match="Python objects"):
        decoding.numbers(reg, alice, wide, "matrix", objects)


def test_a_file_with_more_values_than_a_page_takes_is_too_large(reg, alice, wide, stage):
    with pytest.raises(TooLarge, match="4,000,001"):
        decoding.numbers(reg, alice, wide, "ids", stage("x", npy(np.zeros(4_000_001, np.uint8))))


def test_an_axis_of_none_counts_as_one_in_a_file(reg, alice, wide, stage):
    large = stage("x", npy(np.zeros((5_000_000, 0), np.float32)))
    with pytest.raises(TooLarge, match="5,000,000 values"):
        decoding.numbers(reg, alice, wide, "matrix", large)
    huge = stage("x", npy(np.zeros((10**9, 0), np.float32)))
    with pytest.raises(BrokenArtifact, match="1,000,000,000 × 0"):
        decoding.numbers(reg, alice, wide, "matrix", huge)


def test_only_what_the_schema_says_can_be_filled(reg, alice, wide, stage):
    with pytest.raises(InvalidInput, match="takes no picture"):
        decoding.picture(reg, alice, wide, "matrix", stage("red.png", png("red")))
    with pytest.raises(InvalidInput, match="takes no sound"):
        decoding.sound(reg, alice, wide, "matrix", stage("x.wav", wav(b"\0\0")))
    with pytest.raises(NotFound, match="nonsense"):
        decoding.numbers(reg, alice, wide, "nonsense", stage("x.csv", b"1"))
    with pytest.raises(BrokenArtifact, match="no picture"):
        decoding.picture(reg, alice, wide, "image", stage("red.png", b"no picture"))
    with pytest.raises(BrokenArtifact, match="no WAV"):
        decoding.sound(reg, alice, wide, "sound", stage("x.wav", b"no sound"))


def test_anothers_file_and_anothers_model_are_not_found(reg, alice, bob, wide, stage):
    mine = stage("x.csv", b"1,2,3")
    with pytest.raises(NotFound):
        decoding.numbers(reg, bob, wide, "matrix", mine)
    with pytest.raises(NotFound):
        decoding.numbers(reg, alice, wide, "matrix", "0" * 32)

"""WAV files become samples, whatever they are coded in."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest

from registry.errors import BrokenArtifact
from registry.formats import sounds


def wav(samples, rate=8_000, channels=1, width=2):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


def extensible(samples, bits=24, channels=1, rate=8_000):
    """A WAV file as recorders write those of 24 bits."""
    width = bits // 8
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    head = struct.pack(
        "<HHIIHHHHI", 0xFFFE, channels, rate, rate * width * channels, width * channels, bits, 22,
        bits, 0,
    )  # fmt: skip
    body = b"WAVE" + b"fmt " + struct.pack("<I", 40) + head + guid
    body += b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", len(samples))
    return b"RIFF" + struct.pack("<I", len(body) + len(samples)) + body + samples


def floating(values, rate=8_000):
    data = np.asarray(values, "<f4").tobytes()
    head = struct.pack("<HHIIHH", 3, 1, rate, rate * 4, 4, 32)
    body = (
        b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(data)) + data
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "content",
    [
        wav(bytes([192, 64]), width=1),
        wav(struct.pack("<hh", 16384, -16384)),
        wav(b"\x00\x00\x40\x00\x00\xc0", width=3),
        wav(struct.pack("<ii", 1 << 30, -(1 << 30)), width=4),
        wav(struct.pack("<hhhh", 16384, 16384, 0, -32768), channels=2),
        extensible(b"\x00\x00\x40\x00\x00\xc0"),
        floating([0.5, -0.5]),
    ],
)
def test_every_common_coding_of_a_wav_file_is_read(content):
    made = sounds.decode(io.BytesIO(content), 0, 1)
    np.testing.assert_allclose(made.samples, [[0.5, -0.5]], atol=1e-6)
    assert made.rate == 8_000


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"OggS" + bytes(40), "no WAV file"),
        (wav(b""), "no samples"),
        (wav(b"\0\0")[:30], "ends early"),
        (wav(b"\0\0").replace(struct.pack("<I", 8_000), bytes(4)), "0 Hz make no sense"),
        (wav(b"\0\0").replace(b"\x01\0\x01\0", b"\x07\0\x01\0"), "coding 7"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", "ends early"),
    ],
)
def test_what_is_no_sound_says_why(content, why):
    with pytest.raises(BrokenArtifact) as refused:
        sounds.decode(io.BytesIO(content), 16_000, 1)
    assert why in refused.value.message


def test_a_second_stays_a_second_at_any_rate():
    tone = (np.sin(np.arange(8_000) * 0.05) * 9_000).astype("<i2").tobytes()
    for rate in (4_000, 16_000, 44_100):
        made = sounds.decode(io.BytesIO(wav(tone)), rate, 2)
        assert made.samples.shape == (2, rate)

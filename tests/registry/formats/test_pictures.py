"""Pictures become pixels, and no more than fit."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from registry.errors import BrokenArtifact
from registry.formats.pictures import decode_image


def _file(picture: Any, kind: str = "PNG", **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3])
def test_common_kinds_are_scaled_to_the_size_asked_for(kind: str, channels: int) -> None:
    pixels = decode_image(_file(Image.new("RGB", (40, 20), (200, 10, 10)), kind), 8, 6, channels)
    assert pixels.shape == (6, 8, channels)
    assert pixels.dtype == np.uint8
    if channels == 3:
        assert pixels[0, 0, 0] > 180


def test_what_is_transparent_becomes_white() -> None:
    pixels = decode_image(_file(Image.new("RGBA", (4, 4), (0, 0, 0, 0))), 4, 4, 1)
    assert (pixels == 255).all()


def test_the_own_size_is_kept_when_none_is_asked_for() -> None:
    assert decode_image(_file(Image.new("L", (5, 3))), 0, 0, 1).shape == (3, 5, 1)


def test_sixteen_bits_are_scaled_to_eight() -> None:
    deep = Image.fromarray(np.full((4, 4), 65535, np.uint16))
    assert decode_image(_file(deep), 4, 4, 1)[0, 0, 0] == 255


def test_a_picture_that_unfolds_too_far_is_refused_before_it_does() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    with pytest.raises(BrokenArtifact, match=r"60,000|no picture"):
        decode_image(io.BytesIO(content), 8, 8, 3)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"<svg></svg>"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(BrokenArtifact):
        decode_image(io.BytesIO(content), 8, 8, 3)


def test_a_truncated_picture_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    content = _file(Image.fromarray(noise)).getvalue()
    with pytest.raises(BrokenArtifact, match="damaged"):
        decode_image(io.BytesIO(content[:2000]), 8, 8, 3)

"""Decodes a picture to pixels, with a cap on how large it may unfold."""

from __future__ import annotations

import warnings
from typing import Any, BinaryIO

import numpy as np

from registry.errors import BrokenArtifact
from registry.formats.text import refusal

MAX_PIXELS = 50_000_000
_SMALL_PX = 320
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def decode_image(
    file: BinaryIO, width: int, height: int, channels: int, fit: str = "stretch"
) -> np.ndarray:
    """Pixels of a picture, turned upright, on white, scaled: uint8 (height, width, channels).

    Args:
        width: 0 keeps the picture's own.
        height: 0 keeps the picture's own.
        channels: 1 gray, 3 colour, 4 colour with transparency.
        fit: As `ImageHints.fit`.

    Raises:
        BrokenArtifact: It is no picture, damaged, or unfolds to more than 50 million pixels.
    """
    from PIL import Image, ImageOps

    flat = _opened(file, width, height, _MODES[channels])
    size = (width or flat.width, height or flat.height)
    if flat.size != size:
        how = Image.Resampling.BILINEAR
        if fit == "cover":
            flat = ImageOps.fit(flat, size, how)
        elif fit == "contain":
            flat = ImageOps.pad(flat, size, how)
        else:
            flat = flat.resize(size, how)
    return np.ascontiguousarray(
        np.asarray(flat, dtype=np.uint8).reshape(size[1], size[0], channels)
    )


def thumbnail(file: BinaryIO) -> np.ndarray:
    """The whole picture, small: uint8 (height, width, 3).

    Raises:
        BrokenArtifact: As for `decode_image`.
    """
    flat = _opened(file, _SMALL_PX, _SMALL_PX, "RGB")
    flat.thumbnail((_SMALL_PX, _SMALL_PX))
    return np.ascontiguousarray(np.asarray(flat, dtype=np.uint8))


def _opened(file: BinaryIO, width: int, height: int, mode: str) -> Any:
    """The picture, upright and in a mode; a JPEG may come reduced, never below the size."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(file, formats=_FORMATS)
            _refuse_size(picture.size)
            if width and height:
                picture.draft(mode, (width, height))
            return _flattened(ImageOps.exif_transpose(picture), mode, Image)
    except (UnidentifiedImageError, Image.DecompressionBombError) as no:
        raise BrokenArtifact(_NO_PICTURE) from no
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError) as no:
        raise BrokenArtifact(_DAMAGED) from no


_NO_PICTURE = refusal(
    "this is no picture that can be read", "Its content is none of PNG, JPEG, WebP, GIF, BMP, TIFF",
    "Save it as PNG or JPEG",
)  # fmt: skip
_DAMAGED = refusal(
    "the picture is damaged or ends early", "It cannot be decoded", "Save it again as PNG or JPEG"
)


def _refuse_size(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS or 0 in size:
        raise BrokenArtifact(
            refusal(
                f"the picture measures {size[0]:,} × {size[1]:,} pixels",
                f"At most {MAX_PIXELS:,} pixels are decoded",
                "Scale it down first",
            )
        )


def _flattened(picture: Any, mode: str, image: Any) -> Any:
    """The picture in a mode; what was transparent becomes white."""
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    if transparent and mode != "RGBA":
        picture = picture.convert("RGBA")
        white = image.new("RGBA", picture.size, "white")
        picture = image.alpha_composite(white, picture)
    if picture.mode in ("I;16", "I;16B", "I;16L", "I"):
        picture = picture.point(lambda value: value / 256).convert("L")
    return picture.convert(mode)

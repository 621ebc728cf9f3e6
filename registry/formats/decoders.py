"""What people fill a tensor with: pictures, sounds and files of numbers, made into arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from registry.formats import pictures, sounds, tensor_files

Arrays = dict[str, np.ndarray]


def decode(kind: str, file: BinaryIO, **order: Any) -> Arrays:
    """Named arrays from a file.

    Args:
        kind: "picture", "sound" or "numbers".

    Raises:
        BrokenArtifact: It cannot be read as that.
    """
    return _DECODERS[kind](file, **order)


def _picture(file: BinaryIO, **size: Any) -> Arrays:
    return {"pixels": pictures.decode_image(file, **size), "small": pictures.thumbnail(file)}


def _sound(file: BinaryIO, *, rate: int, channels: int) -> Arrays:
    sound = sounds.decode(file, rate, channels)
    return {"samples": sound.samples, "facts": np.array(sound[1:], np.int64)}


def _numbers(file: BinaryIO, *, name: str, text: bool) -> Arrays:
    array, is_rows = tensor_files.read(file, name, text=text)
    return {"array": array, "is_rows": np.array([is_rows])}


REPLIES: dict[str, dict[str, tuple[str, int]]] = {
    "picture": {"pixels": ("u", 3), "small": ("u", 3)},
    "sound": {"samples": ("f", 2), "facts": ("i", 1)},
    "numbers": {"array": ("biufU", -1), "is_rows": ("b", 1)},
}
"""Arrays a decoder answers with: kinds of NumPy's types and axes, -1 for any."""

_DECODERS: dict[str, Callable[..., Arrays]] = {
    "picture": _picture,
    "sound": _sound,
    "numbers": _numbers,
}

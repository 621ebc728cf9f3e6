"""Named NumPy arrays as one run of bytes and back; what comes back is hostile until checked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from registry.sandbox.wire import Body, Odd

KINDS = "biufcSU"
_WILD = "bU"  # kinds with bytes that are no value
_DTYPE = re.compile(r"[<|][biufcSU][1-9]\d{0,6}")
_ALIGN = 64
_MAX_BYTES = 1 << 50  # counting empty axes as one: NumPy refuses what overflows
_MAX_EMPTY = 1 << 24  # places around an empty axis: they take no bytes here, but lists do
_MAX_ARRAYS, _MAX_AXES, _MAX_NAME = 256, 16, 1000
_LAST_CODE_POINT, _SURROGATES, _REPLACEMENT = 0x10FFFF, (0xD800, 0xDFFF), 0xFFFD

Layout = tuple[tuple[str, "np.dtype[Any]", tuple[int, ...]], ...]
Place = tuple[str, "np.dtype[Any]", tuple[int, ...], int, int]


def pack(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, list[Body]]:
    """A head that describes the arrays, and their bytes.

    Raises:
        TypeError: An array holds something other than numbers and text.
    """
    layout = tuple([(name, array.dtype, array.shape) for name, array in arrays.items()])
    head, places = _describe(layout)
    parts: list[Body] = []
    end = 0
    for array, (_, _, _, start, size) in zip(arrays.values(), places, strict=True):
        if start > end:
            parts.append(bytes(start - end))
        parts.append(_bytes_of(array, size))
        end = start + size
    return head, parts


def unpack(head: bytes, body: Body) -> dict[str, np.ndarray]:
    """The arrays that `head` describes, in `body`.

    Raises:
        Odd: The description is not of our making or does not fit the body.
    """
    places, end = _places(head)
    if end != len(body):
        raise Odd("a body that does not fit its description")
    return {
        name: np.ndarray(shape, dtype, body, start) if size else np.empty(shape, dtype)
        for name, dtype, shape, start, size in places
    }


def tame(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays from a worker whose every element Python can read.

    Truth values other than 0 and 1 become True; impossible characters become U+FFFD.
    """
    return {
        name: _tamed(array) if array.dtype.kind in _WILD else array
        for name, array in arrays.items()
    }


def _tamed(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "b":
        return np.not_equal(array.view(np.uint8), 0)
    if array.dtype.kind == "U" and array.size:
        codes = array.reshape(-1).view(np.uint32)
        low, high = _SURROGATES
        bad = (codes > _LAST_CODE_POINT) | ((codes >= low) & (codes <= high))
        if bad.any():
            return (
                np.where(bad, np.uint32(_REPLACEMENT), codes).view(array.dtype).reshape(array.shape)
            )
    return array


def _bytes_of(array: np.ndarray, size: int) -> Body:
    if size < 1 << 12:
        return array.tobytes()
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


@lru_cache(maxsize=256)
def _describe(layout: Layout) -> tuple[bytes, tuple[Place, ...]]:
    places: list[Place] = []
    start = 0
    for name, dtype, shape in layout:
        if not _DTYPE.fullmatch(dtype.str):
            raise TypeError(f"{name or 'array'} holds {dtype.name}, not numbers or text")
        start = -(-start // _ALIGN) * _ALIGN
        size = dtype.itemsize * math.prod(shape)
        places.append((name, dtype, shape, start, size))
        start += size
    listed = [(name, dtype.str, shape) for name, dtype, shape in layout]
    return json.dumps(listed).encode(), tuple(places)


@lru_cache(maxsize=256)
def _places(head: bytes) -> tuple[tuple[Place, ...], int]:
    """Parse and check a description; the same few come again and again."""
    try:
        listed = json.loads(head)
    except (ValueError, RecursionError) as bad:
        raise Odd("a description that is no JSON") from bad
    if not isinstance(listed, list) or len(listed) > _MAX_ARRAYS:
        raise Odd("a description that is no short list")
    places = _describe(tuple(_entry(entry) for entry in listed))[1]
    if len({place[0] for place in places}) != len(places):
        raise Odd("two arrays of one name")
    return places, places[-1][3] + places[-1][4] if places else 0


def _entry(entry: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    match entry:
        case [str(name), str(dtype), list(shape)] if (
            len(name) <= _MAX_NAME
            and _DTYPE.fullmatch(dtype)
            and _is_type(dtype)
            and len(shape) <= _MAX_AXES
            and all(type(size) is int and size >= 0 for size in shape)
            and (room := math.prod(max(size, 1) for size in shape)) * np.dtype(dtype).itemsize
            < _MAX_BYTES
            and (room <= _MAX_EMPTY or 0 not in shape)
        ):
            return name, np.dtype(dtype), tuple(shape)
    raise Odd("an array that is described wrongly")


def _is_type(dtype: str) -> bool:
    try:
        return np.dtype(dtype).kind in KINDS
    except TypeError:
        return False

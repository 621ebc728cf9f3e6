"""Headers of NumPy's .npy: shape and type, checked against the bytes behind them."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np

from registry.formats.stubs import lengths, product

_HEADER_1 = np.lib.format.read_array_header_1_0
_HEADER_2 = np.lib.format.read_array_header_2_0
MAX_HEADER = 65536


def header(file: BinaryIO) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """(type, shape, whether in Fortran's order, bytes of the header).

    Raises:
        ValueError: It is none, or describes what no array can be.
    """
    head = io.BytesIO(file.read(MAX_HEADER + 12))
    version = np.lib.format.read_magic(head)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError("an array in a version that NumPy does not have")
    shape, fortran, dtype = (_HEADER_1 if version == (1, 0) else _HEADER_2)(head)
    return dtype, lengths(shape), fortran, head.tell()


def check(file: BinaryIO, size: int) -> None:
    """Refuse a header that does not fit the `size` bytes of the whole file.

    Raises:
        ValueError: It holds objects, which are a pickle, or more or fewer numbers than it says.
    """
    dtype, shape, _, start = header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are a pickle")
    if start + product(shape) * dtype.itemsize != size:
        raise ValueError("its shape does not fit its bytes")

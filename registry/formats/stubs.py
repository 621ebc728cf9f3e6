"""What a dry run makes instead of objects: inert shapes that remember and never act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_DECODED_BYTES = 64 * 1024
MAX_KEPT = 100_000
_LAST_CODE_POINT = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Global:
    """A name the file asks for; it is never imported."""

    module: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Skipped:
    """Bytes that were passed over."""

    size: int


class Instance:
    """An object the file wants made: class, arguments and state, nothing called."""

    __slots__ = ("args", "cls", "items", "pairs", "state")

    def __init__(self, cls: object, args: object = ()) -> None:
        self.cls = cls if isinstance(cls, Global) else Global("", type(cls).__name__)
        self.args: tuple[Any, ...] = args if isinstance(args, tuple) else (args,)
        self.state: dict[str, Any] = {}
        self.items: list[Any] = []
        self.pairs: list[tuple[Any, Any]] = []

    def build(self, state: object) -> None:
        """Remember a state: a dict, or (dict, slots) as pickle writes it."""
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        if not all(part is None or isinstance(part, dict) for part in parts):
            self.state["__state__"] = state
            return
        for part in parts:
            if isinstance(part, dict):
                self.state.update({k: v for k, v in part.items() if isinstance(k, str)})

    def append(self, item: object) -> None:
        if len(self.items) < MAX_KEPT:
            self.items.append(item)

    add = append

    def extend(self, items: list[Any]) -> None:
        self.items.extend(items[: MAX_KEPT - len(self.items)])


class Array:
    """A NumPy array of the file: always its shape and dtype, its values only when small.

    Attributes:
        values: An array of plain numbers or text, a list of stubs (dtype object), or None.
    """

    __slots__ = ("dtype", "shape", "values")

    def __init__(
        self, dtype: object = None, shape: object = (), values: np.ndarray | list[Any] | None = None
    ) -> None:
        self.dtype = dtype if isinstance(dtype, np.dtype) else None
        self.shape = lengths(shape)
        self.values = values

    @property
    def size(self) -> int:
        return product(self.shape)

    def build(self, state: object) -> None:
        """Take NumPy's pickled state: (version, shape, dtype, is_fortran, bytes or list).

        Source: numpy/_core/src/multiarray/methods.c, array_setstate.
        """
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise ValueError("an array with a state that NumPy never writes")
        shape, dtype, fortran, data = state[-4:]
        self.dtype = dtype if isinstance(dtype, np.dtype) else None
        self.shape = lengths(shape)
        if isinstance(data, list):
            self.values = data if fortran is not True else None
        else:
            self.values = decoded(data, self.dtype, self.shape, "F" if fortran is True else "C")

    def flat(self) -> list[Any] | None:
        """The values as a plain list, or None when they were passed over."""
        if isinstance(self.values, np.ndarray):
            flat: list[Any] = self.values.ravel().tolist()
            return flat
        return self.values


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Where a torch file keeps the numbers of some tensors."""

    dtype: str
    key: str
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Weight:
    """A tensor of the file: its type and shape and where its numbers lie, never the numbers.

    `offset` and `strides` count elements of the storage.
    """

    dtype: str
    shape: tuple[int, ...]
    storage: Storage | None = None
    offset: int = 0
    strides: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return product(self.shape)


def product(shape: tuple[int, ...]) -> int:
    """Number of elements; exact, since Python's integers do not overflow."""
    result = 1
    for length in shape:
        result *= length
    return result


def lengths(shape: object) -> tuple[int, ...]:
    """A shape out of a file, checked.

    Raises:
        ValueError: It is no tuple of at most 64 sizes.
    """
    if isinstance(shape, int):
        shape = (shape,)
    if not isinstance(shape, (tuple, list)) or len(shape) > 64:
        raise ValueError("a shape that is none")
    plain = tuple(s.item() if isinstance(s, np.integer) else s for s in shape)
    if not all(type(s) is int and 0 <= s < 2**62 for s in plain):
        raise ValueError("a shape with impossible sizes")
    return plain


def _code_points(data: bytes | bytearray, dtype: np.dtype[Any]) -> np.ndarray:
    return np.frombuffer(bytes(data), dtype=">u4" if dtype.byteorder == ">" else "<u4")


def decoded(data: object, dtype: object, shape: tuple[int, ...], order: str) -> np.ndarray | None:
    """A small array's values, or None when it is big or not made of plain numbers or text."""
    if not isinstance(data, (bytes, bytearray)) or not isinstance(dtype, np.dtype):
        return None
    if dtype.kind not in "biufcSUmM" or dtype.itemsize == 0 or len(data) > MAX_DECODED_BYTES:
        return None
    if product(shape) * dtype.itemsize != len(data):
        raise ValueError("an array whose bytes do not fit its shape")
    flat = np.frombuffer(bytes(data), dtype=dtype)
    if dtype.kind == "U" and len(data) and _code_points(data, dtype).max() > _LAST_CODE_POINT:
        raise ValueError("an array of text that is none")
    return flat.reshape(shape[::-1]).transpose() if order == "F" else flat.reshape(shape)

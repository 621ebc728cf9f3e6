"""Reads the numbers of a tensor from a file: .npy, one member of an .npz, or CSV."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

import numpy as np

from registry.errors import BrokenArtifact
from registry.formats import npy, unzipped, zips
from registry.formats.stubs import product
from registry.formats.text import clean, refusal

MAX_BYTES = 48 << 20  # a worker's reply is smaller than 64 MiB
_MAX_CSV = 64 << 20
_KINDS = "biufSU"
_LONGEST_TEXT = 100_000


def read(file: BinaryIO, name: str, *, text: bool = False) -> tuple[np.ndarray, bool]:
    """An array as the file holds it, and whether it is rows and columns of a CSV.

    Args:
        name: Of the tensor; which member of an .npz is taken, where it has several.
        text: Whether cells of a CSV are text; else they are numbers, true or false.

    Raises:
        BrokenArtifact: It is none of these, damaged, too large, or holds Python objects.
    """
    head = _start(file)
    try:
        if head.startswith(b"\x93NUMPY"):
            return _npy(file), False
        if head.startswith(b"PK\x03\x04"):
            return _npz(file, name), False
        return _csv(file, text), True
    except zips.Odd as odd:
        raise _broken(odd.what) from None
    except (ValueError, OSError, EOFError, SyntaxError, MemoryError, csv.Error) as wrong:
        raise _broken(clean(wrong, 300)) from None


def _broken(why: str) -> BrokenArtifact:
    said = refusal("the file cannot be read as a tensor", why, "Save it with numpy.save, or as CSV")
    return BrokenArtifact(said)


def _start(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(6)
    file.seek(0)
    return head


def _npy(file: BinaryIO) -> np.ndarray:
    size = file.seek(0, io.SEEK_END)
    if size > MAX_BYTES:
        raise ValueError(f"it has {size:,} bytes; at most {MAX_BYTES:,} are taken here")
    file.seek(0)
    npy.check(file, size)
    file.seek(0)
    _refuse_hidden(*npy.header(file)[:2])
    file.seek(0)
    array: np.ndarray = np.load(file, allow_pickle=False)
    if array.dtype.kind not in _KINDS:
        raise ValueError(f"it holds {array.dtype.name}, not numbers or text")
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if not array.dtype.itemsize:
        return np.zeros(array.shape, "U1")
    native = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(native).reshape(array.shape)  # which makes a scalar a vector


def _refuse_hidden(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Refuse a shape that takes no bytes for an axis of none, or texts of no length, yet is huge.

    Raises:
        ValueError: It holds more places than a file of values may.
    """
    places = product(tuple(max(size, 1) for size in shape))
    if places * max(dtype.itemsize, 1) > MAX_BYTES:
        sizes = " × ".join(f"{size:,}" for size in shape)
        raise ValueError(f"its shape is {sizes}; at most {MAX_BYTES:,} bytes are taken here")


def _npz(file: BinaryIO, name: str) -> np.ndarray:
    """The member of that name, or the only one."""
    members = [m for m in zips.members(file) if m.name.endswith(".npy")]
    names = [member.name.removesuffix(".npy") for member in members]
    if name in names:
        chosen = members[names.index(name)]
    elif len(members) == 1:
        chosen = members[0]
    else:
        shown = ", ".join(clean(n, 40) for n in names[:10]) or "no array"
        raise ValueError(f"it holds {shown}; one of them must be called {clean(name, 40)}")
    if chosen.size > MAX_BYTES:
        raise ValueError(f"it has {chosen.size:,} bytes; at most {MAX_BYTES:,} are taken here")
    content = b"".join(unzipped.content(file, chosen, unzipped.Budget.of([chosen])))
    return _npy(io.BytesIO(content))


def _csv(file: BinaryIO, text: bool) -> np.ndarray:
    """All cells, `(n_rows, n_columns)`; a first line without any number is a header."""
    data = file.read(_MAX_CSV + 1)
    if len(data) > _MAX_CSV:
        raise ValueError(f"it has more than {_MAX_CSV >> 20} MiB; save it with numpy.save")
    if b"\0" in data[:4096]:
        raise ValueError("it is neither .npy, .npz nor CSV")
    said = data.decode("utf-8-sig", "replace")
    comma = max(",;\t", key=said.partition("\n")[0].count)
    numbered = enumerate(csv.reader(io.StringIO(said, newline=""), delimiter=comma), 1)
    rows = [(line, row) for line, row in numbered if row]
    if not text and rows and not any(_is_number(cell) for cell in rows[0][1]):
        rows = rows[1:]
    if not rows:
        raise ValueError("it has no rows")
    width = len(rows[0][1])
    for line, row in rows:
        if len(row) != width:
            raise ValueError(f"line {line} has {len(row)} cells, the first row has {width}")
    if len(rows) * width * 8 > MAX_BYTES:
        raise ValueError(f"it has {len(rows) * width:,} values; at most {MAX_BYTES >> 3:,}")
    return _texts(rows) if text else _numbers(rows)


Rows = list[tuple[int, list[str]]]


def _texts(rows: Rows) -> np.ndarray:
    longest = max(len(cell) for _, row in rows for cell in row)
    if longest > _LONGEST_TEXT or longest * len(rows) * len(rows[0][1]) * 4 > MAX_BYTES:
        raise ValueError("its texts are too long")
    return np.array([row for _, row in rows], dtype=f"U{max(longest, 1)}")


def _numbers(rows: Rows) -> np.ndarray:
    values = [[_number(line, cell) for cell in row] for line, row in rows]
    whole = all(type(value) is int and abs(value) < 1 << 63 for row in values for value in row)
    return np.array(values, dtype=np.int64 if whole else np.float64)


_WORDS = {"true": 1, "false": 0}


def _number(line: int, cell: str) -> Any:
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        return _WORDS[cell.strip().lower()] if cell.strip().lower() in _WORDS else float(cell)
    except ValueError:
        raise ValueError(
            f"line {line}: {clean(cell, 40) or 'an empty cell'} is no number"
        ) from None


def _is_number(cell: str) -> bool:
    try:
        _number(0, cell)
    except ValueError:
        return False
    return True

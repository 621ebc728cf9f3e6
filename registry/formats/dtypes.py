"""States of NumPy's dtypes: NumPy believes them, and crashes on those it never wrote itself."""

from __future__ import annotations

from typing import Any

import numpy as np

_UNITS = (b"Y", b"M", b"W", b"D", b"h", b"m", b"s", b"ms", b"us", b"ns", b"ps", b"fs", b"as",
          b"generic")  # fmt: skip

_MEANT = 0x7F  # all flags but that of a structure laid out as C does


def fits(made: np.dtype[Any], state: Any) -> bool:
    """Whether NumPy itself would write this state for a dtype made from the same code.

    Args:
        state: (version, byte order, subarray, names, fields, item size, alignment, flags), and the
            unit of dates. Flags that deny the objects inside would turn bytes into pointers.

    Source: numpy/_core/src/multiarray/descriptor.c, arraydescr_reduce, NumPy 2.4.
    """
    if not isinstance(state, tuple) or len(state) not in (8, 9) or state[1] not in (*"<>|=",):
        return False
    expected = _expected(made, *state[2:6])
    if expected is None:
        return False
    known = _state(expected)
    flags = state[7]
    if type(flags) is not int or (flags ^ known[7]) & _MEANT:
        return False
    if state[5] != known[5] or state[6] not in (-1, 1, 2, 4, 8, 16):
        return False
    return len(state) == 8 or (made.kind in "mM" and _is_unit(state[8]))


def _expected(
    made: np.dtype[Any], subarray: Any, names: Any, fields: Any, size: Any
) -> np.dtype[Any] | None:
    """The dtype that a state describes; None where it describes none."""
    if type(size) is not int or size >= 2**31:
        return None
    if subarray is not None:
        return _subarray(subarray) if names is None and fields is None else None
    if names is not None or fields is not None:
        return _structure(names, fields, size) if made.kind == "V" else None
    if made.kind in "SUV":
        wide = 4 if made.kind == "U" else 1
        return np.dtype(f"{made.kind}{size // wide}") if size >= 0 and size % wide == 0 else None
    return np.dtype(made.str)


def _subarray(parts: Any) -> np.dtype[Any] | None:
    base, shape = parts if isinstance(parts, tuple) and len(parts) == 2 else (None, None)
    plain = isinstance(shape, tuple) and all(type(n) is int and 0 < n < 2**20 for n in shape)
    if not isinstance(base, np.dtype) or base.hasobject or not plain:
        return None
    return np.dtype((base, shape))


def _structure(names: Any, fields: Any, size: int) -> np.dtype[Any] | None:
    """Named fields without objects, each inside the item."""
    if not isinstance(names, tuple) or not isinstance(fields, dict) or set(fields) != set(names):
        return None
    offsets, formats = [], []
    for name in names:
        part = fields[name]
        if not isinstance(name, str) or not isinstance(part, tuple) or len(part) != 2:
            return None
        dtype, offset = part
        if not isinstance(dtype, np.dtype) or dtype.hasobject or type(offset) is not int:
            return None
        if not 0 <= offset <= size - dtype.itemsize:
            return None
        offsets.append(offset)
        formats.append(dtype)
    try:
        return np.dtype(
            {"names": list(names), "formats": formats, "offsets": offsets, "itemsize": size}
        )
    except ValueError:
        return None


def _is_unit(metadata: Any) -> bool:
    if not isinstance(metadata, tuple) or len(metadata) != 2 or metadata[0] not in ({}, None):
        return False
    unit = metadata[1]
    if not isinstance(unit, tuple) or len(unit) != 4 or unit[0] not in _UNITS:
        return False
    return all(type(n) is int and 0 < n < 2**31 for n in unit[1:])


def _state(dtype: np.dtype[Any]) -> tuple[Any, ...]:
    reduced: Any = dtype.__reduce__()
    state: tuple[Any, ...] = reduced[2]
    return state

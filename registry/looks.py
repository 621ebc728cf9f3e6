"""How an output may be looked at: what kind it is, its picture, its statistics, what is near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from registry.records import OutputValue

if TYPE_CHECKING:
    import numpy as np

OutputKind = Literal[
    "label", "labels", "shares", "value", "values", "embedding", "picture", "tensor"
]
LEAST_EMBEDDING = 16
"""Fewer numbers a row are read one by one."""
_LEAST_SIDE = 8
_SLACK = 1e-3


class Statistics(NamedTuple):
    """Of all numbers that are finite; `n_gaps` counts the others."""

    least: float
    mean: float
    most: float
    deviation: float
    n_gaps: int


class Picture(NamedTuple):
    """Pixels uint8 `(height, width)` or `(height, width, 3)`.

    `spread` is the range of values that was stretched from black to white; None when the values
    were shades already.
    """

    pixels: np.ndarray
    spread: tuple[float, float] | None


def of_row(output: OutputValue, n_rows: int, row: int) -> Any:
    """What an output says about one row, counted from 0; all of it when it has no axis of rows."""
    values = output.values
    if len(values) != n_rows or (n_rows == 1 and output.shape[:1] != (1,)):
        return values
    return values[row]


def kind(output: OutputValue, n_rows: int) -> OutputKind:
    """What a page makes of an output."""
    width = _width(output, n_rows)
    if output.role in ("probabilities", "scores") and width:
        return "shares"
    text = output.dtype in ("string", "bool")
    if output.role == "label" or text:
        return "label" if width in (None, 1) else "labels" if width else "tensor"
    if output.role == "value":
        return "value" if width in (None, 1) else "values" if width else "tensor"
    if width in (None, 1):
        return "value"
    if width:
        is_vector = "float" in output.dtype and width >= LEAST_EMBEDDING
        return "embedding" if is_vector else "values"
    return "picture" if _layout(_shape_of_row(output, n_rows)) else "tensor"


def _width(output: OutputValue, n_rows: int) -> int | None:
    """Numbers per row: None for one without an axis, 0 when there are further axes."""
    shape = _shape_of_row(output, n_rows)
    return None if not shape else shape[0] if len(shape) == 1 else 0


def _shape_of_row(output: OutputValue, n_rows: int) -> tuple[int, ...]:
    if not output.shape:
        return ()
    return output.shape[1:] if output.shape[0] == n_rows else output.shape


def _layout(shape: tuple[int, ...]) -> str:
    """HW, HWC or CHW when an array of this shape can be a picture, else ""."""
    if len(shape) == 2 and min(shape) >= _LEAST_SIDE:
        return "HW"
    if len(shape) == 3 and min(shape[1:]) >= _LEAST_SIDE and shape[0] in (1, 3, 4):
        return "CHW"
    if len(shape) == 3 and min(shape[:2]) >= _LEAST_SIDE and shape[2] in (1, 3, 4):
        return "HWC"
    return ""


def picture(values: Any, dtype: str) -> Picture | None:
    """An array as pixels; None when it has no picture's shape.

    uint8 are shades as they are, numbers from 0 to 1 are shares of white; anything else is spread
    from black to white.
    """
    import numpy as np

    array = np.nan_to_num(np.asarray(values, dtype=float))
    layout = _layout(array.shape)
    if not layout:
        return None
    if layout == "CHW":
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3:
        array = array[..., 0] if array.shape[2] == 1 else array[..., :3]
    low, high = float(array.min()), float(array.max())
    spread = None
    if dtype == "uint8":
        shades = array
    elif "float" in dtype and low >= -_SLACK and high <= 1 + _SLACK and high > _SLACK:
        shades = array * 255
    else:
        spread = (low, high)
        shades = (array - low) / ((high - low) or 1.0) * 255
    return Picture(shades.clip(0, 255).round().astype(np.uint8), spread)


def statistics(values: Any) -> Statistics | None:
    """Of an array of numbers; None when it holds none."""
    import numpy as np

    try:
        array = np.asarray(values, dtype=float).ravel()
    except (TypeError, ValueError):
        return None
    finite = array[np.isfinite(array)]
    if not finite.size:
        return None
    least, most = float(finite.min()), float(finite.max())
    n_gaps = int(array.size - finite.size)
    return Statistics(least, float(finite.mean()), most, float(finite.std()), n_gaps)


def nearest(
    vector: Sequence[float], others: Sequence[Sequence[float]], most: int = 5
) -> list[tuple[int, float]]:
    """Positions in `others` and cosine similarities (−1 to 1), the nearest first.

    Vectors of another length, or of no length at all, are left out.
    """
    import numpy as np

    one = np.asarray(vector, dtype=float)
    found = []
    for position, other in enumerate(others):
        two = np.asarray(other, dtype=float)
        scale = float(np.linalg.norm(one) * np.linalg.norm(two)) if two.shape == one.shape else 0.0
        if scale > 0 and np.isfinite(scale):
            found.append((position, float(one @ two) / scale))
    return sorted(found, key=lambda pair: -pair[1])[:most]

"""Named tensors a person sends, checked against the schema; pictures made into tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from registry.errors import InvalidInput
from registry.records import Finding, ImageHints, Schema, Tensor

if TYPE_CHECKING:
    import numpy as np

_MAX_ELEMENTS = 50_000_000
_TEXT = ("str", "string", "object")


class Arrays(NamedTuple):
    """Arrays by tensor name, the number of rows, and remarks."""

    inputs: dict[str, np.ndarray]
    n_rows: int
    findings: tuple[Finding, ...] = ()


def prepare(schema: Schema, given: Any) -> Arrays:
    """Check named tensors against a schema; a single row may leave its first axis out.

    Raises:
        InvalidInput: With a problem per tensor.
    """
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 1:
        given = given[0]
    if not isinstance(given, Mapping):
        raise InvalidInput({"inputs": "must map tensor names to nested lists"})
    known = {tensor.name for tensor in schema.tensors}
    problems = {str(n): "is no input of this model; leave it out" for n in given if n not in known}
    arrays: dict[str, np.ndarray] = {}
    for tensor in schema.tensors:
        try:
            if tensor.name not in given:
                raise ValueError("is missing")
            arrays[tensor.name] = _array(tensor, given[tensor.name])
        except ValueError as why:
            problems[tensor.name] = str(why)
    problems |= {} if problems else _different_batches(schema, arrays)
    if problems:
        raise InvalidInput(problems)
    first = next(iter(schema.tensors), None)
    many = first is not None and first.shape[:1] == (-1,)
    return Arrays(arrays, len(arrays[first.name]) if first and many else 1)


def from_picture(tensor: Tensor, pixels: np.ndarray) -> np.ndarray:
    """Pixels `(height, width, channels)` uint8 as a tensor with one row, by its image hints.

    Raises:
        InvalidInput: The tensor takes no picture.
    """
    import numpy as np

    hints = tensor.image
    if hints is None:
        raise InvalidInput({tensor.name: "takes no picture"})
    scaled: np.ndarray = pixels.astype(np.float32) * hints.scale
    if hints.mean:
        scaled = scaled - np.asarray(hints.mean, np.float32)
    if hints.std:
        scaled = scaled / np.asarray(hints.std, np.float32)
    if hints.scale == 1 and not hints.mean and not hints.std:
        return _laid_out(hints, pixels).astype(_dtype(tensor))
    return _laid_out(hints, scaled).astype(_dtype(tensor))


def image_size(tensor: Tensor) -> ImageHints:
    """How large a picture this tensor takes.

    Raises:
        InvalidInput: It takes none.
    """
    if tensor.image is None:
        raise InvalidInput({tensor.name: "takes no picture"})
    return tensor.image


def _laid_out(hints: ImageHints, pixels: np.ndarray) -> np.ndarray:
    layout = hints.layout
    if "C" not in layout:
        pixels = pixels.mean(axis=2)
    elif layout.endswith("CHW"):
        pixels = pixels.transpose(2, 0, 1)
    return pixels[None] if layout.startswith("N") else pixels


def _array(tensor: Tensor, value: Any) -> np.ndarray:
    """The value as an array of the tensor's type and shape; ValueError says what is wrong."""
    import numpy as np

    dtype = _dtype(tensor)
    try:
        raw = np.asarray(value)
    except ValueError:
        raise ValueError("is ragged: the inner lists must have equal lengths") from None
    if raw.dtype.kind not in "biufUS":
        raise ValueError("must hold numbers or text only, in nested lists of equal lengths")
    if raw.size > _MAX_ELEMENTS:
        raise ValueError(f"has {raw.size:,} elements, at most {_MAX_ELEMENTS:,} are taken")
    array = _cast(raw, dtype)
    for candidate in (array, array[None]):
        if _fits(tensor.shape, candidate.shape):
            return np.ascontiguousarray(candidate)
    want = "×".join("any" if size < 0 else str(size) for size in tensor.shape) or "a single value"
    got = "×".join(map(str, array.shape)) or "a single value"
    raise ValueError(f"must have the shape {want}, got {got}")


def _dtype(tensor: Tensor) -> np.dtype[Any]:
    import numpy as np

    if tensor.dtype in _TEXT:
        return np.dtype("U")
    try:
        dtype = np.dtype(tensor.dtype)
    except TypeError:
        dtype = np.dtype("V")
    if dtype.kind not in "biuf":  # a library may have taught NumPy more, such as bfloat16
        raise InvalidInput(
            {tensor.name: f"{tensor.dtype} tensors cannot be given here, only to the file itself"}
        )
    return dtype


def _cast(raw: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Convert without losing anything but float precision."""
    import numpy as np

    if (raw.dtype.kind in "US") != (dtype.kind == "U"):
        raise ValueError("must be text" if dtype.kind == "U" else "must be numbers, got text")
    if dtype.kind in "iu" and raw.size:
        if raw.dtype.kind == "f" and not (np.isfinite(raw).all() and (raw == raw.round()).all()):
            raise ValueError("must be whole numbers")
        info = np.iinfo(dtype)
        low, high = raw.min(), raw.max()
        if int(low) < info.min or int(high) > info.max:
            raise ValueError(f"has values that do not fit into {dtype.name}")
    if dtype.kind == "b" and not np.isin(raw, (0, 1)).all():
        raise ValueError("must be true or false")
    if dtype.kind == "f" and raw.dtype.kind == "f" and raw.size:
        finite = np.abs(raw[np.isfinite(raw)])
        if finite.size and finite.max() > np.finfo(dtype).max:
            raise ValueError(f"has values that do not fit into {dtype.name}")
    return raw.astype(dtype, copy=False)


def _fits(wanted: tuple[int, ...], got: tuple[int, ...]) -> bool:
    return len(wanted) == len(got) and all(
        size < 0 or size == there for size, there in zip(wanted, got, strict=True)
    )


def _different_batches(schema: Schema, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    lengths = {t.name: len(arrays[t.name]) for t in schema.tensors if t.shape[:1] == (-1,)}
    if len(set(lengths.values())) <= 1:
        return {}
    return {name: f"has {n} rows; all inputs need equally many" for name, n in lengths.items()}

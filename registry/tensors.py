"""Named tensors a person sends, checked against the schema; pictures and sounds as tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from registry.errors import InvalidInput
from registry.records import AudioHints, Finding, ImageHints, Schema, Tensor

if TYPE_CHECKING:
    import numpy as np

MAX_GIVEN = 4_000_000
"""Values of a tensor that a page takes: as text and for others to see they need many times more."""
_MAX_ELEMENTS = 50_000_000
_MOST_EMPTY = 200_000  # places around an axis of none: they take no bytes here, but lists do
_MOST_TEXT_BYTES = 128 << 20  # NumPy gives every text the room of the longest, 4 bytes a character
_MOST_TEXT_OF_NUMBER = 32  # characters, where numbers stand among texts
_MAX_AXES = 32
_CALM_SAMPLES = 4_000
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


def holds_rows(tensor: Tensor) -> bool:
    """Whether the first axis is a batch of any size: no time of a sound, no side of a picture."""
    hints = tensor.image or tensor.audio
    batch = hints is None or hints.layout.startswith("N") or len(hints.layout) != len(tensor.shape)
    return batch and tensor.shape[:1] == (-1,)


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


def room(shape: Sequence[int]) -> int:
    """Values of a shape, an axis of none counted as one: what bounds the lists made of it."""
    return math.prod(max(size, 1) for size in shape)


def image_size(tensor: Tensor) -> ImageHints:
    """How large a picture this tensor takes.

    Raises:
        InvalidInput: It takes none.
    """
    if tensor.image is None:
        raise InvalidInput({tensor.name: "takes no picture"})
    return tensor.image


def sound_shape(tensor: Tensor) -> AudioHints:
    """What sound this tensor takes.

    Raises:
        InvalidInput: It takes none.
    """
    if tensor.audio is None:
        raise InvalidInput({tensor.name: "takes no sound"})
    return tensor.audio


def from_sound(tensor: Tensor, samples: np.ndarray) -> np.ndarray:
    """Samples `(channels, n)` between -1 and 1 as a tensor with one row, by its audio hints.

    Where the tensor has a fixed number of samples, the sound is cut or silence follows it.

    Raises:
        InvalidInput: The tensor takes no sound.
    """
    import numpy as np

    hints, dtype = sound_shape(tensor), _dtype(tensor)
    wanted = wanted_samples(tensor)
    if wanted > 0:
        missing = max(0, wanted - samples.shape[1])
        samples = np.pad(samples[:, :wanted], ((0, 0), (0, missing)))
    if dtype.kind in "iu":
        samples = (samples * np.iinfo(dtype).max).round()
    laid = samples if "C" in hints.layout else samples[0]
    laid = laid.T if hints.layout.endswith("TC") else laid
    return (laid[None] if hints.layout.startswith("N") else laid).astype(dtype)


def wanted_samples(tensor: Tensor) -> int:
    """Samples in the tensor's axis of time; -1 for any number."""
    layout = sound_shape(tensor).layout
    return tensor.shape[layout.index("T")] if len(layout) == len(tensor.shape) else -1


def from_rows(tensor: Tensor, rows: np.ndarray) -> np.ndarray:
    """Rows and columns of a CSV `(n_rows, n_columns)` in the tensor's shape, where that is plain.

    One column fills a vector; a row fills all axes but the first, if they are of that size.
    """
    n = len(rows)
    inner = tensor.shape[1:]
    if len(tensor.shape) <= 1 and 1 in rows.shape:
        return rows.reshape(-1) if tensor.shape or rows.size > 1 else rows.reshape(())
    if len(tensor.shape) > 2 and min(inner) > 0 and math.prod(inner) == rows.shape[1]:
        return rows.reshape(n, *inner)
    return rows


def checked(tensor: Tensor, value: Any) -> np.ndarray:
    """A value as the tensor's type and shape.

    Raises:
        InvalidInput: What the tensor expects, and what came.
    """
    try:
        return _array(tensor, value)
    except ValueError as why:
        raise InvalidInput({tensor.name: str(why)}) from None


def filled(tensor: Tensor, sizes: Sequence[int], seed: int | None = None) -> np.ndarray:
    """Zeros (no text, false), or random values drawn with a seed.

    Random floats are standard normal, bytes 0 to 255, other whole numbers 0 to 9.

    Args:
        sizes: The whole shape; those the tensor has fixed are taken from it.

    Raises:
        InvalidInput: It would be too large, or the tensor has a type that cannot be given here.
    """
    import numpy as np

    pairs = zip(tensor.shape, sizes, strict=True)
    shape = tuple(fixed if fixed >= 0 else max(0, asked) for fixed, asked in pairs)
    if room(shape) > MAX_GIVEN:
        n = f"{room(shape):,} values; at most {MAX_GIVEN:,} are taken here"
        raise InvalidInput({tensor.name: f"would hold {n}"})
    dtype = _dtype(tensor)
    if seed is None or dtype.kind == "U":
        return np.zeros(shape, dtype if dtype.kind != "U" else "U1")
    rng = np.random.default_rng(seed)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    most = 2 if dtype.kind == "b" else 256 if dtype == np.uint8 else 10
    return rng.integers(0, most, shape).astype(dtype)


def settled(tensor: Tensor) -> tuple[int, ...]:
    """A shape without open sizes: a picture's sides, a quarter of a second of sound, else 1."""
    layout = tensor.image.layout if tensor.image else tensor.audio.layout if tensor.audio else ""
    known = {"T": _CALM_SAMPLES}
    if tensor.audio:
        known["C"] = tensor.audio.channels
    if tensor.image:
        known |= {"H": tensor.image.height, "W": tensor.image.width, "C": tensor.image.channels}
    axes = layout if len(layout) == len(tensor.shape) else "?" * len(tensor.shape)
    pairs = zip(axes, tensor.shape, strict=True)
    return tuple(size if size >= 0 else known.get(axis, 1) for axis, size in pairs)


def expected(tensor: Tensor) -> str:
    """Type and shape in words: float32 (N, 3, any, any)."""
    sizes = ["any" if size < 0 else str(size) for size in tensor.shape]
    if sizes and tensor.shape[0] < 0:
        sizes[0] = "N"
    return f"{'text' if tensor.dtype in _TEXT else tensor.dtype} {_tuple(sizes)}"


def _tuple(sizes: Sequence[str]) -> str:
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


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
    _refuse_bombs(tensor, value)
    try:
        raw = np.asarray(value)
    except ValueError:
        raise ValueError("is ragged: the inner lists must have equal lengths") from None
    except MemoryError:
        raise ValueError("takes more memory than there is; send less at once") from None
    if raw.dtype.kind not in "biufUS":
        raise ValueError("must hold numbers or text only, in nested lists of equal lengths")
    most = _MAX_ELEMENTS if raw.size else _MOST_EMPTY
    if room(raw.shape) > most:
        counted = "elements" if raw.size else "places for no value"
        raise ValueError(f"has {room(raw.shape):,} {counted}, at most {most:,} are taken")
    name = "text" if raw.dtype.kind in "US" else raw.dtype.name
    got = f"expects {expected(tensor)}, got {name} {_tuple([str(n) for n in raw.shape])}"
    try:
        array = _cast(raw, dtype)
    except ValueError as why:
        raise ValueError(f"{got}: it {why}") from None
    except MemoryError:
        raise ValueError(f"{got}: it takes more memory than there is; send less") from None
    for candidate in (array, array[None]):
        if _fits(tensor.shape, candidate.shape):
            return np.ascontiguousarray(candidate).reshape(candidate.shape)
    raise ValueError(got)


def _refuse_bombs(tensor: Tensor, value: Any) -> None:
    """Look at texts in nested lists before NumPy does, which gives each the room of the longest.

    Raises:
        ValueError: There is text where numbers belong, or too much of it, or too many lists
            around each other.
    """
    n_values, longest = 0, 0
    lists = [value] if isinstance(value, (list, tuple)) else [[value]]
    for _ in range(_MAX_AXES):
        kinds, n_items = set(map(type, chain.from_iterable(lists))), sum(map(len, lists))
        inner: list[Any] = []
        if any(issubclass(kind, (list, tuple)) for kind in kinds):
            inner = [i for i in chain.from_iterable(lists) if isinstance(i, (list, tuple))]
        if any(issubclass(kind, (str, bytes)) for kind in kinds):
            texts = (i for i in chain.from_iterable(lists) if isinstance(i, (str, bytes)))
            longest = max(longest, *map(len, texts), 1)
        n_values += n_items - len(inner)
        lists = inner
        if not lists:
            break
    if lists:
        raise ValueError(f"is nested too deeply: at most {_MAX_AXES} lists around each other")
    if longest and tensor.dtype not in _TEXT:
        raise ValueError(f"expects {expected(tensor)}: it must be numbers, got text")
    if longest and 4 * max(longest, _MOST_TEXT_OF_NUMBER) * n_values > _MOST_TEXT_BYTES:
        raise ValueError(
            f"has {n_values:,} texts of up to {longest:,} characters, which take the room of the "
            f"longest: more than {_MOST_TEXT_BYTES >> 20} MiB; send fewer at once, or shorter ones"
        )


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

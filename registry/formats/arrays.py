"""Tensor schemas: type names, picture guesses, examples, and arrays in and out of frameworks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from registry.formats.text import MAX_FEATURES, clean
from registry.records import AudioHints, Field, ImageHints, Output, OutputRole, Schema, Tensor
from registry.tensors import settled

MAX_EXAMPLE = 20_000
SCORE_WORDS = ("logit", "score")
SHARE_WORDS = ("prob", "softmax")
VECTOR_WORDS = ("embed", "feature", "hidden", "latent", "pool", "vector")
_PICTURES = ("image", "picture", "pixel", "img", "photo")
_SOUNDS = ("audio", "wave", "wav", "sound", "speech", "samples", "pcm")
_SOUND_LAYOUTS: dict[int, Literal["T", "NT", "NCT"]] = {1: "T", 2: "NT", 3: "NCT"}
_FEWEST_SAMPLES, _ANY_SIDE, _TONE_HZ = 256, 224, 440


def hinted(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The tensors, those that take pictures or sound by their shape and name with hints."""
    return tuple(
        replace(t, image=t.image or image_guess(t), audio=t.audio or audio_guess(t))
        for t in tensors
    )


def image_guess(tensor: Tensor) -> ImageHints | None:
    """Hints for four axes with 1, 3 or 4 channels in second or last place.

    Sides of any size are only taken for a picture's where the name says so.
    """
    if len(tensor.shape) != 4 or tensor.dtype not in ("float32", "float16", "float64", "uint8"):
        return None
    scale = 1.0 if tensor.dtype == "uint8" else 1.0 / 255.0
    named = _named(tensor.name, _PICTURES)
    _, a, b, c = tensor.shape
    if a in (1, 3, 4) and _is_side(b, named) and _is_side(c, named):
        return ImageHints("NCHW", _side(c), _side(b), channels=a, scale=scale)
    if c in (1, 3, 4) and _is_side(a, named) and _is_side(b, named):
        return ImageHints("NHWC", _side(b), _side(a), channels=c, scale=scale)
    return None


def audio_guess(tensor: Tensor) -> AudioHints | None:
    """Hints for numbers that are named like a sound and have an axis of time."""
    if tensor.dtype not in ("float32", "float16", "float64", "int16"):
        return None
    layout = _SOUND_LAYOUTS.get(len(tensor.shape))
    if layout is None or not _named(tensor.name, _SOUNDS):
        return None
    if layout == "NT" and tensor.shape[0] == 2:
        return AudioHints(channels=2, layout="CT")
    if layout == "NCT" and tensor.shape[2] in (1, 2):
        return AudioHints(channels=tensor.shape[2], layout="NTC")
    channels = tensor.shape[1] if layout == "NCT" else 1
    few_samples = 0 < tensor.shape[-1] < _FEWEST_SAMPLES
    return None if few_samples or channels not in (1, 2) else AudioHints(16_000, channels, layout)


def _named(name: str, words: tuple[str, ...]) -> bool:
    return any(word in name.lower() for word in words)


def _is_side(size: int, named: bool) -> bool:
    return size > 4 or (size < 0 and named)


def _side(size: int) -> int:
    return size if size > 0 else _ANY_SIDE


def task_of(tensors: Sequence[Tensor], outputs: Sequence[Output]) -> str:
    """A guess: classification when an output is scores or probabilities."""
    roles = {output.role for output in outputs}
    return "classification" if roles & {"label", "scores", "probabilities"} else ""


def role_of(name: str, dtype: str, shape: tuple[int, ...], *, picture: bool) -> OutputRole:
    """How to read an output, by its name and shape."""
    wide = len(shape) == 2 and (shape[1] > 1 or shape[1] == -1) and "float" in dtype
    lowered = name.lower()
    if any(word in lowered for word in VECTOR_WORDS):
        return "tensor"
    if wide and any(word in lowered for word in SHARE_WORDS):
        return "probabilities"
    if wide and (picture or any(word in lowered for word in SCORE_WORDS)):
        return "scores"
    return "tensor"


def sample(tensor: Tensor) -> np.ndarray:
    """One calm input: a ramp for pictures, a tone for sound, zeros otherwise; see `settled`."""
    shape = settled(tensor)
    if tensor.dtype in ("string", "str"):
        return np.full(shape, "", dtype=np.str_)
    dtype = numpy_dtype(tensor.dtype)
    n = math.prod(shape)
    if tensor.image and dtype.kind == "f":
        return np.linspace(0, 1, n or 1).round(3)[:n].reshape(shape).astype(dtype)
    if tensor.audio and dtype.kind == "f":
        tone = np.sin(np.arange(n) * (2 * np.pi * _TONE_HZ / tensor.audio.sample_rate))
        calm: np.ndarray = (tone / 2).round(4).reshape(shape).astype(dtype)
        return calm
    return np.zeros(shape, dtype)


def example(tensors: Sequence[Tensor]) -> dict[str, Any]:
    """Tensor name to nested lists; {} when that would be too large to keep."""
    if sum(math.prod(settled(t)) for t in tensors) > MAX_EXAMPLE:
        return {}
    return {t.name: _lists(sample(t)) for t in tensors}


def _lists(array: np.ndarray) -> Any:
    """Nested lists; float32 as the short decimal it stands for."""
    return array.astype(np.float64).round(6).tolist() if array.dtype.kind == "f" else array.tolist()


def numpy_dtype(name: str) -> np.dtype[Any]:
    """NumPy's type of that name; float32 for those it lacks, such as bfloat16."""
    try:
        return np.dtype(name)
    except TypeError:
        return np.dtype(np.float32)


def given(inputs: Any, schema: Schema) -> dict[str, np.ndarray]:
    """Inputs in the order and of the types that the schema names."""
    return {
        t.name: np.ascontiguousarray(inputs[t.name], dtype=numpy_dtype(t.dtype))
        if t.dtype not in ("string", "str")
        else np.asarray(inputs[t.name])
        for t in schema.tensors
    }


def numbered(schema: Schema, answers: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Answers under the schema's output names, or output, output_1, …"""
    names = [output.name for output in schema.outputs]
    if len(names) != len(answers):
        names = ["output", *(f"output_{n}" for n in range(1, len(answers)))]
    return dict(zip(names, answers, strict=False))


def outputs(answers: Mapping[str, np.ndarray], *, picture: bool) -> tuple[Output, ...]:
    """Outputs as a first answer to one row shows them; the batch axis is any size."""
    made = []
    for name, array in answers.items():
        shape = (-1, *array.shape[1:]) if array.ndim else ()
        dtype = "string" if array.dtype.kind in "SU" else array.dtype.name
        role = role_of(name, dtype, shape, picture=picture)
        made.append(Output(clean(name), role, dtype, shape))
    return tuple(made)


def columns(names: Sequence[str], type_: str = "float") -> tuple[Field, ...]:
    """Fields of one numeric type."""
    kind: Any = type_
    return tuple(Field(clean(name), kind) for name in names[:MAX_FEATURES])


def plain(array: Any) -> np.ndarray:
    """An array that may leave the worker: never of dtype object."""
    array = np.asarray(array)
    if array.dtype.kind in "biufcSU":
        whole_array: np.ndarray = np.ascontiguousarray(array)
        return whole_array
    if array.dtype.kind == "O":
        flat = [v.item() if isinstance(v, np.generic) else v for v in array.ravel().tolist()]
        if flat and all(type(v) is bool for v in flat):
            return np.array(flat, dtype=bool).reshape(array.shape)
        if flat and all(type(v) in (int, float) for v in flat):
            whole = all(type(v) is int and abs(v) < 2**63 for v in flat)
            return np.array(flat, dtype=np.int64 if whole else np.float64).reshape(array.shape)
        return np.array([str(v) for v in flat], dtype=np.str_).reshape(array.shape)
    text: np.ndarray = array.astype(np.str_)
    return text

"""Runs loaded torch modules: threads, tensors in, arrays out, and a first call to learn shapes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.errors import PredictionFailed
from registry.formats import arrays
from registry.formats.text import clean
from registry.records import Output, Schema, Tensor

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

_SMALL_PICTURES = (28, 32, 8, 64, 16, 14, 224, 96, 128, 48, 100, 256)
_PHOTOS = (224, 32, 64, 28, 96, 128, 256, 299, 384, 8, 16, 48, 100, 512)
_LENGTHS = (16, 32, 64, 128, 8, 100, 256)
_MAX_TRIES = 40
_UNKNOWN_TO_NUMPY = ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2")


def prepare(threads: int) -> Any:
    """The torch module, set to `threads` computing threads."""
    import torch

    torch.set_num_threads(max(1, threads))
    torch.set_grad_enabled(False)
    return torch


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """Call the module with the schema's tensors, in order."""
    import torch

    given = [torch.from_numpy(a) for a in arrays.given(inputs, schema).values()]
    with torch.inference_mode():
        answer = model(*given)
    named = _named(answer)
    if isinstance(answer, Mapping):
        return named
    return arrays.numbered(schema, list(named.values()))


def _named(answer: Any) -> dict[str, np.ndarray]:
    if isinstance(answer, Mapping):
        return {clean(k): _array(v) for k, v in answer.items() if hasattr(v, "detach")}
    if isinstance(answer, (tuple, list)):
        flat = [_array(part) for part in answer if hasattr(part, "detach")]
        return {"output" if n == 0 else f"output_{n}": array for n, array in enumerate(flat)}
    if not hasattr(answer, "detach"):
        return {"output": np.asarray(answer)}
    return {"output": _array(answer)}


def _array(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) in _UNKNOWN_TO_NUMPY:
        tensor = tensor.float()
    return np.ascontiguousarray(tensor.resolve_conj().resolve_neg().numpy())


def complete(model: Any, schema: Schema | None) -> Schema | None:
    """Find sizes that work, then learn the outputs from one call.

    Raises:
        PredictionFailed: Every size tried was refused; the log is the module's own words.
    """
    if schema is None or schema.kind != "tensors" or not schema.tensors:
        return schema
    if schema.example:
        return replace(schema, outputs=schema.outputs or _learn(model, schema))
    filled, answer, is_open = _first_that_works(model, schema)
    if isinstance(answer, str):
        raise PredictionFailed("the model refused a first input of the proposed shape", answer)
    pictured = arrays.hinted(filled.tensors)
    tensors = tuple(
        replace(
            t, image=p.image, audio=p.audio, shape=t.shape if is_open else p.shape, dtype=p.dtype
        )
        for t, p in zip(schema.tensors, pictured, strict=True)
    )
    learned = arrays.outputs(answer, picture=any(t.image for t in tensors))
    return replace(
        schema,
        tensors=tensors,
        outputs=_typed(schema.outputs, learned),
        example=arrays.example(pictured),
    )


def _typed(known: tuple[Output, ...], learned: tuple[Output, ...]) -> tuple[Output, ...]:
    """The outputs the schema has, types and shapes added; those learned when it has none."""
    if len(known) != len(learned):
        return learned
    return tuple(
        replace(k, dtype=k.dtype or n.dtype, shape=k.shape or n.shape)
        for k, n in zip(known, learned, strict=True)
    )


def _learn(model: Any, schema: Schema) -> Any:
    given = {name: np.asarray(value) for name, value in schema.example.items()}
    answer = predict(model, given, schema)
    return arrays.outputs(answer, picture=any(t.image for t in schema.tensors))


def _try(model: Any, schema: Schema) -> dict[str, np.ndarray] | str:
    """The answer to a calm first input, or why the module refused it."""
    try:
        return predict(model, {t.name: arrays.sample(t) for t in schema.tensors}, schema)
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError, KeyError) as no:
        return clean(str(no).strip().rpartition("\n")[2] or no, 1000)


def _first_that_works(
    model: Any, schema: Schema
) -> tuple[Schema, dict[str, np.ndarray] | str, bool]:
    """A schema without open sizes, its answer (or the last refusal), whether other sizes work."""
    is_picture = any(len(t.shape) == 4 for t in schema.tensors)
    is_settled = all(size > 0 for t in schema.tensors for size in t.shape[1:])
    answer = _try(model, schema)
    if is_settled or (not is_picture and not isinstance(answer, str)):
        return schema, answer, True
    working: list[tuple[Schema, dict[str, np.ndarray]]] = []
    for candidate in itertools.islice(_candidates(schema), _MAX_TRIES):
        tried = _try(model, candidate)
        if not isinstance(tried, str):
            working.append((candidate, tried))
        else:
            answer = tried
        if len(working) == 2:
            break
    if not working:
        return schema, answer if isinstance(answer, str) else "no size worked", False
    return *working[0], len(working) == 2


def _candidates(schema: Schema) -> Iterator[Schema]:
    """The schema with open sizes filled in, likely ones first."""
    pictures = [t for t in schema.tensors if len(t.shape) == 4]
    gray = bool(pictures) and pictures[0].shape[1] == 1
    sizes = (_SMALL_PICTURES if gray else _PHOTOS) if pictures else _LENGTHS
    for size in sizes:
        yield replace(schema, tensors=tuple(_filled(t, size) for t in schema.tensors))
    if any(t.dtype.startswith("float") for t in schema.tensors):
        for size in sizes[:3]:
            tensors = tuple(replace(_filled(t, size), dtype="int64") for t in schema.tensors)
            yield replace(schema, tensors=tensors)


def _filled(tensor: Tensor, size: int) -> Tensor:
    return replace(
        tensor, shape=(*tensor.shape[:1], *(size if s < 0 else s for s in tensor.shape[1:]))
    )

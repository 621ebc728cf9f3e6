"""Loaded scikit-learn estimators as ONNX or skops; only ever inside a locked worker."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from registry.errors import InvalidInput
from registry.formats.answers import Loaded, own_names
from registry.formats.text import finding
from registry.records import Field, Finding, Schema

_NUMBERS = ("float", "double", "integer", "long", "boolean")
_WHOLE = ("integer", "long")
_INPUT = "X"


def to_skops(model: Loaded) -> bytes:
    """The estimator as skops writes it; raises what skops raises when it cannot."""
    from skops import io as skops_io

    data: bytes = skops_io.dumps(model.estimator)
    return data


def to_onnx(model: Loaded, schema: Schema) -> tuple[bytes, tuple[Finding, ...]]:
    """The estimator as an ONNX graph that takes the schema's columns, and what to know of it.

    A model that takes any matrix gets one float input; one that picks columns by name or type
    gets an input per column, as `onnx_columns` reads them. Whole numbers are tried as such first,
    then as floats. Raises what skl2onnx raises when it has no converter for a part.

    Raises:
        InvalidInput: A column has a type that ONNX lacks.
    """
    if not schema.fields:
        raise InvalidInput({"schema": "nothing says which columns the model takes"})
    *tries, last = _inputs(model, schema)
    for inputs in tries:
        with suppress(RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError):
            return _converted(model, inputs), _remarks(model, schema)
    return _converted(model, last), _remarks(model, schema)


def _inputs(model: Loaded, schema: Schema) -> Iterator[list[tuple[str, Any]]]:
    """Names and types of the graph's inputs, the likelier first."""
    from skl2onnx.common import data_types

    if odd := [f.name for f in schema.fields if f.type not in (*_NUMBERS, "string")]:
        raise InvalidInput(dict.fromkeys(odd[:20], "ONNX models take numbers and text only"))
    texts = [field.type == "string" for field in schema.fields]
    if model.reads_text and len(texts) == 1:
        yield [(_INPUT, data_types.StringTensorType([None, 1]))]
        return
    if not model.needs_frame and not any(texts):
        yield [(_INPUT, data_types.FloatTensorType([None, len(texts)]))]
        return
    names = own_names(model, schema)
    kinds = {True: data_types.Int64TensorType, False: data_types.FloatTensorType}
    for whole in (True, False) if any(f.type in _WHOLE for f in schema.fields) else (False,):
        yield [
            (name, data_types.StringTensorType([None, 1]))
            if field.type == "string"
            else (name, kinds[whole and field.type in _WHOLE]([None, 1]))
            for name, field in zip(names, schema.fields, strict=True)
        ]


def _converted(model: Loaded, inputs: Sequence[tuple[str, Any]]) -> bytes:
    from skl2onnx import convert_sklearn

    estimator = copy.deepcopy(model.estimator)
    _let_gaps_be_empty_text(estimator)
    with _plain_attributes():
        made = convert_sklearn(
            estimator,
            type(estimator).__name__,
            initial_types=list(inputs),
            options=_options(estimator) or None,
        )
    content: bytes = made.SerializeToString()
    return content


def _options(estimator: Any) -> dict[int, dict[str, Any]]:
    """Probabilities as one array; words lowered by a locale that every system has."""
    chosen: dict[int, dict[str, Any]] = {}
    if hasattr(estimator, "classes_") and hasattr(estimator, "predict_proba"):
        chosen[id(estimator)] = {"zipmap": False}
    for part in _parts(estimator):
        if isinstance(words := getattr(part, "vocabulary_", None), dict):
            plain = all(str(word).isascii() for word in words)
            chosen[id(part)] = {"locale": "C" if plain else "C.UTF-8"}
    return chosen


def _let_gaps_be_empty_text(estimator: Any) -> None:
    """ONNX has no missing text: what filled gaps in text now fills empty texts."""
    for part in _parts(estimator):
        filled = getattr(part, "statistics_", None)
        if type(part).__name__ == "SimpleImputer" and str(getattr(filled, "dtype", "")) == "object":
            part.missing_values = ""


def _parts(estimator: Any) -> Iterator[Any]:
    """The estimator and every fitted part of it, as pipelines and column transformers nest them."""
    yield estimator
    steps = [step[1] for step in getattr(estimator, "steps", ())]
    steps += [entry[1] for entry in getattr(estimator, "transformers_", ())]
    steps += [entry[1] for entry in getattr(estimator, "transformer_list", ())]
    for part in steps:
        if hasattr(part, "get_params"):
            yield from _parts(part)


@contextmanager
def _plain_attributes() -> Iterator[None]:
    """onnx refuses lists of truth values and NumPy's integers mixed, which skl2onnx hands it.

    The worker ends after its conversion, so nobody else meets the changed function.
    Source: skl2onnx 1.20 with onnx 1.23, HistGradientBoosting; performance.md §8.
    """
    from onnx import helper

    made = helper.make_attribute

    def plainly(key: str, value: Any, *others: Any, **named: Any) -> Any:
        if isinstance(value, (list, tuple)) and any(map(_is_odd, value)):
            value = [int(v) if _is_odd(v) else v for v in value]
        return made(key, int(value) if isinstance(value, bool) else value, *others, **named)

    helper.make_attribute = plainly
    try:
        yield
    finally:
        helper.make_attribute = made


def _is_odd(value: Any) -> bool:
    import numpy as np

    return isinstance(value, (bool, np.bool_, np.integer))


def _remarks(model: Loaded, schema: Schema) -> tuple[Finding, ...]:
    told = [
        finding(
            "info",
            "single-precision",
            "numbers are 32 bit inside the ONNX graph",
            "The original reckons in 64 bit, so that answers differ in the last digits",
        )
    ]
    gaps = [f for f in schema.fields if _text_with_gaps(f)]
    if gaps:
        named = ", ".join(f.name for f in gaps[:5])
        why = "ONNX has no missing text; an empty text and a gap are the same to it"
        told.append(finding("info", "gaps-in-text", f"gaps in {named} are empty text", why))
    return tuple(told)


def _text_with_gaps(field: Field) -> bool:
    return field.type == "string" and field.nullable

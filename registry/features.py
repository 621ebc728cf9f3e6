"""An input as named features that can be moved: columns of a table, elements of small tensors."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from registry import inputs, tensors
from registry.errors import InvalidInput
from registry.records import Field, Schema, Tensor

if TYPE_CHECKING:
    import numpy as np

MOST_ELEMENTS = 200
"""Of a tensor whose elements are features."""
_MOST_ELEMENTS_ASKED = 4_000_000
_WHOLE = ("integer", "long")
_NUMBERS = (*_WHOLE, "float", "double")
_AROUND = timedelta(days=180)
_FIRST, _LAST = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - columns are naive
_MOST = {
    "integer": (1 << 31) - 1,
    "long": (1 << 53) - 1,
    "float": 3.4028234663852886e38,
    "double": sys.float_info.max / 2,
}
"""How far a range reaches by itself: what every type holds exactly, and no width overflows."""
Row = Mapping[str, Any]
Span = tuple[Any, Any]


def every(schema: Schema, row: Row) -> tuple[Field, ...]:
    """All features of an input; () for tensors too large, of text, or holding several rows."""
    if schema.kind == "table":
        return schema.fields
    return tuple(field for tensor in schema.tensors for field in _elements(tensor, row))


def movable(schema: Schema, row: Row) -> tuple[Field, ...]:
    """The features that have a range or a choice: free text and bytes have neither."""
    return tuple(
        f for f in every(schema, row) if f.categories or f.type not in ("string", "binary")
    )


def is_number(field: Field) -> bool:
    """Whether the feature is a number with a range, no choice."""
    return field.type in _NUMBERS and not field.categories


def ranged(field: Field, found: Field | None) -> Field:
    """A number with the range of the same column elsewhere, where it knows none itself."""
    if found is None or not (is_number(field) and is_number(found)):
        return field
    low = field.minimum if field.minimum is not None else found.minimum
    high = field.maximum if field.maximum is not None else found.maximum
    return replace(field, minimum=low, maximum=high)


def named(fields: Sequence[Field], name: str) -> Field:
    """The feature of that name.

    Raises:
        InvalidInput: There is none.
    """
    for field in fields:
        if field.name == name:
            return field
    raise InvalidInput({name or "feature": "is no feature of this input that can be moved"})


def value(schema: Schema, row: Row, field: Field) -> Any:
    """What the row says of a feature.

    Raises:
        InvalidInput: It does not fit the feature.
    """
    if schema.kind == "table":
        try:
            return inputs.converted(field, row.get(field.name, field.default))
        except ValueError as why:
            raise InvalidInput({field.name: str(why)}) from None
    import numpy as np

    tensor, _, place = field.name.rpartition("[")
    found = np.asarray(row[tensor]).reshape(-1)[int(place[:-1])].item()
    return {"double": float, "boolean": bool}.get(field.type, int)(found)


def packed(schema: Schema, row: Row, changes: Sequence[Row]) -> Sequence[Row] | Mapping[str, Any]:
    """The row once per change (feature to value), as a prediction takes it."""
    if schema.kind == "table":
        return [{**row, **change} for change in changes]
    import numpy as np

    found = {}
    for tensor in schema.tensors:
        one = np.asarray(row[tensor.name])
        one = one if one.ndim == len(tensor.shape) else one[None]
        one = _roomy(one, tensor) if one.size <= MOST_ELEMENTS else one
        many = np.repeat(one, len(changes), axis=0) if len(changes) > 1 else one.copy()
        flat = many.reshape(len(changes), -1)
        for n, change in enumerate(changes):
            for place in range(flat.shape[1] if flat.shape[1] <= MOST_ELEMENTS else 0):
                flat[n, place] = change.get(f"{tensor.name}[{place}]", flat[n, place])
        found[tensor.name] = many
    return found


def most_at_once(schema: Schema, row: Row) -> int:
    """How many rows one question may hold: one where a tensor's first size is fixed."""
    import numpy as np

    if not all(tensor.shape[:1] == (-1,) for tensor in schema.tensors):
        return 1
    n_elements = sum(np.size(row[tensor.name]) for tensor in schema.tensors)
    return max(1, min(inputs.MAX_ROWS, _MOST_ELEMENTS_ASKED // max(1, n_elements)))


def span(field: Field, now: Any) -> Span:
    """Where a feature moves by itself: over what was seen, else from zero to twice its value.

    Categories and booleans have no range.
    """
    if field.type not in (*_NUMBERS, "datetime") or field.categories:
        return now, now
    if field.type == "datetime":
        middle = now or datetime(2000, 1, 1)  # noqa: DTZ001 - columns are naive
        before, after = middle - _FIRST, max(_LAST - middle, timedelta())
        return middle - min(_AROUND, before), middle + min(_AROUND, after)
    known: float = now or 0
    most: float = _MOST[field.type]
    low, high = (min(2 * known, 0), max(2 * known, 0)) if known else (-1, 1)
    low = low if field.minimum is None else field.minimum
    high = high if field.maximum is None else field.maximum
    if low >= high:
        low, high = low - 1, low + 1
    low, high = max(-most, min(low, most)), max(-most, min(high, most))
    low, high = min(low, known), max(high, known)
    return (math.floor(low), math.ceil(high)) if field.type in _WHOLE else (float(low), float(high))


def steps(field: Field, now: Any, within: Span, n: int) -> tuple[Any, ...]:
    """Values from low to high with the present one among them; None (missing) last, if it may be.

    Args:
        n: How many, about: the present value and None are added, integers are not repeated.

    Raises:
        InvalidInput: The range is none, or a category is no value of the feature's type.
    """
    if field.categories:
        found: list[Any] = _choices(field)
    elif field.type == "boolean":
        found = [False, True]
    else:
        found = _spread(field, now, within, n)
    return (*found, None) if field.nullable or now is None else tuple(found)


def typical(schema: Schema, row: Row) -> dict[str, Any]:
    """A background of one row: defaults, else middles of ranges, the example's values, zeros."""
    if schema.kind == "tensors":
        import numpy as np

        return {t.name: np.zeros_like(np.asarray(row[t.name])) for t in schema.tensors}
    return {field.name: _usual(field, schema, row) for field in schema.fields}


def _usual(field: Field, schema: Schema, row: Row) -> Any:
    if field.default is not None:
        return field.default
    low, high = field.minimum, field.maximum
    if low is not None and high is not None and field.type in _NUMBERS:
        return round((low + high) / 2) if field.type in _WHOLE else (low + high) / 2
    if field.name in schema.example:
        return schema.example[field.name]
    return 0 if field.type in _NUMBERS and not field.categories else row.get(field.name)


def _choices(field: Field) -> list[Any]:
    """The categories as values of the feature's type: text in its order, all else ascending."""
    plain = replace(field, categories=(), nullable=False)
    try:
        found = dict.fromkeys(inputs.converted(plain, category) for category in field.categories)
    except ValueError as why:
        raise InvalidInput({field.name: f"a category of the schema {why}"}) from None
    return list(found) if field.type == "string" else sorted(found)


def _spread(field: Field, now: Any, within: Span, n: int) -> list[Any]:
    try:
        low, high = (inputs.converted(replace(field, nullable=False), end) for end in within)
    except ValueError as why:
        raise InvalidInput({field.name: f"the range {why}"}) from None
    if not low < high:
        raise InvalidInput({field.name: f"the range must go up, got {low} to {high}"})
    if isinstance(low, float) and not math.isfinite(high - low):
        raise InvalidInput({field.name: f"the range is too wide, {low:g} to {high:g}: narrow it"})
    if field.type in _WHOLE and high - low < 2 * n:
        found = set(range(low, high + 1))
    else:
        found = {low + (high - low) * k / (n - 1) for k in range(n - 1)} | {high}
        if field.type in _WHOLE:
            found = {round(v) for v in found}
    return sorted(found | ({now} if now is not None else set()))


def _roomy(array: np.ndarray, tensor: Tensor) -> np.ndarray:
    """The array in a type that cuts no moved value off; the door makes it the tensor's own."""
    import numpy as np

    if array.dtype.kind not in "biu" or not array.size:
        return array
    if tensor.dtype.startswith(("int", "uint")):
        return array.astype(np.int64) if array.max() <= np.iinfo(np.int64).max else array
    return array if tensor.dtype == "bool" else array.astype(np.float64)


def _elements(tensor: Tensor, row: Row) -> list[Field]:
    if tensor.image or tensor.name not in row:
        return []
    try:
        array = tensors.checked(tensor, row[tensor.name])
    except InvalidInput:
        return []
    rows = len(array) if array.ndim else 1
    if array.dtype.kind not in "biuf" or rows != 1 or array.size > MOST_ELEMENTS:
        return []
    flat = array.reshape(-1)
    return [_element(f"{tensor.name}[{n}]", flat[n]) for n in range(array.size)]


def _element(name: str, now: Any) -> Field:
    """A feature whose own range ends where its type does; `now` is a NumPy scalar."""
    import numpy as np

    if now.dtype.kind == "b":
        return Field(name, "boolean")
    whole = now.dtype.kind in "iu"
    field = Field(name, "long" if whole else "double")
    if not np.isfinite(now):
        return field
    ends: Any = np.iinfo(now.dtype) if whole else np.finfo(now.dtype)
    least, most = (int(ends.min), int(ends.max)) if whole else (float(ends.min), float(ends.max))
    low, high = span(field, now.item())
    return replace(
        field, minimum=least if low < least else None, maximum=most if high > most else None
    )

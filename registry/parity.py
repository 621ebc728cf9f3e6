"""Rows to ask two versions, and how far their answers are apart."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from registry import inputs, tensors
from registry.errors import InvalidInput
from registry.records import Field, Parity, Schema, Tensor

if TYPE_CHECKING:
    import numpy as np

N_ROWS = 200
_N_BATCH = 8
_GAP_SHARE = 0.1
_WORDS = "a good bad great poor new old fast slow red blue price service film book day".split()
_WHOLE = ("integer", "long")
Rows = Sequence[Mapping[str, Any]] | Mapping[str, Any]


def of_sample(schema: Schema, cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a sample table that the schema takes; what is no column of it is left out."""
    known = {field.name for field in schema.fields}
    found = []
    for row in cells:
        kept = {name: value for name, value in row.items() if name in known}
        try:
            inputs.prepare(schema, [kept])
        except InvalidInput:
            continue
        found.append(kept)
    return found


def drawn(schema: Schema, seed: int = 0) -> Rows:
    """Rows within the schema's ranges and categories, its example first; the same every time."""
    if schema.kind == "tensors":
        return {tensor.name: _tensor(tensor, schema, seed) for tensor in schema.tensors}
    chance = random.Random(seed)
    rows = [{f.name: _value(f, schema, chance) for f in schema.fields} for _ in range(N_ROWS)]
    return [schema.example, *rows[1:]] if schema.example else rows


def _value(field: Field, schema: Schema, chance: random.Random) -> Any:
    if field.nullable and chance.random() < _GAP_SHARE:
        return None
    if field.categories:
        chosen: Any = chance.choice(field.categories)
        return int(chosen) if field.type in _WHOLE else chosen
    if field.type == "boolean":
        return chance.random() < 0.5
    if field.type == "string":
        usual = str(field.default or schema.example.get(field.name) or "").split()
        return " ".join(chance.choices([*_WORDS, *usual], k=chance.randint(1, 6)))
    if field.type in ("binary", "datetime"):
        return schema.example.get(field.name, field.default)
    return _number(field, chance)


def _number(field: Field, chance: random.Random) -> float:
    low, high, middle = field.minimum, field.maximum, field.default
    if low is not None and high is not None:
        number = chance.uniform(low, high)
    else:
        middle = float(middle) if isinstance(middle, (int, float)) else low or high or 0.0
        number = chance.gauss(middle, max(abs(middle) / 2, 0.5))
        number = max(number, low) if low is not None else number
        number = min(number, high) if high is not None else number
    return round(number) if field.type in _WHOLE else number


def _tensor(tensor: Tensor, schema: Schema, seed: int) -> np.ndarray:
    """Numbers of a tensor's shape, as many rows as it takes; whole numbers are 0 and 1."""
    import numpy as np

    known = np.asarray(schema.example.get(tensor.name, np.zeros([1] * len(tensor.shape))))
    sizes = [n if s < 0 else s for s, n in zip(tensor.shape, known.shape, strict=False)]
    if tensor.shape[:1] == (-1,):
        sizes[0] = _N_BATCH
    chance = np.random.default_rng(seed)
    if tensor.dtype.startswith(("float", "bfloat")):
        numbers = chance.random(sizes) if tensor.image else chance.standard_normal(sizes)
        return numbers.astype(np.float32)
    return chance.integers(0, 2, sizes)


def prepared(schema: Schema, rows: Rows) -> inputs.Prepared:
    """Rows or tensors as a worker takes them.

    Raises:
        InvalidInput: They do not fit the schema.
    """
    if schema.kind == "tensors":
        return inputs.Prepared(*tensors.prepare(schema, rows))
    return inputs.prepare(schema, rows)


def carried(original: Schema | None, found: Schema | None) -> Schema | None:
    """The original's schema with the outputs that the converted file has, read the same way."""
    if original is None or found is None:
        return original or found
    named = zip(original.outputs, found.outputs, strict=False)
    if original.kind == "tensors":
        outputs = tuple(replace(new, role=old.role) for old, new in named)
    else:
        roles = {output.role for output in original.outputs}
        outputs = tuple(o if o.role in roles else replace(o, role="tensor") for o in found.outputs)
    return replace(original, outputs=outputs or found.outputs)


def compared(
    schemas: tuple[Schema, Schema],
    answers: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
    *,
    checked: str,
    n_rows: int,
    tolerance: float,
) -> Parity:
    """The figures of original and converted, given what each answered to the same rows.

    An answer that only one of them gives is not compared; without any in common, or where shapes
    differ, the difference is infinite. Where the original itself is undecided between two labels,
    either is right.
    """
    pairs = _pairs(schemas, answers)
    apart = [_difference(*both) for role, both in pairs.items() if role != "label"]
    agreement = None
    if "label" in pairs:
        shares = pairs["probabilities"][0] if "probabilities" in pairs else None
        agreement = _agreement(*pairs["label"], _undecided(shares, tolerance))
    largest = max(apart, default=0.0) if pairs else float("inf")
    return Parity(checked, n_rows, tolerance, largest, agreement)


def _pairs(
    schemas: tuple[Schema, Schema],
    answers: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What both answered: by role for a table, by place for tensors."""
    if schemas[0].kind == "tensors":
        both = zip(answers[0].values(), answers[1].values(), strict=False)
        return {f"tensor {n}": pair for n, pair in enumerate(both)}
    by_role = [
        {o.role: given[o.name] for o in reversed(schema.outputs) if o.name in given}
        for schema, given in zip(schemas, answers, strict=True)
    ]
    return {str(r): (by_role[0][r], by_role[1][r]) for r in by_role[0] if r in by_role[1]}


def _undecided(shares: np.ndarray | None, tolerance: float) -> np.ndarray | None:
    """Rows `(n_rows,)` whose two best classes are equally probable."""
    import numpy as np

    if shares is None or shares.ndim != 2 or shares.shape[1] < 2:
        return None
    best = np.sort(shares, axis=1)[:, -2:]
    undecided: np.ndarray = best[:, 1] - best[:, 0] <= tolerance
    return undecided


def _agreement(one: np.ndarray, other: np.ndarray, either: np.ndarray | None) -> float:
    import numpy as np

    if one.size != other.size or not one.size:
        return 0.0
    equal = np.array([a == b for a, b in zip(_texts(one), _texts(other), strict=True)])
    if either is not None and either.shape == equal.shape:
        equal |= either
    return float(equal.mean())


def _texts(labels: np.ndarray) -> list[str]:
    """Labels as text: 1, 1.0 and "1" are one."""
    plain = labels.ravel().tolist()
    return [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in plain]


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two arrays, in parts of the first where that is larger than 1."""
    import numpy as np

    if one.size != other.size or one.dtype.kind not in "biufc" or other.dtype.kind not in "biufc":
        return float("inf")
    if not one.size:
        return 0.0
    a, b = (array.ravel().astype(np.complex128) for array in (one, other))
    with np.errstate(all="ignore"):
        apart = np.abs(a - b) / np.maximum(np.abs(a), 1.0)
    apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, apart)
    return float(np.where(np.isnan(apart), np.inf, apart).max())

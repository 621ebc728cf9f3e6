"""What a version's outputs say about rows: labels, probabilities or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.formats.text import clean
from registry.records import Schema

if TYPE_CHECKING:
    import pyarrow as pa

MOST_LABELS = 500
_BY_NAME = ("label", "probabilities", "scores", "value")


@dataclass
class Vocabulary:
    """Labels and their codes, in the order they were met."""

    codes: dict[str, int] = field(default_factory=dict)

    def code(self, name: str) -> int:
        """The code of a label, a new one if need be.

        Raises:
            ValueError: There are too many.
        """
        found = self.codes.setdefault(name, len(self.codes))
        if found >= MOST_LABELS:
            raise ValueError(f"there are more than {MOST_LABELS} different labels")
        return found

    def encode(self, values: pa.Array) -> np.ndarray:
        """Codes of labels without gaps, int32 `(n_rows,)`.

        Raises:
            ValueError: There are too many, or they are no labels.
        """
        import pyarrow.compute as pc

        encoded = pc.dictionary_encode(values)
        if len(encoded.dictionary) > 10 * MOST_LABELS:
            raise ValueError(f"there are more than {MOST_LABELS} different labels")
        known = [self.code(label(value)) for value in encoded.dictionary.to_pylist()]
        places = encoded.indices.to_numpy(zero_copy_only=False)
        codes: np.ndarray = np.array(known or [0], dtype=np.int32)[places]
        return codes


def sort_key(name: str) -> tuple[int, float, str]:
    """Numbers by size, before text."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)


def label(value: Any) -> str:
    """A label as text: 1, 1.0, "1" and "1.0" are one, and so are True and "true"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = clean(str(value).strip(), 200)
    head, point, tail = text.partition(".")
    if point and head.lstrip("+-").isdigit() and not tail.strip("0"):
        return head
    return text.capitalize() if text.lower() in ("true", "false") else text


@dataclass(frozen=True)
class Reading:
    """One batch of answers: codes or numbers, and probabilities with the classes they are about."""

    values: np.ndarray
    shares: np.ndarray | None = None
    share_names: tuple[str, ...] = ()


def labels(
    outputs: Mapping[str, np.ndarray], schema: Schema, n_rows: int, vocabulary: Vocabulary
) -> Reading:
    """Labels and, where there are any, probabilities.

    Raises:
        ValueError: The outputs are none; the message says why, for a person.
    """
    import pyarrow as pa

    by_role = roles_of(outputs, schema)
    shares, names = chances(by_role, schema, n_rows)
    if shares is not None and not np.isfinite(shares).all():
        raise ValueError("its probabilities are no numbers for some rows")
    said = by_role.get("label")
    if said is None and shares is None:
        said = by_role.get("tensor")
        said = said if said is not None and said.dtype.kind in "biuUS" else None
    if said is not None:
        flat = _flat(said, n_rows, "label")
        flat = flat.astype("U") if flat.dtype.kind == "S" else flat
        return Reading(vocabulary.encode(pa.array(flat)), shares, names)
    if shares is None:
        shown = ", ".join(clean(name, 40) or "one without a name" for name in list(outputs)[:5])
        raise ValueError(f"it gives no labels; its outputs are {shown}")
    codes = np.array([vocabulary.code(name) for name in names], dtype=np.int32)
    return Reading(codes[shares.argmax(axis=1)], shares, names)


def numbers(outputs: Mapping[str, np.ndarray], schema: Schema, n_rows: int) -> Reading:
    """One number a row.

    Raises:
        ValueError: The outputs are none; the message says why, for a person.
    """
    by_role = roles_of(outputs, schema)
    said = next((by_role[r] for r in ("value", "tensor", "scores", "label") if r in by_role), None)
    if said is None or said.dtype.kind not in "iuf":
        raise ValueError("it gives no numbers; is it a classifier?")
    values = _flat(said, n_rows, "number").astype(np.float64)
    if not np.isfinite(values).all():
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"it answered {values[place]} to a row, which is no number to judge")
    return Reading(values)


def roles_of(outputs: Mapping[str, np.ndarray], schema: Schema) -> dict[str, np.ndarray]:
    """The first output of each role."""
    known = {output.name: output.role for output in schema.outputs}
    found: dict[str, np.ndarray] = {}
    for name, array in outputs.items():
        found.setdefault(known.get(name) or (name if name in _BY_NAME else "tensor"), array)
    return found


def _flat(array: np.ndarray, n_rows: int, what: str) -> np.ndarray:
    if array.shape not in ((n_rows,), (n_rows, 1)):
        shape = "×".join(map(str, array.shape)) or "a single value"
        raise ValueError(f"it must give one {what} a row; to {n_rows} rows it gave {shape}")
    return array.reshape(-1)


def chances(
    roles: Mapping[str, np.ndarray], schema: Schema, n_rows: int
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Probabilities as they are, or made of scores where the schema knows the classes."""
    for role in ("probabilities", "scores", "tensor"):
        array = roles.get(role)
        if array is None or array.dtype.kind != "f":
            continue
        classes = tuple(label(name) for name in schema.classes)
        single = array.shape in ((n_rows,), (n_rows, 1)) and len(classes) == 2
        wide = array.ndim == 2 and len(array) == n_rows and array.shape[1] > 1
        if not single and (not wide or (role == "tensor" and len(classes) != array.shape[1])):
            continue
        if single:
            share = _chance(array.reshape(-1).astype(np.float64))
            return np.stack([1 - share, share], axis=1), classes
        names = classes if len(classes) == array.shape[1] else _numbered(array.shape[1])
        return (array if role == "probabilities" else _softmax(array)), names
    return None, ()


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(map(str, range(n)))


def _chance(scores: np.ndarray) -> np.ndarray:
    """A score for the second class as its probability; what is one already stays."""
    if (~np.isfinite(scores) | ((scores >= 0) & (scores <= 1))).all():
        return scores
    with np.errstate(over="ignore"):
        made: np.ndarray = 1 / (1 + np.exp(-scores))
    return made


def _softmax(scores: np.ndarray) -> np.ndarray:
    known = scores[np.isfinite(scores).all(axis=1)]
    within = ((known >= 0) & (known <= 1)).all()
    if within and np.allclose(known.sum(axis=1), 1, atol=1e-4):
        return scores
    with np.errstate(invalid="ignore"):
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        made: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return made

"""What a version answered as columns of a table: prediction, probabilities, whatever else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from registry.formats import readings
from registry.formats.text import clean, unique
from registry.records import Schema

MOST_COLUMNS = 1_000
PROBLEM = "problem"
_PREDICTED = ("label", "value")
_CHANCES = ("probabilities", "scores")


def columns(
    outputs: Mapping[str, np.ndarray], schema: Schema, n_rows: int
) -> dict[str, np.ndarray]:
    """Name to array `(n_rows,)`: the prediction, a probability per class, then other outputs.

    Raises:
        ValueError: They do not fit into a table; the message says why, for a person.
    """
    by_role = readings.roles_of(outputs, schema)
    shares, classes = readings.chances(by_role, schema, n_rows)
    found: dict[str, np.ndarray] = {}
    said = next((by_role[role] for role in _PREDICTED if role in by_role), None)
    if said is not None:
        found |= _spread("prediction", said, n_rows)
    elif shares is not None:
        known = np.isfinite(shares).all(axis=1)
        found["prediction"] = np.where(known, np.array(classes)[shares.argmax(axis=1)], "")
    if shares is not None:
        found |= {f"probability_{name}": shares[:, n] for n, name in enumerate(classes)}
    roles = {output.name: output.role for output in schema.outputs}
    for name, array in outputs.items():
        role = roles.get(name, name)
        if role not in _PREDICTED and not (shares is not None and role in _CHANCES):
            alone = len(outputs) == 1 and not found
            found |= _spread("prediction" if alone else clean(name, 80) or "output", array, n_rows)
    if len(found) > MOST_COLUMNS:
        raise ValueError(f"it gives {len(found):,} numbers a row; a table takes {MOST_COLUMNS:,}")
    return found


def without_answer(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Positions of the rows whose prediction, or a probability of it, is no number."""
    numbers = [values for values in found.values() if values.dtype.kind == "f"]
    silent = [~np.isfinite(values) for values in numbers]
    return np.flatnonzero(np.logical_or.reduce(silent)) if silent else np.zeros(0, dtype=int)


def beside(names: list[str], answers: Mapping[str, np.ndarray]) -> list[str]:
    """Names of the columns that are put behind `names`, the problem last; none stands twice."""
    return unique([*names, *answers, PROBLEM])[len(names) :]


def _spread(name: str, array: np.ndarray, n_rows: int) -> dict[str, np.ndarray]:
    """An output as one column, or as one per number of a row."""
    if array.ndim == 0 or len(array) != n_rows:
        shape = "×".join(map(str, array.shape)) or "a single value"
        raise ValueError(f"to {n_rows} rows its {name} is {shape}: not one answer a row")
    flat = array.reshape(n_rows, -1)
    if flat.dtype.kind == "S":
        flat = np.char.decode(flat, "utf-8", "replace")
    if flat.dtype.kind == "c":
        raise ValueError(f"its {name} holds complex numbers, which no table has")
    if flat.shape[1] == 1:
        return {name: flat[:, 0]}
    if flat.shape[1] > MOST_COLUMNS:
        raise ValueError(f"its {name} has {flat.shape[1]:,} numbers a row, which is no table")
    return {f"{name}_{n}": flat[:, n] for n in range(flat.shape[1])}

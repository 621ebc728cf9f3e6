"""The column of slices: few values as they are, many numbers as quarters, the rare together."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from registry.formats.readings import label, sort_key
from registry.formats.rows import plain

if TYPE_CHECKING:
    import pyarrow as pa

MOST_SLICES = 20
_MOST_VALUES = 100_000
_NONE, _OTHERS = "(none)", "(others)"


@dataclass
class Slices:
    """Values met so far, by code, and the code of each row."""

    codes: dict[str, int] = field(default_factory=dict)
    parts: list[np.ndarray] = field(default_factory=list)

    def add(self, column: pa.Array) -> None:
        """Note the values of some rows."""
        import pyarrow.compute as pc

        encoded = pc.dictionary_encode(plain(column), null_encoding="encode")
        values = encoded.dictionary.to_pylist()
        names = [_NONE if value is None else label(value) for value in values]
        known = [self._code(name) for name in names]
        self.parts.append(
            np.array(known or [0], dtype=np.int32)[encoded.indices.to_numpy(zero_copy_only=False)]
        )

    def _code(self, name: str) -> int:
        if name not in self.codes and len(self.codes) >= _MOST_VALUES:
            name = _OTHERS
        return self.codes.setdefault(name, len(self.codes))

    def coded(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """int32 codes `(n_rows,)` into the names of the slices, at most `MOST_SLICES`."""
        rows = np.concatenate(self.parts) if self.parts else np.empty(0, np.int32)
        names = list(self.codes)
        if len(names) <= MOST_SLICES:
            order = sorted(names, key=sort_key)
            new = np.array([order.index(name) for name in names], dtype=np.int32)
            return new[rows], tuple(order)
        numbers = [_number(name) for name in names]
        if all(number is not None or n == _NONE for number, n in zip(numbers, names, strict=True)):
            return _quarters(rows, np.array([np.nan if n is None else n for n in numbers]))
        return _commonest(rows, names)


def _number(name: str) -> float | None:
    try:
        value = float(name)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _quarters(rows: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Four slices with about as many rows each, and one of gaps where there are any."""
    values = numbers[rows]
    cuts = np.unique(np.nanquantile(values, [0.25, 0.5, 0.75]))
    codes = np.searchsorted(cuts, values, side="left").astype(np.int32)
    names = [f"≤ {cuts[0]:.4g}"]
    names += [f"{a:.4g} – {b:.4g}" for a, b in pairwise(cuts)]
    names += [f"> {cuts[-1]:.4g}"]
    if np.isnan(values).any():
        codes[np.isnan(values)] = len(names)
        names.append(_NONE)
    return codes, tuple(names)


def _commonest(rows: np.ndarray, names: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    counts = np.bincount(rows, minlength=len(names))
    chosen = np.argsort(-counts, kind="stable")[: MOST_SLICES - 1]
    new = np.full(len(names), len(chosen), dtype=np.int32)
    new[chosen] = np.arange(len(chosen))
    return new[rows], (*(names[n] for n in chosen), _OTHERS)

"""Several versions side by side, as records; imported from `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cell = str | int | float | None
RowKind = Literal["text", "code", "bytes", "moment", "ms", "number"]
SectionName = Literal[
    "facts", "parameters", "schema", "requirements", "files", "tags", "findings", "benchmark"
]
Fit = Literal["same", "compatible", "breaking", "unknown"]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric over all versions of a comparison; None where a version has no such value."""

    name: str
    dataset: str
    unit: str
    higher_is_better: bool | None
    values: tuple[float | None, ...]

    @property
    def title(self) -> str:
        """Name, with the data set where there is one."""
        return f"{self.name} ({self.dataset})" if self.dataset else self.name

    @property
    def best(self) -> frozenset[int]:
        """Positions of the best; empty when no way is better, or nothing tells them apart."""
        known = {value for value in self.values if value is not None}
        if self.higher_is_better is None or len(known) < 2:
            return frozenset()
        top = max(known) if self.higher_is_better else min(known)
        return frozenset(i for i, value in enumerate(self.values) if value == top)

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1

    def gain(self, position: int, base: int) -> float | None:
        """How much better than the base, negative when worse; None when nothing can be said."""
        value, start = self.values[position], self.values[base]
        if value is None or start is None or self.higher_is_better is None:
            return None
        return value - start if self.higher_is_better else start - value


@dataclass(frozen=True, slots=True)
class Row:
    """One thing said of every version; None where nothing is known. Times are ISO 8601 in UTC."""

    name: str
    cells: tuple[Cell, ...]
    kind: RowKind = "text"

    @property
    def differs(self) -> bool:
        return len(set(self.cells)) > 1


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together."""

    name: SectionName
    rows: tuple[Row, ...]

    @property
    def n_differing(self) -> int:
        return sum(row.differs for row in self.rows)


@dataclass(frozen=True, slots=True)
class Compatibility:
    """Whether what calls the base can call this version; `reasons` say what breaks it."""

    fit: Fit
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two to ten versions side by side; every tuple of cells is in the order of `refs`.

    Attributes:
        names: Short names, distinct within the comparison.
        base: Position of the version that the others are measured against.
        fits: Of each version's schema to the base's; "same" for the base.
        speed: What benchmarks measured, and the size.
        verdict: One sentence; "" for a version alone.
    """

    refs: tuple[str, ...]
    names: tuple[str, ...]
    base: int
    metrics: tuple[MetricRow, ...]
    speed: tuple[MetricRow, ...]
    sections: tuple[Section, ...]
    fits: tuple[Compatibility, ...]
    verdict: str

    def section(self, name: SectionName) -> Section:
        return next(section for section in self.sections if section.name == name)

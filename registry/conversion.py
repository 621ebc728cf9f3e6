"""What a version can become and how like the original it is, as records of `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A format that a version can be converted to; `why_not` is "" when it can be tried."""

    format: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Parity:
    """How like the converted version answers.

    Attributes:
        checked: What was compared, in words: rows of the sample file, rows drawn, every tensor.
        n_rows: Rows asked of both (tensors compared, for weights alone).
        largest_difference: Over all numbers of the answers, in parts of the original's where that
            is larger than 1.
        label_agreement: Share of equal labels, 0 to 1; None when there are none.
    """

    checked: str
    n_rows: int
    tolerance: float
    largest_difference: float
    label_agreement: float | None = None
    least_agreement: float = 0.99

    @property
    def passed(self) -> bool:
        """Whether both figures are within what is allowed."""
        agreed = self.label_agreement is None or self.label_agreement >= self.least_agreement
        return self.n_rows > 0 and agreed and self.largest_difference <= self.tolerance

    @property
    def said(self) -> str:
        """The figures in a sentence."""
        parts = [f"largest difference {self.largest_difference:.3g} (tolerance {self.tolerance:g})"]
        if self.label_agreement is not None:
            parts.append(f"labels agree on {self.label_agreement:.1%}")
        return f"{', '.join(parts)}, over {self.n_rows} {self.checked}"

"""An answer as it is looked at: which row, beside which other version, in which colour."""

from __future__ import annotations

from typing import Any, NamedTuple

from pages.parts import charts
from registry import looks
from registry.core import Registry
from registry.records import Actor, OutputValue, Prediction, Version


class View(NamedTuple):
    """One version's answer to one row.

    Attributes:
        row: Counted from 0.
        base: The answer of the first version to the same input; None for the first itself.
        shade: The colour of this version.
        narrow: Several versions stand side by side.
        classes: Which classes to show, in order; () for the likeliest.
    """

    reg: Registry
    actor: Actor
    version: Version
    answer: Prediction
    row: int = 0
    base: Prediction | None = None
    shade: str = charts.ACCENT
    narrow: bool = False
    classes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Of widgets; differs per version."""
        return f"playground.{self.version.id}"

    def base_of(self, output: OutputValue) -> OutputValue | None:
        """The same output of the first version."""
        found = self.base.outputs if self.base else ()
        return next((o for o in found if (o.name, o.role) == (output.name, output.role)), None)

    def of_row(self, output: OutputValue) -> Any:
        """What an output says about the row."""
        return looks.of_row(output, self.answer.n_rows, self.row)

    def base_row(self, output: OutputValue) -> Any:
        """What the same output of the first version says about the row; None without one."""
        found = self.base_of(output)
        if found is None or self.base is None:
            return None
        return looks.of_row(found, self.base.n_rows, self.row)

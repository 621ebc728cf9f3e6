"""What the parts of the mode What-if share: versions, the input, and what was moved of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pages.parts import charts, tables, text
from registry import asking, features
from registry.core import Registry
from registry.records import Actor, Scale, Schema, Version


class Scene(NamedTuple):
    """What the parts of the mode need.

    Attributes:
        row: The input as it was given.
        moved: What the sliders made of some features; the features moved now among them.
    """

    reg: Registry
    actor: Actor
    versions: tuple[Version, ...]
    row: Mapping[str, Any]
    moved: dict[str, Any]

    @property
    def schema(self) -> Schema:
        """Of the first version, which the features are of."""
        schema = self.versions[0].schema
        assert schema is not None
        return schema

    def name(self, version: Version) -> str:
        return tables.short_name(version, self.versions)

    def colour(self, version: Version) -> str:
        return charts.colour(self.versions.index(version) + 1)

    def row_of(self, version: Version, *without: str) -> Any:
        """The moved row, as far as the version takes it, some features as they were given."""
        moved = {name: value for name, value in self.moved.items() if name not in without}
        row: Any = features.packed(self.schema, self.row, [moved]) if moved else self.row
        fitted: Any = asking.fitted(version.schema, row, frozenset(self.row))[0]
        return fitted[0] if isinstance(fitted, list) else fitted

    def question(self, *without: str) -> str:
        """The whole moved input as text, for no version takes all of it: see `row_of`."""
        moved = {name: value for name, value in self.moved.items() if name not in without}
        return said({"row": self.row, "moved": moved})


def said(row: Mapping[str, Any]) -> str:
    """An input as text: equal inputs are equal texts."""
    return json.dumps(row, default=_plain, sort_keys=True)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def title(output: str, scale: Scale) -> str:
    """What the numbers are, as plain text."""
    name = text.clean(output, 40)
    words = {"probability": f"Probability of {name}", "label": f"Says {name}"}
    return words.get(scale, name[:1].upper() + name[1:])

"""What a dry run saw: names, and what no honest file has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from registry.formats.stubs import Global
from registry.formats.text import clean

MAX_GLOBALS = 2_000
_MAX_FLAWS = 50


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that no honest file has.

    Attributes:
        rule: Which rule it breaks.
        what: The part of the file that does.
    """

    rule: str
    what: str


@dataclass
class Seen:
    """What a dry run saw.

    Attributes:
        root: The pickled object, made of stubs and plain data.
        globals: Names the file asks for, each once, in order, by `module.name`.
        flaws: What no honest file has, each once.
        trailing: Whether more bytes follow the pickle.
        storages: Bytes of each torch storage that tensors refer to, by its key.
    """

    root: Any = None
    globals: dict[str, Global] = field(default_factory=dict)
    flaws: dict[Flaw, None] = field(default_factory=dict)
    protocol: int = 0
    trailing: bool = False
    storages: dict[str, int] = field(default_factory=dict)

    def name(self, found: Global) -> None:
        """Note a name that the file asks for.

        Raises:
            ValueError: There are more than any model has.
        """
        key = clean(found.path)
        if self.globals.setdefault(key, found) != found:  # two that are shown alike
            self.globals.setdefault(f"{found.module!r} {found.name!r}", found)
        if len(self.globals) > MAX_GLOBALS:
            raise ValueError(f"it asks for more than {MAX_GLOBALS:,} names")

    def flaw(self, rule: str, what: str) -> None:
        """Note what no honest file has."""
        if len(self.flaws) < _MAX_FLAWS:
            self.flaws[Flaw(rule, clean(what))] = None

"""The playground's mode What-if."""

from __future__ import annotations

from collections.abc import Sequence

from pages.parts import cards
from registry.core import Registry
from registry.records import Actor, Version


def show(reg: Registry, actor: Actor, versions: Sequence[Version]) -> None:
    """Not there yet."""
    cards.empty("Move a feature", "This mode is being built.", icon="construction")

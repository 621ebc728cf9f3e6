"""Below the playground: what the person asked before."""

from __future__ import annotations

from collections.abc import Sequence

from registry.core import Registry
from registry.records import Actor, Version


def show(reg: Registry, actor: Actor, versions: Sequence[Version]) -> None:
    """Nothing yet."""

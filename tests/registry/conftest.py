"""Registries with settings of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from registry.core import Registry, open_registry
from registry.sandbox.pool import Pool
from registry.settings import Settings


@pytest.fixture
def reg_with(settings: Settings, pool: Pool) -> Iterator[Callable[..., Registry]]:
    """Opens a registry with some settings changed."""
    opened: list[Registry] = []

    def open_it(**changes: object) -> Registry:
        opened.append(open_registry(settings.model_copy(update=changes), pool))
        return opened[-1]

    yield open_it
    for reg in opened:
        reg.engine.dispose()

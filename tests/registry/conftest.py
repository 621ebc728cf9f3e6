"""A pool that remembers, and networks of two numbers to send rows to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from registry import versions
from registry.core import Registry, open_registry
from registry.records import Actor, Output, Schema, Tensor
from registry.sandbox.judge import Raw
from registry.sandbox.pool import Pool
from registry.settings import Settings
from tests.conftest import Publish

TWO_NUMBERS = Schema(
    kind="tensors",
    tensors=(Tensor("x", "float32", (-1, 2)),),
    outputs=(Output("value", "value"),),
)


class Noting(Pool):
    """The pool as it is; it remembers what it was to send to models."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        super().__init__(settings, pool.nursery)
        self.sent: list[Raw] = []

    def forward(self, spec: Any, question: Raw) -> Any:
        self.sent.append(question)
        return super().forward(spec, question)


@pytest.fixture
def noting(settings: Settings, pool: Pool) -> Iterator[tuple[Registry, Noting]]:
    """The same home with a pool that remembers; a prediction may take two seconds."""
    brisk = settings.model_copy(update={"predict_timeout_s": 2.0, "standby_workers": False})
    noting = Noting(brisk, pool)
    reg = open_registry(brisk, noting)
    yield reg, noting
    for worker in noting.states():
        noting.drop(worker.version_id)
    reg.engine.dispose()


@pytest.fixture
def network(reg: Registry, alice: Actor, publish_file: Publish) -> Callable[[Path], str]:
    """Publishes a network of two numbers; its ref."""

    def run(path: Path) -> str:
        version = publish_file(alice, path, name=path.stem)
        versions.edit(reg, alice, version.ref, schema=TWO_NUMBERS)
        return version.ref

    return run

"""Versions for the pool without a registry round them, and a pool of its own, soon out of time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from registry.records import Field, Inspection, Output, Schema
from registry.sandbox.contract import Answer, ModelSpec
from registry.sandbox.pool import Pool
from registry.settings import Settings
from tests.makers.scripted import TRUSTED, scripted

Spec = Callable[..., ModelSpec]
Ask = Callable[..., Answer]

ONE_NUMBER = Schema(
    kind="table", fields=(Field("x", "double"),), outputs=(Output("value", "value"),)
)


@pytest.fixture(autouse=True)
def fence(request: pytest.FixtureRequest, pool: Pool) -> None:
    """Tests of the fence need both layers of the kernel."""
    if request.node.get_closest_marker("sandbox") and not all(pool.layers.values()):
        pytest.skip(f"this kernel gives no full fence: {pool.layers}")


@pytest.fixture
def brisk(pool: Pool, tmp_path: Path) -> Iterator[Pool]:
    """Two workers, two seconds, 512 MiB; forked from the zygotes of all tests."""
    settings = Settings(
        home=tmp_path / "home",
        workers=2,
        predict_timeout_s=2,
        load_timeout_s=5,
        inspect_timeout_s=5,
        worker_memory_mb=512,
        standby_workers=False,
        _env_file=None,
    )
    brisk = Pool(settings, pool.nursery)
    yield brisk
    for worker in brisk.states():
        brisk.drop(worker.version_id)


@pytest.fixture
def spec() -> Spec:
    """A version of a file, completed by `check` if it has no schema."""

    def make(path: Path, format: str, schema: Schema | None = None) -> ModelSpec:
        inspection = Inspection(format=format, framework=format)
        return ModelSpec(
            uuid4().hex, format, "", lambda: os.open(path, os.O_RDONLY), schema, inspection
        )

    return make


@pytest.fixture
def known(pool: Pool, spec: Spec) -> Callable[[Path], ModelSpec]:
    """A version as the registry would have it: inspected, checked, with its whole schema."""

    def make(path: Path) -> ModelSpec:
        with path.open("rb") as file:
            found, _ = pool.inspect(file.fileno(), path.name)
        version = replace(spec(path, found.format, found.schema), inspection=found)
        return replace(version, schema=pool.check(version).schema)

    return make


@pytest.fixture
def script(tmp_path: Path, spec: Spec) -> Callable[[str], ModelSpec]:
    """A version whose model runs the given body of `predict(self, rows)`."""

    def make(body: str, before: str = "") -> ModelSpec:
        lines = "".join(f"        {line}\n" for line in body.splitlines())
        source = (
            f"import os, sys, time\nimport numpy as np\n{before}\n"
            f"class Model:\n    def predict(self, rows):\n{lines}"
        )
        path = scripted(tmp_path, source, f"{uuid4().hex}.pkl")
        return replace(spec(path, "sklearn", ONE_NUMBER), trusted=TRUSTED)

    return make


@pytest.fixture
def ask(brisk: Pool) -> Ask:
    """Ask a scripted version with one number."""

    def run(version: ModelSpec, x: float = 0.0) -> Answer:
        return brisk.predict(version, {"": np.array([[x]])})

    return run

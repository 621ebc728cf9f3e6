"""Files of flowers, and what alice's model makes of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

import pandas as pd
import pytest
from sklearn.datasets import load_iris

from registry import scoring, scorings, staging
from registry.core import Registry
from registry.errors import RegistryError
from registry.records import Actor, Scoring, Version

Stage = Callable[..., str]
Score = Callable[..., tuple[Scoring, bytes]]


@pytest.fixture(scope="session")
def flowers() -> pd.DataFrame:
    frame: pd.DataFrame = load_iris(as_frame=True).data
    return frame


@pytest.fixture
def stage(reg: Registry, alice: Actor) -> Stage:
    """Uploads a file; its id."""

    def run(data: bytes, filename: str = "rows.csv", actor: Actor = alice) -> str:
        with staging.receive(reg, actor, filename) as incoming:
            incoming.write(data)
            return incoming.finish().id

    return run


@pytest.fixture
def score(reg: Registry, alice: Actor, iris: Version, stage: Stage) -> Score:
    """Has a file scored here and now: how it ended, and the scored file or b""."""

    def run(data: bytes, filename: str = "rows.csv", ref: str = "") -> tuple[Scoring, bytes]:
        scoring_id = scoring.start(reg, alice, ref or iris.ref, stage(data, filename))
        with suppress(RegistryError):
            scoring.run(reg, scoring_id)
        found = scorings.get(reg, alice, scoring_id)
        if not found.result_bytes:
            return found, b""
        opened = scorings.open_result(reg, alice, scoring_id)
        with os.fdopen(opened.fd, "rb") as file:
            return found, file.read()

    return run

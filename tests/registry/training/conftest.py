"""Tables to train on, and a way to have it done here and now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from registry import staging, training, trainings
from registry.core import Registry
from registry.records import Actor, Sheet, Training

Bring = Callable[..., str]
Train = Callable[..., Training]


@pytest.fixture(scope="session")
def flowers() -> pd.DataFrame:
    data = load_iris(as_frame=True)
    names = [data.target_names[n] for n in data.target]
    return data.frame.drop(columns="target").assign(species=names)


@pytest.fixture(scope="session")
def two_flowers(flowers: pd.DataFrame) -> pd.DataFrame:
    return flowers[flowers.species != "setosa"].reset_index(drop=True)


@pytest.fixture(scope="session")
def patients() -> pd.DataFrame:
    frame = load_diabetes(as_frame=True).frame.rename(columns={"target": "progression"})
    return frame.head(160)  # enough to tell scores apart; the whole takes minutes


@pytest.fixture(scope="session")
def everything() -> pd.DataFrame:
    """A column of each kind, with gaps in most, and some that are no use."""
    random = np.random.default_rng(0)
    n = 200
    x, city = random.normal(size=n), random.choice(["Bonn", "Ulm", "Köln"], n)
    words = "good bad fine awful great poor film plot actor music".split()
    made = pd.DataFrame(
        {
            "id": range(1, n + 1),
            "size": x,
            "rooms": random.integers(1, 6, n),
            "city": city,
            "when": pd.date_range("2021-01-01", periods=n, freq="7h").strftime("%Y-%m-%dT%H:%M:%S"),
            "garden": random.choice(["true", "false"], n),
            "about": [" ".join(random.choice(words, 9)) for _ in range(n)],
            "land": "DE",
            "zip": [f"{k:05d}" for k in random.integers(1000, 1010, n)],
            "price": 3 * x + 5 * (city == "Ulm") + random.normal(size=n),
        }
    )
    for place, name in enumerate(("size", "city", "when", "garden", "price")):
        made.loc[place * 3 : place * 3 + 2, name] = None
    return made


@pytest.fixture
def bring(reg: Registry, alice: Actor) -> Bring:
    """Uploads a table; the id of the staged file."""

    def run(data: pd.DataFrame | bytes, filename: str = "rows.csv", actor: Actor = alice) -> str:
        if isinstance(data, pd.DataFrame):
            data = data.to_csv(index=False).encode()
        with staging.receive(reg, actor, filename) as incoming:
            incoming.write(data)
            return incoming.finish().id

    return run


@pytest.fixture
def train(reg: Registry, alice: Actor, bring: Bring) -> Train:
    """Uploads a table and trains on it as guessed, here and now."""

    def run(data: pd.DataFrame | bytes, target: str, task: str, **kinds: Any) -> Training:
        return done(reg, alice, bring(data), target, task, **kinds)

    return run


def done(
    reg: Registry, actor: Actor, staged_id: str, target: str, task: str, **kinds: Any
) -> Training:
    """A training of an uploaded table, over."""
    chosen = guessed(trainings.look(reg, actor, staged_id)) | kinds
    training_id = trainings.start(reg, actor, staged_id, target, task, chosen)  # type: ignore[arg-type]
    training.run(reg, training_id)
    return trainings.get(reg, actor, training_id)


def guessed(sheet: Sheet) -> dict[str, Any]:
    return {feature.name: feature.kind for feature in sheet.features}

"""A model that hangs, hungers or finds no worker is explained; it takes what such limits take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from registry import versions
from registry.core import Registry, open_registry
from registry.records import Actor, Schema, Tensor, Version
from registry.sandbox.pool import Pool, open_pool
from registry.settings import Settings
from tests.makers import failing
from tests.pages.test_playground_failures import outcome, say, submit

Visit = Callable[..., AppTest]
Publish = Callable[..., Version]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A pool of one worker that waits for an answer for two seconds."""
    home = tmp_path_factory.mktemp("impatient")
    pool = open_pool(
        Settings(
            home=home, workers=1, predict_timeout_s=2, standby_workers=False, _env_file=None
        )
    )  # fmt: skip
    yield pool
    pool.close()


@pytest.fixture
def reg(settings: Settings, impatient: Pool) -> Iterator[Registry]:
    reg = open_registry(settings, impatient)
    yield reg
    reg.engine.dispose()


@pytest.fixture
def moody(reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path) -> Version:
    """A network that fails as its first number says."""
    version = publish_file(alice, failing.moody(tmp_path), name="Moody")
    schema = Schema("tensors", tensors=(Tensor("x", "float32", (-1, 4)),))
    return versions.edit(reg, alice, version.ref, schema=schema)


def test_a_model_that_raises_runs_out_of_memory_or_hangs_is_explained(
    visit: Visit, reg: Registry, alice: Actor, moody: Version
) -> None:
    tab = visit(alice, "playground.py", model=moody.model, mode="JSON")
    expected = {
        failing.RAISE: ("No prediction", "more than I was made for", "PredictionFailed"),
        failing.HUNGER: ("Out of memory", "more memory than a worker may take", "OutOfMemory"),
        failing.HANG: ("Too slow", "did not answer within 2 s", "PredictionTimeout"),
    }
    for least, (title, why, name) in expected.items():
        said = say(tab, moody, {"x": [[least + 50, 0.0, 0.0, 0.0]]}).replace("\\", "")
        assert title in said
        assert why in said + "".join(code.value for code in tab.code)
        assert "tell its owner" in said or "smaller input" in said
        assert outcome(reg, alice) == name
    tab.text_area(key=f"playground.{moody.id}.json").set_value('{"x": [[1, 2, 3, 4]]}')
    next(button for button in tab.button if button.label == "Submit").click().run()
    assert not tab.error
    assert [metric.value for metric in tab.metric] == ["10"]


def test_when_all_workers_are_busy_the_page_says_so(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, moody: Version
) -> None:
    tab = visit(alice, "playground.py", model=iris.model)
    slot = reg.pool._slots.take(moody.id, 0.0)  # somebody has the only place
    try:
        said = submit(tab)
    finally:
        reg.pool._slots.give_back(slot)
    assert "Busy" in said
    assert "still there" in said
    assert outcome(reg, alice) == "Busy"

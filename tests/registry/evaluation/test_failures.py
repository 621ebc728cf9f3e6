"""What goes wrong while versions are asked: real crashes, hangs, cancels and kills."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from registry import datasets, evaluating, evaluations, integrity, jobs, results
from registry.core import Registry
from registry.records import Actor, Dataset, Evaluation, Version
from tests.conftest import Publish as PublishFile
from tests.makers import failing
from tests.makers.waiting import wait_until
from tests.registry.conftest import Noting
from tests.registry.evaluation.conftest import Evaluate, Judged, Keep

Publish = Callable[..., dict[str, Version]]


@pytest.fixture
def numbers(keep: Keep) -> Callable[[int], Dataset]:
    """Rows of two numbers and their right answer, the first of them."""

    def make(n_rows: int) -> Dataset:
        values = np.arange(n_rows) % 97 / 4
        return keep(pd.DataFrame({"a": values, "b": -values, "y": values}))

    return make


@pytest.fixture
def engine(reg: Registry) -> Iterator[None]:
    """Jobs run in this process."""
    jobs.launch(reg, {results.KIND: evaluating.run})
    yield
    jobs.stop()


def again(reg: Registry, alice: Actor, dataset: Dataset, refs: list[str]) -> Evaluation:
    """Evaluated with another pool than `reg` of the test has."""
    evaluation_id = evaluations.start(reg, alice, dataset.id, refs, "y", "regression")
    evaluating.run(reg, evaluation_id)
    return results.get(reg, alice, evaluation_id)


def test_no_label_is_ever_sent_to_a_model(
    alice: Actor, flowers: Judged, publish_each: Publish, keep: Keep,
    noting: tuple[Registry, Noting],
) -> None:  # fmt: skip
    reg, pool = noting
    two = [version.ref for version in publish_each(flowers, "logistic", "bayes").values()]
    dataset = keep(flowers.rows)
    evaluation_id = evaluations.start(reg, alice, dataset.id, two, "species", "classification")
    evaluating.run(reg, evaluation_id)
    assert sum(len(question.body) for question in pool.sent) / 8 == 2 * flowers.features.size
    sent = b"".join(bytes(question.body) + question.head for question in pool.sent)
    assert not any(name in sent for name in (b"setosa", b"species"))


def test_a_version_that_crashes_takes_no_other_along(
    alice: Actor, flowers: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate,
    publish_file: PublishFile, tmp_path: Path,
) -> None:  # fmt: skip
    crashing = publish_file(alice, failing.crashing_tree(tmp_path), name="Crashing")
    assert crashing.status == "ready"
    good = publish_each(flowers, "bayes")["bayes"]
    told = evaluate(keep(flowers.rows), [crashing.ref, good.ref])
    assert "it crashed (segmentation fault)" in told.versions[0].failure
    assert [version.quality is None for version in told.versions] == [True, False]
    assert (told.n_rows, told.pairs) == (len(flowers.rows), ())


def test_a_slow_version_is_asked_in_smaller_parts(
    alice: Actor, numbers: Callable[[int], Dataset], network: Callable[[Path], str],
    noting: tuple[Registry, Noting], tmp_path: Path,
) -> None:  # fmt: skip
    reg, pool = noting
    told = again(reg, alice, numbers(250), [network(failing.stuck_above(tmp_path, 100))])
    assert [len(question.body) // 8 for question in pool.sent] == [250, 100, 100, 50]
    quality = told.versions[0].quality
    assert quality
    assert {m.name: m.value for m in quality.metrics}["max_error"] == 0


@pytest.mark.long
def test_a_version_that_is_too_slow_for_the_smallest_part_says_so(
    alice: Actor, numbers: Callable[[int], Dataset], network: Callable[[Path], str],
    noting: tuple[Registry, Noting], tmp_path: Path,
) -> None:  # fmt: skip
    reg, pool = noting
    refs = [network(failing.stuck_above(tmp_path, n)) for n in (10, 200)]
    told = again(reg, alice, numbers(100), refs)
    assert "2 s" in told.versions[0].failure
    assert told.versions[1].quality
    assert [len(question.body) // 8 for question in pool.sent] == [100, 100, 100]


def test_a_cancelled_one_stops_at_the_next_batch(
    reg: Registry, alice: Actor, numbers: Callable[[int], Dataset],
    network: Callable[[Path], str], tmp_path: Path, engine: None,
) -> None:  # fmt: skip
    ref = network(failing.slow(tmp_path, 50_000))
    given = (numbers(240_000).id, [ref], "y", "regression")
    evaluation_id = evaluations.start(reg, alice, *given)  # type: ignore[arg-type]

    def now() -> Evaluation:
        return results.get(reg, alice, evaluation_id)

    wait_until(lambda: "version 1 of 1: 2" in now().message, 60)
    evaluations.cancel(reg, alice, evaluation_id)
    wait_until(lambda: not jobs._engine or not jobs._engine.busy, 60)
    told = now()
    assert told.state == "failed"
    assert told.message.startswith("cancelled; version 1 of 1")
    assert told.progress < 1
    assert [version.quality for version in told.versions] == [None]


_SERVE = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from registry import evaluating, jobs, results
    from registry.core import open_registry
    from registry.settings import Settings
    home = Path(sys.argv[1])
    reg = open_registry(Settings(home=home, min_free_disk_mb=0, _env_file=None))
    jobs.launch(reg, {results.KIND: evaluating.run})
    time.sleep(600)
""")


@pytest.mark.long
def test_killed_half_way_it_is_taken_up_again_and_ends_the_same(
    reg: Registry, alice: Actor, numbers: Callable[[int], Dataset],
    network: Callable[[Path], str], tmp_path: Path,
) -> None:  # fmt: skip
    ref, dataset = network(failing.slow(tmp_path, 50_000)), numbers(100_000)
    evaluation_id = evaluations.start(reg, alice, dataset.id, [ref], "y", "regression")
    command = [sys.executable, "-c", _SERVE, str(reg.settings.home)]
    with subprocess.Popen(command) as server:
        wait_until(lambda: "20,000" in results.get(reg, alice, evaluation_id).message, 120)
        server.send_signal(signal.SIGKILL)
    cut_off = results.get(reg, alice, evaluation_id)
    assert (cut_off.state, cut_off.versions[0].quality) == ("running", None)
    jobs.launch(reg, {results.KIND: evaluating.run})
    try:
        wait_until(lambda: results.get(reg, alice, evaluation_id).state != "running", 120)
    finally:
        jobs.stop()
    resumed = results.get(reg, alice, evaluation_id)
    assert (resumed.state, resumed.n_rows) == ("done", 100_000)
    undisturbed = again(reg, alice, dataset, [ref]).versions[0].quality
    assert resumed.versions[0].quality
    assert undisturbed
    assert resumed.versions[0].quality.metrics == undisturbed.metrics
    assert integrity.damaged(reg)[1] == []
    assert datasets.get(reg, alice, dataset.id) == dataset

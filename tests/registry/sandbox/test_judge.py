"""The judge's worker has read an uploaded file: whatever it says may be a lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry.errors import WorkerCrashed
from registry.sandbox.contract import ModelSpec
from registry.sandbox.judge import Judge
from registry.sandbox.pool import Pool

pytestmark = pytest.mark.sandbox
_TAKES_OVER = """
from registry.sandbox import work, worker

def told(value):
    return lambda *_, **order: work.answered(value)

worker._TASKS["judge"] = told({reply!r})
worker._TASKS["piece"] = lambda work, message, **order: (b"", [{piece!r}])
"""
Lying = Callable[..., Judge]
WORDS = {"n_rows": 1, "n_out": 2, "reasons": ["\x1b[31m" + "x" * 999] * 99, "without_shares": "no"}


@pytest.fixture
def lying(brisk: Pool, script: Callable[..., ModelSpec]) -> Iterator[Lying]:
    """A judge whose worker is taken over by code that says what the test wants."""
    workers = []

    def make(reply: Any, piece: bytes = b"") -> Judge:
        before = _TAKES_OVER.format(reply=reply, piece=piece)
        workers.append(brisk._loaded(script("return rows[:, 0]", before)))
        return Judge(workers[-1], brisk._settings)

    yield make
    for worker in workers:
        worker.end()


@pytest.mark.parametrize(
    ("reply", "ask"),
    [
        ([], lambda judge: judge.begin(0)),
        ({}, lambda judge: judge.begin(0)),
        ({"n_rows": -1}, lambda judge: judge.begin(0)),
        ({"n_rows": True}, lambda judge: judge.begin(0)),
        ({"n_rows": 1 << 50}, lambda judge: judge.begin(0)),
        ({"n_rows": 1, "share": 2.0}, lambda judge: judge.next(0)),
        ({"n_rows": 1, "share": "1"}, lambda judge: judge.next(0)),
        ({"n_rows": "many"}, lambda judge: judge.told()),
        ({"metrics": 1}, lambda judge: judge.quality(0)),
        ({"metrics": [{"name": "a", "value": True}]}, lambda judge: judge.quality(0)),
        ("good", lambda judge: judge.quality(0)),
        ({"base": "x", "other": "y", "test": "mcnemar", "metric": "a", "difference": 0.0,
          "low": 0.0, "high": 0.0, "p_value": 1.0, "n_mended": 0, "n_broken": 0},
         lambda judge: judge.pair((0, "a"), (1, "b"))),
        ({"size_bytes": -1}, lambda judge: list(judge.pieces({}))),
        ({"size_bytes": 10}, lambda judge: list(judge.pieces({}))),
    ],
)  # fmt: skip
def test_what_a_judge_may_not_say_ends_it(
    lying: Lying, reply: Any, ask: Callable[[Judge], object]
) -> None:
    judge = lying(reply)
    with pytest.raises(WorkerCrashed, match="not allowed"):
        ask(judge)
    assert judge._worker.ended


def test_a_piece_that_is_too_long_ends_it(lying: Lying) -> None:
    judge = lying({"size_bytes": 10}, b"x" * 11)
    with pytest.raises(WorkerCrashed, match="not allowed"):
        list(judge.pieces({}))


def test_its_words_are_few_and_harmless(lying: Lying) -> None:
    told = lying(WORDS).told()
    assert len(told.reasons) == 20
    assert all(len(reason) <= 300 and reason.isprintable() for reason in told.reasons)
    assert told.without_shares == ()

"""The dialog with the worker that trains a baseline: a table in, scores and fitted files out.

One fit per question, so that between two it can be said how far it is; while one runs, whoever
waits is asked twice a second whether it should go on. What the worker says is as hostile as what
any worker says: it has read an uploaded file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from registry.errors import (
    BrokenArtifact,
    InvalidInput,
    PredictionFailed,
    PredictionTimeout,
    RegistryError,
    Rejected,
    WorkerCrashed,
)
from registry.records import EvaluationTask, FeatureKind, Plan
from registry.sandbox import questions, wire
from registry.sandbox.process import Worker
from registry.sandbox.wire import Message, Odd

Pulse = Callable[[], None]
_EVERY_S = 0.5
_MOST_CANDIDATES = 10
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Asked:
    """What is to be trained.

    Attributes:
        kinds: What each column is; others are left out.
        timeout_s: What reading the rows may take.
    """

    kinds: Mapping[str, FeatureKind]
    target: str
    task: EvaluationTask
    most_rows: int
    timeout_s: float


class Trainer:
    """A worker with one table. One step after another, by one thread."""

    def __init__(self, worker: Worker, pulse: Pulse) -> None:
        self._worker, self._pulse = worker, pulse

    @property
    def alive(self) -> bool:
        """Whether it can be asked further; a fit that crashed or came too late has ended it."""
        return self._worker.alive

    def open(self, fd: int, asked: Asked) -> None:
        """Hand over the table, read-only.

        Raises:
            BrokenArtifact, TooLarge, InvalidInput: It cannot be trained on.
        """
        told = {
            "kinds": dict(asked.kinds),
            "target": asked.target,
            "task": asked.task,
            "most_rows": asked.most_rows,
        }
        try:
            self._ask("open", asked.timeout_s, json.dumps(told).encode(), fd)
        except (Rejected, InvalidInput):
            raise
        except PredictionTimeout as late:
            raise BrokenArtifact(
                f"reading the rows took longer than {late.timeout_s:g} s"
            ) from late
        except PredictionFailed as failed:
            raise BrokenArtifact(f"the rows could not be read: {_said(failed)}") from failed

    def plan(self, timeout_s: float) -> Plan:
        """What it is going to try.

        Raises:
            PredictionFailed: Looking at the columns took too long.
        """
        try:
            data = self._data(self._ask("plan", timeout_s))
        except PredictionTimeout as late:
            said = "looking at the columns took too long: leave some out, or take fewer rows"
            raise PredictionFailed(said) from late
        plan = questions.record(Plan, self._worker, data)
        odd = not 0 < len(plan.candidates) <= _MOST_CANDIDATES or not 1 < plan.n_folds <= 10
        if odd or plan.metric not in plan.metrics:
            self._worker.refuse(Odd("a plan that is none"))
        return plan

    def fold(
        self, plan: Plan, candidate: int, fold: int, timeout_s: float
    ) -> tuple[dict[str, float], float]:
        """The scores of a candidate on a fold that it has not seen, and the seconds of the fit.

        Raises:
            PredictionFailed: It cannot be fitted or scored; its subclasses say how.
        """
        told = self._data(self._ask("fold", timeout_s, candidate=candidate, fold=fold))
        scores, fit_s = told.get("scores"), told.get("fit_s")
        if not isinstance(scores, dict) or not all(_number(scores.get(m)) for m in plan.metrics):
            self._worker.refuse(Odd("scores that are none"))
        if not isinstance(fit_s, float) or not _number(fit_s):
            self._worker.refuse(Odd("a time that is none"))
        return {metric: float(scores[metric]) for metric in plan.metrics}, fit_s

    @contextmanager
    def fitted(
        self, candidate: int, most_bytes: int, timeout_s: float
    ) -> Iterator[Iterator[bytes]]:
        """The file of a candidate fitted to all rows, in pieces; as hostile as an upload.

        Raises:
            PredictionFailed: It cannot be fitted, or is too large.
        """
        told = self._data(self._ask("fit", timeout_s, candidate=candidate, most_bytes=most_bytes))
        size = told.get("size_bytes")
        if type(size) is not int or not 0 < size <= most_bytes:
            self._worker.refuse(Odd("a file of a size out of bounds"))
        with wire.memory_file(size) as (file, shared):
            questions.task(self._worker, "hand_over", timeout_s, b"", file)
            yield (bytes(shared[at : at + _BLOCK]) for at in range(0, size, _BLOCK))

    def _ask(
        self, step: str, timeout_s: float, body: bytes = b"", fd: int = -1, **order: Any
    ) -> Message:
        fds, order = [fd] if fd >= 0 else [], {"step": step, **order}
        with ThreadPoolExecutor(1) as asking:
            asked = asking.submit(
                questions.task, self._worker, "train", timeout_s, body, *fds, **order
            )
            try:
                while not wait([asked], _EVERY_S).done:
                    self._pulse()
            except BaseException:
                self._worker.kill()
                raise
            return asked.result()

    def _data(self, reply: Message) -> dict[str, Any]:
        return questions.mapping(self._worker, reply)


def why_not(failed: RegistryError) -> str:
    """Why a candidate has no scores, for the leaderboard."""
    if isinstance(failed, PredictionTimeout):
        return f"it took longer than its share of the time, {failed.timeout_s:.0f} s"
    if isinstance(failed, WorkerCrashed):
        return failed.message.replace("the model's worker is gone: ", "its worker is gone: ")
    return _said(failed)


def _said(failed: RegistryError) -> str:
    return failed.message.removeprefix("the model failed: ")


def _number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]

"""Loaded models, each in a locked worker of its own, shared by all visitors of this process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from registry import codec, formats
from registry.errors import (
    Busy,
    PredictionFailed,
    RegistryError,
)
from registry.records import Checked, WarmState, WorkerState
from registry.sandbox import descriptors, questions, wire
from registry.sandbox.alone import Alone
from registry.sandbox.contract import Answer, ModelSpec, Streamed
from registry.sandbox.judge import Raw
from registry.sandbox.limits import Limits
from registry.sandbox.nursery import Nursery
from registry.sandbox.one_shot import OneShot
from registry.sandbox.process import Worker
from registry.sandbox.slots import Slot, Slots
from registry.sandbox.standby import Standbys
from registry.sandbox.wire import Body, Message
from registry.settings import Settings

if TYPE_CHECKING:
    from registry.formats.contract import Inputs

T = TypeVar("T")
GROUPS = ("inspect", "sklearn", "onnx", "torch")
_FAREWELL_S = 5.0  # its zygote is gone by then, so that it fails at once
_DATA_ONLY = ("inspect", "onnx")  # groups whose files cannot bring code of their own
_WEAK = (
    "this server's kernel gives no protection against code inside model files, so only ONNX "
    "models run here; its administrator can set VITRINE_ALLOW_WEAK_SANDBOX=1"
)
_NO_LANDLOCK = (
    "This kernel has no Landlock: workers open no file at all. A model that needs a library which "
    "is not imported ahead fails."
)
_RUNS_DATA = (
    "Weak sandbox: this kernel has no seccomp. Only ONNX models run; "
    "VITRINE_ALLOW_WEAK_SANDBOX=1 would run all, with nothing between their code and this server."
)
_RUNS_ALL = (
    "Weak sandbox, allowed by VITRINE_ALLOW_WEAK_SANDBOX: nothing stands between the code in model "
    "files and this server. Trust every file."
)


class _Turn(NamedTuple):
    """What a caller got: a loaded worker for itself, and the milliseconds until it had it."""

    slot: Slot
    worker: Worker
    queue_ms: float
    load_ms: float
    warm: bool


class Pool(OneShot):
    """At most `settings.workers` loaded models; the one used longest ago makes room."""

    def __init__(self, settings: Settings, nursery: Nursery | None = None) -> None:
        self._settings = settings
        self._slots = Slots(settings.workers)
        self.nursery = nursery or Nursery(GROUPS, settings.worker_threads)
        self.standbys = Standbys(self._standby)
        most_s = settings.worker_cpu_s / settings.worker_threads - settings.predict_timeout_s
        self._most_busy_s = max(most_s, settings.worker_cpu_s / 2)
        self._readers = threading.BoundedSemaphore(settings.workers)

    @property
    def layers(self) -> dict[str, int | bool]:
        """What the kernel gives: `landlock_abi` (0 = none) and `seccomp`."""
        return asdict(self.nursery.layers)

    @property
    def weak(self) -> bool:
        """Whether the fence does not hold here: formats that can carry code do not run."""
        return self.nursery.layers.weak

    @property
    def shortfall(self) -> str:
        """What this kernel lacks and what follows, for the administrator; "" when nothing."""
        layers = self.nursery.layers
        if not layers.weak:
            return "" if layers.landlock_abi else _NO_LANDLOCK
        return _RUNS_ALL if self._settings.allow_weak_sandbox else _RUNS_DATA

    def predict(self, spec: ModelSpec, inputs: Inputs) -> Answer:
        """Ask a version, loading it first when no worker has it.

        Raises:
            PredictionFailed: Loading or predicting failed; its subclasses say how.
            InvalidInput: The model refused the input.
            NotInstalled: A library the model needs is missing.
            Busy: All workers are in use, and stayed so.
            StoreError: The artifact's bytes are missing or differ.
        """
        question = questions.encoded(inputs)

        def put(turn: _Turn) -> Answer:
            reply, predict_ms = self._asked(turn, spec, *question)
            outputs = questions.decoded(turn.worker, reply)
            return Answer(outputs, turn.queue_ms, turn.load_ms, predict_ms, turn.warm)

        return self._using(spec, put)

    def stream(self, spec: ModelSpec, body: Body, most_rows: int, keep: str) -> Streamed:
        """Ask a version for the rows of an Arrow stream, which nobody but its worker reads.

        Args:
            keep: What the worker is to say of the rows: `nothing`, their `digest`, or `full`.

        Raises:
            PredictionFailed, InvalidInput, NotInstalled, Busy, StoreError: As for `predict`.
        """
        head = json.dumps({"task": "stream", "most_rows": most_rows}).encode()

        def put(turn: _Turn) -> Streamed:
            reply, predict_ms = self._asked(turn, spec, wire.TASK, head, [body])
            outputs = questions.decoded(turn.worker, reply)
            told = questions.of_stream(turn.worker, self._settings.predict_timeout_s, keep)
            answer = Answer(outputs, turn.queue_ms, turn.load_ms, predict_ms, turn.warm)
            return Streamed(answer, **told)

        return self._using(spec, put)

    def forward(self, spec: ModelSpec, question: Raw) -> tuple[Raw, float]:
        """Pass a question on as it is, and the answer back unread; the milliseconds it took.

        Raises:
            PredictionFailed, InvalidInput, NotInstalled, Busy, StoreError: As for `predict`.
        """

        def put(turn: _Turn) -> tuple[Raw, float]:
            kind, head, body = question.kind, question.head, question.body
            reply, predict_ms = self._asked(turn, spec, kind, head, [body])
            questions.decoded(turn.worker, reply)
            return Raw(reply.kind, reply.head, reply.body), predict_ms

        return self._using(spec, put)

    def warm(self, spec: ModelSpec) -> float:
        """Load a version ahead of the first question.

        Returns:
            Milliseconds loading took, now or when it was done.

        Raises:
            PredictionFailed, NotInstalled, Busy, StoreError: As for `predict`.
        """
        return self._using(spec, lambda turn: turn.slot.load_ms)

    def check(self, spec: ModelSpec) -> Checked:
        """Load a version, complete its schema from the model and try the schema's example.

        Raises:
            PredictionFailed, InvalidInput, NotInstalled, Busy, StoreError: As for `predict`.
        """

        def put(turn: _Turn) -> Checked:
            reply = questions.task(
                turn.worker, "check", self._settings.load_timeout_s, questions.told(spec)
            )
            checked = questions.record(Checked, turn.worker, turn.worker.data(reply))
            turn.slot.schema = checked.schema
            return replace(checked, load_ms=turn.slot.load_ms)

        return self._using(spec, put)

    @contextmanager
    def alone(self, spec: ModelSpec) -> Iterator[Alone]:
        """A version in a fresh worker beside those that people share; it ends with the block.

        Raises:
            PredictionFailed, NotInstalled, Busy, StoreError: As for `predict`.
        """
        worker = self._standby(self._group(spec))
        try:
            yield Alone(worker, spec, self._settings.load_timeout_s)
        finally:
            worker.end()

    @property
    def in_use(self) -> bool:
        """Whether a worker loads or answers for somebody right now."""
        return any(slot.users for slot in self._slots.all())

    def state(self, version_id: str) -> WarmState:
        """Whether a worker has the version loaded."""
        slot = self._slots.get(version_id)
        return "cold" if slot is None else slot.state

    def states(self) -> list[WorkerState]:
        """The live workers, the one used last at the end."""
        return [
            WorkerState(
                slot.version_id, slot.state, worker.pid, slot.n_predictions, worker.memory_bytes()
            )
            for slot in self._slots.all()
            if (worker := slot.worker) is not None and not worker.ended
        ]

    def drop(self, version_id: str) -> None:
        """Let go of a version's worker, as soon as nobody uses it."""
        self._slots.drop(version_id)

    def start(self, groups: Sequence[str] = GROUPS) -> threading.Thread:
        """Start zygotes ahead of the first request, in the background, one after another."""
        thread = threading.Thread(target=self._start, args=(groups,), name="zygotes", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """End all workers and zygotes; calls that are under way fail."""
        self.standbys.close()
        self._slots.close()
        self.nursery.close()
        self.standbys.wait(_FAREWELL_S)

    def _start(self, groups: Sequence[str]) -> None:
        for group in groups:
            try:
                self.nursery.litter(group)
            except Busy:
                continue  # the first request says so to whoever asks

    def _fork(self, group: str, cpu_s: int) -> Worker:
        """A fresh worker; a zygote that died meanwhile is started again, once."""
        if self.weak and group not in _DATA_ONLY and not self._settings.allow_weak_sandbox:
            raise PredictionFailed(_WEAK)
        limits = Limits(memory_bytes=self._settings.worker_memory_mb << 20, cpu_s=cpu_s)
        for _ in range(2):
            try:
                return Worker(self.nursery.litter(group), limits)
            except wire.Closed:
                continue
        raise Busy("no worker could be started; try again in a moment")

    def _standby(self, group: str) -> Worker:
        """A worker as good as one that has answered before, without a model."""
        worker = self._fork(group, self._settings.worker_cpu_s)
        try:
            questions.task(worker, "warm_up", self._settings.load_timeout_s, group=group)
        except BaseException:
            worker.end()
            raise
        return worker

    def _using(self, spec: ModelSpec, put: Callable[[_Turn], T]) -> T:
        """What `put` makes of a version's worker, loaded, which is its alone meanwhile."""
        started, warm = time.monotonic(), True
        patience_s = self._settings.predict_timeout_s
        slot = self._slots.take(spec.version_id, started + patience_s)
        try:
            if not slot.lock.acquire(timeout=patience_s + self._settings.load_timeout_s):
                raise Busy("this model is in great demand; try again in a moment")
            try:
                queue_ms = (time.monotonic() - started) * 1e3
                if slot.failure is not None:
                    raise slot.failure  # of the caller that tried a moment ago, while we waited
                warm = slot.worker is not None and slot.worker.alive
                worker = slot.worker if warm and slot.worker else self._load(slot, spec)
                return put(_Turn(slot, worker, queue_ms, 0.0 if warm else slot.load_ms, warm))
            finally:
                self._recycle(slot)
                slot.lock.release()
        finally:
            self._slots.give_back(slot)
            if not warm and self._settings.standby_workers:
                self.standbys.refill(formats.group(spec.format))

    def _load(self, slot: Slot, spec: ModelSpec) -> Worker:
        """Load the model into a fresh worker; those who wait for it share a failure."""
        slot.end()
        started = time.perf_counter()
        slot.loading = True
        try:
            slot.worker = self._loaded(spec)
        except RegistryError as failed:
            self._slots.fail(slot, failed)
            raise
        finally:
            slot.loading = False
        slot.schema = spec.schema
        slot.load_ms = (time.perf_counter() - started) * 1e3
        return slot.worker

    def _group(self, spec: ModelSpec) -> str:
        group = formats.group(spec.format)
        if group not in GROUPS:
            raise PredictionFailed(f"{spec.inspection.framework} models are stored, not run")
        return group

    def _loaded(self, spec: ModelSpec) -> Worker:
        group = self._group(spec)
        with descriptors.opened(spec) as fd:
            worker = self.standbys.take(group) or self._fork(group, self._settings.worker_cpu_s)
            try:
                timeout_s = self._settings.load_timeout_s
                questions.task(
                    worker, "load", timeout_s, questions.told(spec), fd, format=spec.format
                )
            except BaseException:
                worker.end()
                raise
        return worker

    def _asked(
        self, turn: _Turn, spec: ModelSpec, kind: int, head: bytes, parts: list[Body]
    ) -> tuple[Message, float]:
        """The worker's reply to a prediction, and the milliseconds it took."""
        if turn.slot.schema is not spec.schema:
            self._tell_schema(turn, spec)
        started = time.perf_counter()
        reply = turn.worker.ask(kind, head, parts, timeout_s=self._settings.predict_timeout_s)
        predict_ms = (time.perf_counter() - started) * 1e3
        turn.slot.n_predictions += 1
        return reply, predict_ms

    def _tell_schema(self, turn: _Turn, spec: ModelSpec) -> None:
        known = turn.slot.schema
        if spec.schema is None:
            return
        if spec.schema != known:
            schema = json.dumps(codec.dump(spec.schema)).encode()
            questions.task(turn.worker, "schema", self._settings.predict_timeout_s, schema)
        turn.slot.schema = spec.schema

    def _recycle(self, slot: Slot) -> None:
        """End a worker that has ended, or that could run out of CPU time in its next answer."""
        worker = slot.worker
        if worker is not None and (worker.ended or worker.busy_s > self._most_busy_s):
            slot.end()


def open_pool(settings: Settings) -> Pool:
    """The pool of this process; zygotes start when first needed, or by `start`.

    Raises:
        ValueError: The data folder lies where workers may read.
    """
    descriptors.refuse_readable(settings.home)
    return Pool(settings)

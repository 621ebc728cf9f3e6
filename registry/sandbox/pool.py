"""Loaded models, each in a locked worker of its own, shared by all visitors of this process."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from registry import codec, formats
from registry.errors import (
    BrokenArtifact,
    Busy,
    NotInstalled,
    PredictionFailed,
    PredictionTimeout,
    RegistryError,
    Rejected,
)
from registry.records import Checked, Inspection, Schema, WarmState, WorkerState
from registry.sandbox import arrays, descriptors, wire
from registry.sandbox.contract import Answer, ModelSpec
from registry.sandbox.limits import Layers, Limits
from registry.sandbox.nursery import Nursery, probe
from registry.sandbox.process import Worker
from registry.sandbox.wire import Body, Message, Odd
from registry.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from registry.formats.contract import Inputs

GROUPS = ("inspect", "sklearn", "onnx", "torch")
_DATA_ONLY = ("inspect", "onnx")  # groups whose files cannot bring code of their own
_WEAK = (
    "this server's kernel gives no protection against code inside model files, so only ONNX "
    "models run here; its administrator can set VITRINE_ALLOW_WEAK_SANDBOX=1"
)


@dataclass
class _Slot:
    """One version's place in the pool. `lock` is held while its worker loads or answers."""

    version_id: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    worker: Worker | None = None
    schema: Schema | None = None
    failure: RegistryError | None = None
    loading: bool = False
    dropped: bool = False
    users: int = 0
    n_predictions: int = 0
    load_ms: float = 0.0


@dataclass(frozen=True)
class _Turn:
    """What a caller got: the worker, and the milliseconds until it had it."""

    slot: _Slot
    worker: Worker
    queue_ms: float
    load_ms: float
    warm: bool


class Pool:
    """At most `settings.workers` loaded models; the one used longest ago makes room."""

    def __init__(self, settings: Settings, layers: Layers | None = None) -> None:
        self._settings = settings
        self._given_layers = layers
        self._probing = threading.Lock()
        self._turn = threading.Condition()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._tasks = threading.BoundedSemaphore(settings.workers)
        self._nurseries: dict[str, Nursery] = {}
        self._closed = False

    @property
    def layers(self) -> dict[str, int | bool]:
        """What the kernel gives: `landlock_abi` (0 = none) and `seccomp`."""
        return asdict(self._layers)

    @property
    def weak(self) -> bool:
        """Whether the fence does not hold here: formats that can carry code do not run."""
        return self._layers.weak

    def predict(self, spec: ModelSpec, inputs: Inputs) -> Answer:
        """Ask a version, loading it first when no worker has it.

        Raises:
            PredictionFailed: Loading or predicting failed; its subclasses say how.
            InvalidInput: The model refused the input.
            NotInstalled: A library the model needs is missing.
            Busy: All workers are in use, and stayed so.
            StoreError: The artifact's bytes are missing or differ.
        """
        kind, head, parts = questions.encoded(inputs)
        with self._using(spec) as turn:
            self._tell_schema(turn, spec)
            started = time.perf_counter()
            timeout_s = self._settings.predict_timeout_s
            reply = turn.worker.ask(kind, head, parts, timeout_s=timeout_s)
            predict_ms = (time.perf_counter() - started) * 1e3
            turn.slot.n_predictions += 1
            outputs = questions.decoded(turn.worker, reply)
        return Answer(outputs, turn.queue_ms, turn.load_ms, predict_ms, turn.warm)

    def warm(self, spec: ModelSpec) -> float:
        """Load a version ahead of the first question.

        Returns:
            Milliseconds loading took, now or when it was done.

        Raises:
            PredictionFailed, NotInstalled, Busy, StoreError: As for `predict`.
        """
        with self._using(spec) as turn:
            return turn.slot.load_ms

    def check(self, spec: ModelSpec) -> Checked:
        """Load a version, complete its schema from the model and try the schema's example.

        Raises:
            PredictionFailed, InvalidInput, NotInstalled, Busy, StoreError: As for `predict`.
        """
        with self._using(spec) as turn:
            reply = questions.task(turn.worker, "check", self._settings.load_timeout_s, questions.told(spec))
            checked = questions.record(Checked, turn.worker, turn.worker.data(reply))
            turn.slot.schema = checked.schema
            return replace(checked, load_ms=turn.slot.load_ms)

    def inspect(self, fd: int, filename: str) -> Inspection:
        """Read what a file says about itself, in a worker of its own; nothing is executed.

        Args:
            fd: Read-only descriptor, which stays the caller's.

        Raises:
            UnknownFormat: It is no model file that Vitrine knows.
            BrokenArtifact: It is damaged, or reading it crashed or took too long.
            Busy: Too many files are being read.
        """
        with self._once("inspect", fd, {"filename": filename}) as (worker, reply):
            return questions.record(Inspection, worker, worker.data(reply))

    def read_table(self, fd: int, filename: str) -> dict[str, Any]:
        """Propose columns from a sample table: see `formats.samples.read_table`.

        Raises:
            BrokenArtifact: It is no table.
            Busy: Too many files are being read.
        """
        with self._once("read_table", fd, {"filename": filename}) as (worker, reply):
            data = worker.data(reply)
            if not isinstance(data, dict):
                worker.refuse(Odd("a table that is no object"))
            return data

    def decode_image(self, fd: int, width: int, height: int, channels: int) -> np.ndarray:
        """Pixels of a picture, uint8 `(height, width, channels)`.

        Raises:
            BrokenArtifact: It is no picture that can be read.
            Busy: Too many files are being read.
        """
        size = {"width": width, "height": height, "channels": channels}
        with self._once("decode_image", fd, size) as (worker, reply):
            pixels = questions.decoded(worker, reply).get("pixels")
            if pixels is None or pixels.dtype != "uint8" or pixels.ndim != 3:
                worker.refuse(Odd("a picture that is none"))
            return pixels

    def state(self, version_id: str) -> WarmState:
        """Whether a worker has the version loaded."""
        with self._turn:
            slot = self._slots.get(version_id)
        return "cold" if slot is None else _state(slot)

    def states(self) -> list[WorkerState]:
        """The live workers, the one used last at the end."""
        with self._turn:
            slots = list(self._slots.values())
        return [
            WorkerState(
                slot.version_id,
                _state(slot),
                slot.worker.pid,
                slot.n_predictions,
                slot.worker.memory_bytes(),
            )
            for slot in slots
            if slot.worker is not None and not slot.worker.ended
        ]

    def drop(self, version_id: str) -> None:
        """Let go of a version's worker, as soon as nobody uses it."""
        with self._turn:
            slot = self._slots.pop(version_id, None)
            if slot is None:
                return
            slot.dropped = True
            unused = slot.users == 0
            self._turn.notify_all()
        if unused:
            _end(slot)

    def start(self, groups: Sequence[str] = GROUPS) -> threading.Thread:
        """Start zygotes ahead of the first request, in the background, one after another."""
        thread = threading.Thread(
            target=self._start, args=(tuple(groups),), name="zygotes", daemon=True
        )
        thread.start()
        return thread

    def close(self) -> None:
        """End all workers and zygotes; calls that are under way fail."""
        with self._turn:
            self._closed = True
            slots = [slot for slot in self._slots.values() if slot.users == 0]
            self._slots.clear()
            nurseries = list(self._nurseries.values())
            self._turn.notify_all()
        for slot in slots:
            _end(slot)
        for nursery in nurseries:
            nursery.close()

    @property
    def _layers(self) -> Layers:
        with self._probing:
            return self._found_layers

    @cached_property
    def _found_layers(self) -> Layers:
        return self._given_layers if self._given_layers is not None else probe()

    def _start(self, groups: tuple[str, ...]) -> None:
        for group in groups:
            try:
                self._nursery(group).litter()
            except Busy:
                continue  # the first request says so to whoever asks

    def _nursery(self, group: str) -> Nursery:
        layers = self._layers
        with self._turn:
            if self._closed:
                raise Busy("the server is stopping")
            if group not in self._nurseries:
                threads = self._settings.worker_threads
                self._nurseries[group] = Nursery(group, layers, threads)
            return self._nurseries[group]

    def _fork(self, group: str, cpu_s: int) -> Worker:
        """A fresh worker; a zygote that died meanwhile is started again, once."""
        if self._layers.weak and group not in _DATA_ONLY and not self._settings.allow_weak_sandbox:
            raise PredictionFailed(_WEAK)
        limits = Limits(memory_bytes=self._settings.worker_memory_mb << 20, cpu_s=cpu_s)
        nursery = self._nursery(group)
        try:
            return Worker(nursery.litter(), limits)
        except wire.Closed:
            pass
        try:
            return Worker(nursery.litter(), limits)
        except wire.Closed as gone:
            raise Busy("no worker could be started; try again in a moment") from gone

    @contextmanager
    def _once(self, task: str, fd: int, order: dict[str, Any]) -> Iterator[tuple[Worker, Message]]:
        """A worker for one file, and its reply; whatever it does wrong is the file's fault."""
        timeout_s = self._settings.inspect_timeout_s
        if not self._tasks.acquire(timeout=timeout_s):
            raise Busy("too many files are being read at once; try again in a moment")
        try:
            worker = self._fork("inspect", cpu_s=math.ceil(timeout_s) + 1)
            try:
                yield worker, questions.task(worker, task, timeout_s, b"", descriptors.checked(fd), **order)
            finally:
                worker.end()
        except (Rejected, Busy, NotInstalled):
            raise
        except PredictionTimeout as late:
            raise BrokenArtifact(f"reading the file took longer than {timeout_s:g} s") from late
        except RegistryError as failed:
            raise BrokenArtifact(f"the file could not be read: {failed.message}") from failed
        finally:
            self._tasks.release()

    @contextmanager
    def _using(self, spec: ModelSpec) -> Iterator[_Turn]:
        """The worker of a version, loaded, for this caller alone."""
        started = time.monotonic()
        patience_s = self._settings.load_timeout_s + self._settings.predict_timeout_s
        slot = self._take(spec.version_id, started + patience_s)
        try:
            if not slot.lock.acquire(timeout=max(started + patience_s - time.monotonic(), 0)):
                raise Busy("this model is in great demand; try again in a moment")
            try:
                queue_ms = (time.monotonic() - started) * 1e3
                if slot.failure is not None:
                    raise slot.failure  # of the caller that tried before us, a moment ago
                warm = slot.worker is not None and slot.worker.alive
                worker = slot.worker if warm and slot.worker else self._load(slot, spec)
                yield _Turn(slot, worker, queue_ms, 0.0 if warm else slot.load_ms, warm)
            finally:
                self._recycle(slot)
                slot.lock.release()
        finally:
            self._leave(slot)

    def _take(self, version_id: str, deadline: float) -> _Slot:
        """The slot of a version, made if need be in place of the one used longest ago."""
        victim = None
        with self._turn:
            while True:
                if self._closed:
                    raise Busy("the server is stopping")
                slot = self._slots.get(version_id)
                if slot is not None:
                    break
                if len(self._slots) >= self._settings.workers:
                    victim = next((s for s in self._slots.values() if not s.users), None)
                    if victim is None:
                        if not self._turn.wait(deadline - time.monotonic()):
                            raise Busy("all workers are in use; try again in a moment")
                        continue
                    del self._slots[victim.version_id]
                slot = self._slots[version_id] = _Slot(version_id)
                break
            slot.users += 1
            self._slots.move_to_end(version_id)
        if victim is not None:
            _end(victim)
        return slot

    def _leave(self, slot: _Slot) -> None:
        with self._turn:
            slot.users -= 1
            unused = slot.users == 0
            gone = slot.dropped or self._closed
            if unused and slot.worker is None and self._slots.get(slot.version_id) is slot:
                del self._slots[slot.version_id]
            self._turn.notify_all()
        if unused and gone:
            _end(slot)

    def _load(self, slot: _Slot, spec: ModelSpec) -> Worker:
        """Load the model into a fresh worker; those who wait for it share a failure."""
        _end(slot)
        started = time.perf_counter()
        slot.loading = True
        try:
            slot.worker = self._loaded_worker(spec)
        except RegistryError as failed:
            slot.failure = failed
            with self._turn:
                if self._slots.get(slot.version_id) is slot:
                    del self._slots[slot.version_id]
                self._turn.notify_all()
            raise
        finally:
            slot.loading = False
        slot.schema = spec.schema
        slot.load_ms = (time.perf_counter() - started) * 1e3
        return slot.worker

    def _loaded_worker(self, spec: ModelSpec) -> Worker:
        group = formats.group(spec.format)
        if group not in GROUPS:
            raise PredictionFailed(f"{spec.inspection.framework} models are stored, not run")
        with descriptors.opened(spec) as fd:
            worker = self._fork(group, self._settings.worker_cpu_s)
            try:
                timeout_s = self._settings.load_timeout_s
                questions.task(worker, "load", timeout_s, questions.told(spec), fd, format=spec.format)
            except BaseException:
                worker.end()
                raise
        return worker

    def _tell_schema(self, turn: _Turn, spec: ModelSpec) -> None:
        known = turn.slot.schema
        if spec.schema is None or spec.schema is known:
            return
        if spec.schema != known:
            schema = json.dumps(codec.dump(spec.schema)).encode()
            questions.task(turn.worker, "schema", self._settings.predict_timeout_s, schema)
        turn.slot.schema = spec.schema

    def _recycle(self, slot: _Slot) -> None:
        """End a worker that has ended, or that could run out of CPU time in its next answer."""
        worker, settings = slot.worker, self._settings
        if worker is None:
            return
        most_s = settings.worker_cpu_s / settings.worker_threads - settings.predict_timeout_s
        if worker.ended or worker.busy_s > max(most_s, settings.worker_cpu_s / 2):
            _end(slot)


def open_pool(settings: Settings) -> Pool:
    """The pool of this process; zygotes start when first needed, or by `start`.

    Raises:
        ValueError: The data folder lies where workers may read.
    """
    descriptors.refuse_readable(settings.home)
    return Pool(settings)

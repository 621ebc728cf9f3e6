"""Work on one file in a worker of its own, which ends after it; the half of the pool that reads."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from registry import scanners
from registry.errors import (
    BrokenArtifact,
    Busy,
    NotInstalled,
    PredictionFailed,
    PredictionTimeout,
    RegistryError,
    Rejected,
)
from registry.formats import convert, decoders
from registry.records import Inspection, Metric, Package, Report
from registry.sandbox import conversion, descriptors, judge, progress, questions, scorer, trainer
from registry.sandbox.contract import Made, ModelSpec
from registry.sandbox.process import Worker
from registry.sandbox.progress import Watch
from registry.sandbox.trainer import Trainer
from registry.sandbox.wire import Message, Odd
from registry.settings import Settings

if TYPE_CHECKING:
    import numpy as np

_JUDGE_CPU_S = 4 * 3600


def _report(worker: Worker, told: Any) -> Report:
    """A report of the size that scanners keep to."""
    report = questions.record(Report, worker, told)
    most = scanners.MAX_FINDINGS + len(scanners.SCANNERS)
    if len(report.findings) > most or len(report.names) > scanners.MAX_NAMES:
        worker.refuse(Odd("a report without end"))
    return report


class OneShot(ABC):
    """Inspects, scans, converts and unpacks; `Pool` says how a worker comes about."""

    _settings: Settings
    _readers: threading.BoundedSemaphore

    @abstractmethod
    def _fork(self, group: str, cpu_s: int) -> Worker:
        """A fresh worker, without a model."""

    def inspect(
        self, fd: int, filename: str, watch: Watch | None = None
    ) -> tuple[Inspection, Report]:
        """Read what a file says about itself and scan it, in a worker of its own.

        Nothing in the file is executed.

        Args:
            fd: Read-only descriptor, which stays the caller's.
            watch: Told how far it is, about four times a second.

        Raises:
            UnknownFormat: It is no model file that Vitrine knows.
            BrokenArtifact: It is damaged, or reading it crashed or took too long.
            Busy: Too many files are being read.
        """
        with self._once("inspect", fd, {"filename": filename}, watch=watch) as (worker, reply):
            told = worker.data(reply)
            if not isinstance(told, dict):
                worker.refuse(Odd("no inspection"))
            inspection = questions.record(Inspection, worker, told.get("inspection"))
            return inspection, _report(worker, told.get("report"))

    def scan(self, fd: int, format: str) -> Report:
        """Scan a file again whose format is known, in a worker of its own.

        Raises:
            BrokenArtifact: The scan crashed or took too long: no verdict, and surely no pass.
            Busy: Too many files are being read.
        """
        with self._once("scan", fd, {"format": format}) as (worker, reply):
            return _report(worker, worker.data(reply))

    @contextmanager
    def convert(self, spec: ModelSpec, target: str, most_bytes: int) -> Iterator[Made]:
        """A version in another format, made by a worker of its own that has ended by then.

        The bytes are as hostile as an upload.

        Raises:
            PredictionFailed: It cannot be loaded or converted; its subclasses say how.
            InvalidInput: The model cannot be of that format.
            NotInstalled, Busy, StoreError: As for `predict`.
        """
        worker = self._fork(convert.group(spec.format, target), self._settings.worker_cpu_s)
        try:
            with conversion.made(worker, spec, target, most_bytes, self._settings) as found:
                yield found
        finally:
            worker.end()

    def list_package(self, fd: int) -> Package | None:
        """What a zip package holds; None when the file is none. Every member is read.

        Raises:
            BrokenArtifact: Reading it crashed or took too long.
            Busy: Too many files are being read.
        """
        with self._once("list_package", fd, {}) as (worker, reply):
            told = worker.data(reply)
            return None if told is None else questions.record(Package, worker, told)

    @contextmanager
    def unpack(self, fd: int, name: str, size_bytes: int) -> Iterator[Made]:
        """One member of a package, inflated by a worker of its own that has ended by then.

        Raises:
            BrokenArtifact: It is not there, damaged, or of another size.
            Busy: Too many files are being read, or no worker could be started.
        """
        timeout_s = self._settings.inspect_timeout_s
        with self._turn_to_read():
            worker = self._fork("inspect", cpu_s=math.ceil(timeout_s) + 1)
            try:
                fd = descriptors.checked(fd)
                reply = questions.task(worker, "unpack", timeout_s, b"", fd, name=name)
                with conversion.handed_over(worker, reply, size_bytes, timeout_s) as made:
                    yield made
            except PredictionFailed as failed:
                raise BrokenArtifact(f"the package could not be read: {failed.message}") from failed
            finally:
                worker.end()

    def compare_weights(self, fd: int, converted: int) -> tuple[int, int]:
        """How many tensors a torch file has, and how many differ in a safetensors file.

        Raises:
            BrokenArtifact: One of the files cannot be read.
            Busy: Too many files are being read.
        """
        with self._once("compare_weights", fd, {}, converted) as (worker, reply):
            told = worker.data(reply)
            if not isinstance(told, list) or [type(n) for n in told] != [int, int]:
                worker.refuse(Odd("a comparison that is none"))
            return told[0], told[1]

    def read_table(self, fd: int, filename: str, n_rows: int = 0) -> dict[str, Any]:
        """Propose columns from a sample table: see `formats.samples.read_table`.

        Raises:
            BrokenArtifact: It is no table.
            Busy: Too many files are being read.
        """
        order = {"filename": filename, "n_rows": n_rows}
        with self._once("read_table", fd, order) as (worker, reply):
            return questions.mapping(worker, reply)

    def read_rows(self, fd: int, most_rows: int) -> dict[str, Any]:
        """What a table of labelled rows holds: see `formats.rows.describe`.

        Raises:
            BrokenArtifact: It is no table.
            TooLarge: It has too many rows.
            Busy: Too many files are being read.
        """
        with self._once("read_rows", fd, {"most": most_rows}) as (worker, reply):
            return questions.mapping(worker, reply)

    def head_rows(self, fd: int) -> dict[str, Any]:
        """Which columns a table has, by its first rows: see `formats.rows.head`.

        Raises:
            BrokenArtifact: It is no table, or has no rows.
            Busy: Too many files are being read.
        """
        with self._once("head_rows", fd, {}) as (worker, reply):
            return questions.mapping(worker, reply)

    @contextmanager
    def scorer(self, fd: int, task: scorer.Task) -> Iterator[scorer.Scorer]:
        """A worker that reads rows to score and writes what a version answers beside them.

        Args:
            fd: Read-only descriptor of the rows, which stays the caller's.

        Raises:
            BrokenArtifact: The rows cannot be read.
            Busy: No worker could be started.
        """
        worker = self._fork("inspect", _JUDGE_CPU_S)
        try:
            dialog = scorer.Scorer(worker, self._settings)
            dialog.open(descriptors.checked(fd), task)
            yield dialog
        finally:
            worker.end()

    @contextmanager
    def judge(self, fd: int, case: judge.Case) -> Iterator[judge.Judge]:
        """A worker that reads labelled rows and judges answers to them.

        Args:
            fd: Read-only descriptor of the rows, which stays the caller's.

        Raises:
            BrokenArtifact: The rows cannot be read.
            InvalidInput: No row can be judged.
            Busy: No worker could be started.
        """
        with judge.told_of_rows():
            worker = self._fork("sklearn", _JUDGE_CPU_S)
            try:
                dialog = judge.Judge(worker, self._settings)
                dialog.open(descriptors.checked(fd), case)
                yield dialog
            finally:
                worker.end()

    def look_at_rows(self, fd: int, most_rows: int) -> dict[str, Any]:
        """What the columns of a table are to a model: see `fitting.guesses.look`.

        Raises:
            BrokenArtifact: It is no table.
            TooLarge: It has too many rows.
            Busy: Too many files are being read.
        """
        order = {"step": "look", "most_rows": most_rows}
        with self._once("train", fd, order) as (worker, reply):
            return questions.mapping(worker, reply)

    @contextmanager
    def trainer(self, fd: int, asked: trainer.Asked, pulse: trainer.Pulse) -> Iterator[Trainer]:
        """A worker that reads a table and trains on it.

        Args:
            fd: Read-only descriptor of the rows, which stays the caller's.
            pulse: Called twice a second while it works; what it raises ends the worker.

        Raises:
            BrokenArtifact: The rows cannot be read.
            TooLarge: There are too many of them.
            InvalidInput: There is nothing to learn from them.
            Busy: No worker could be started.
        """
        worker = self._fork("sklearn", self._settings.worker_cpu_s + math.ceil(asked.timeout_s))
        try:
            dialog = Trainer(worker, pulse)
            dialog.open(descriptors.checked(fd), asked)
            yield dialog
        finally:
            worker.end()

    def changed_rows(self, fd: int, answers: int, order: dict[str, Any]) -> bytes:
        """Rows that one version had right and another has wrong: see `formats.changes.changed`.

        Raises:
            BrokenArtifact: The rows cannot be read.
            Busy: Too many files are being read.
        """
        with judge.told_of_rows(), self._turn_to_read():
            worker = self._fork("inspect", self._settings.worker_cpu_s)
            try:
                fds = [descriptors.checked(each) for each in (fd, answers)]
                return b"".join(judge.changed(worker, fds, order, self._settings))
            finally:
                worker.end()

    def read_metrics(self, fd: int) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
        """Metrics in a JSON or YAML file, and what was left out: see `formats.measures.read`.

        Raises:
            BrokenArtifact: None could be read.
            Busy: Too many files are being read.
        """
        with self._once("read_metrics", fd, {}) as (worker, reply):
            told = worker.data(reply)
            if not isinstance(told, dict) or not isinstance(told.get("metrics"), list):
                worker.refuse(Odd("no metrics"))
            rows = [questions.record(Metric, worker, row) for row in told["metrics"][:200]]
            words = [str(word)[:100] for word in told.get("left out") or ()]
            return tuple(replace(row, source="file") for row in rows), tuple(words)

    def decode(self, fd: int, kind: str, **order: Any) -> dict[str, np.ndarray]:
        """What somebody fills a tensor with, as arrays: see `formats.decoders`.

        Args:
            kind: "picture", "sound" or "numbers".
            order: As the decoder of that kind takes it.

        Raises:
            BrokenArtifact: It is nothing of that kind that can be read.
            Busy: Too many files are being read.
        """
        with self._once("decode", fd, {"kind": kind, **order}) as (worker, reply):
            found = questions.decoded(worker, reply)
            for name, (kinds, n_axes) in decoders.REPLIES[kind].items():
                array = found.get(name)
                if array is None or array.dtype.kind not in kinds or n_axes not in (-1, array.ndim):
                    worker.refuse(Odd(f"a {kind} that is none"))
            return found

    @contextmanager
    def _turn_to_read(self) -> Iterator[None]:
        """One of the few who read at once, each with a worker and its memory."""
        if not self._readers.acquire(timeout=self._settings.inspect_timeout_s):
            raise Busy("too many files are being read at once; try again in a moment")
        try:
            yield
        finally:
            self._readers.release()

    @contextmanager
    def _once(
        self, task: str, fd: int, order: dict[str, Any], *others: int, watch: Watch | None = None
    ) -> Iterator[tuple[Worker, Message]]:
        """A worker for one file, and its reply; whatever it does wrong is the file's fault."""
        timeout_s = self._settings.inspect_timeout_s
        try:
            with self._turn_to_read():
                worker = self._fork("inspect", cpu_s=math.ceil(timeout_s) + 1)
                try:
                    fds = [descriptors.checked(given) for given in (fd, *others)]
                    ask = partial(questions.task, worker, task, timeout_s, b"", *fds, **order)
                    reply = progress.watched(worker, fd, watch, ask) if watch else ask()
                    yield worker, reply
                finally:
                    worker.end()
        except (Rejected, Busy, NotInstalled):
            raise
        except PredictionTimeout as late:
            raise BrokenArtifact(f"reading the file took longer than {timeout_s:g} s") from late
        except RegistryError as failed:
            raise BrokenArtifact(f"the file could not be read: {failed.message}") from failed

"""The child: locks itself in, then loads one model and answers, or does one task on one file.

Runs in a process forked from a zygote. Knows no database, no web and no settings.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import mmap
import os
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from registry import codec, formats, inputs, kept, scanners
from registry.errors import (
    InvalidInput,
    NotInstalled,
    PredictionFailed,
    RegistryError,
    UnsafeArtifact,
)
from registry.formats import convert
from registry.records import Checked, Finding, Inspection, Schema
from registry.sandbox import arrays, dialogs, progress, wire
from registry.sandbox.limits import Layers, Limits, lock_down
from registry.sandbox.wire import DONE, FAILED, PREDICT_ARRAYS, TASK, Body, Channel, Closed
from registry.sandbox.work import Reply, Work, announced, answered, taken_file
from registry.scanners import packages

if TYPE_CHECKING:
    from registry.formats.contract import Inputs

_MAX_MESSAGE, _MAX_WARNINGS, _FRAMES = 2000, 20, 6
_TRACED = "failed in the TorchScript interpreter"  # then a traceback, and what is wrong at its end


class _Errors(io.TextIOBase):
    """stderr that never blocks and never fails: what does not fit the pipe is lost."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "replace"))
        return len(text)


def run(
    channel_fd: int,
    errors_fd: int,
    limits: Limits,
    layers: Layers,
    *,
    uid: int | None,
    parent: int,
    threads: int,
) -> NoReturn:
    """Lock this process in and serve until the other side hangs up; never returns."""
    status = 70
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for target, source in enumerate((nothing, nothing, errors_fd)):
            os.dup2(source, target)
        sys.stderr = _Errors()
        channel = Channel(socket.socket(fileno=channel_fd))  # asks what the filter will not answer
        lock_down(limits, layers, {channel_fd}, uid=uid, parent=parent)
        status = 71
        faulthandler.enable(file=2)
        serve(Work(channel, threads))
        status = 0
    except Closed as closed:
        status = 0
        sys.stderr.write(f"{closed}\n")
    except BaseException:  # noqa: BLE001  the last words, then the end
        _tell()
    finally:
        os._exit(status)


def serve(work: Work) -> None:
    """Answer one message after another.

    Raises:
        Closed: The other side is gone.
    """
    while True:
        message = work.channel.receive(mapped=mmap.ACCESS_COPY)
        try:
            if message.kind == TASK:
                order = json.loads(message.head)
                head, parts = _TASKS[order.pop("task")](work, message, **order)
            else:
                head, parts = _predict(work, message.kind, message.head, message.body)
            kind = DONE
        except Closed:
            raise
        except BaseException as failed:  # noqa: BLE001  models raise anything, SystemExit too
            _tell()
            kind, (head, parts) = FAILED, _described(failed)
        wire.answer(work.channel, kind, head, parts)


def _predict(work: Work, kind: int, head: bytes, body: Body) -> Reply:
    given: Inputs = arrays.unpack(head, body) if kind == PREDICT_ARRAYS else _table(body)
    return arrays.pack(_ask(work, given))


def _ask(work: Work, given: Inputs) -> dict[str, Any]:
    if work.fmt is None or work.schema is None:
        raise InvalidInput({"schema": "nothing says what this model takes"})
    return work.fmt.predict(work.model, given, work.schema)


def _stream(work: Work, message: wire.Message, *, most_rows: int) -> Reply:
    """Answer the rows of an Arrow stream; `told` says what they were."""
    from registry.formats import streams

    if work.schema is None:
        raise InvalidInput({"schema": "nothing says what this model takes"})
    work.prepared = streams.prepare(work.schema, message.body, most_rows)
    return arrays.pack(_ask(work, work.prepared.inputs))


def _told(work: Work, _: wire.Message, *, keep: str) -> Reply:
    """Of the rows answered last: how many, what is worth knowing, and what is kept of them."""
    prepared, work.prepared = work.prepared, None
    if prepared is None or work.schema is None:
        raise RuntimeError("nothing was answered")
    said: dict[str, Any] = {"n_rows": prepared.n_rows, "findings": codec.dump(prepared.findings)}
    if keep in ("digest", "full"):
        said["digest"] = inputs.digest(prepared)
    if keep == "full":
        said["inputs"] = kept.inputs_of(work.schema, prepared)
    return answered(said)


def _table(body: Body) -> Any:
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
        return reader.read_all()


def _load(work: Work, message: wire.Message, *, format: str) -> Reply:
    """Load the model whose descriptor came along."""
    told = json.loads(bytes(message.body))
    inspection = codec.load(Inspection, told["inspection"])
    work.schema = codec.load(Schema, told["schema"]) if told["schema"] else None
    work.fmt = formats.get(format)
    with taken_file(message) as file, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trusted = frozenset(told["trusted"])
        work.model = work.fmt.load_model(file, work.threads, trusted)
    listed = [warning for warning in caught if not issubclass(warning.category, _NOISE)]
    work.said = list(dict.fromkeys(_short(str(w.message)) for w in listed))[:_MAX_WARNINGS]
    if work.schema is None:
        work.schema = work.fmt.complete(work.model, inspection, None)
    return b"", []


_NOISE = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning, ImportWarning)


def _warm_up(work: Work, _: wire.Message, *, group: str) -> Reply:
    """Get ready for a model that is not known yet."""
    from registry.formats import warmup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warmup.warm_up(group, work.threads)
    return b"", []


def _take_schema(work: Work, message: wire.Message) -> Reply:
    """Somebody corrected the schema since the model was loaded."""
    work.schema = codec.load(Schema, json.loads(bytes(message.body)))
    return b"", []


def _check(work: Work, message: wire.Message) -> Reply:
    """Complete the schema from the loaded model and try its example."""
    if work.fmt is None:
        raise RuntimeError("nothing is loaded")
    told = json.loads(bytes(message.body))
    given = codec.load(Schema, told["schema"]) if told["schema"] else None
    completed = work.fmt.complete(work.model, codec.load(Inspection, told["inspection"]), given)
    work.schema, predict_ms = completed, None
    if completed and completed.example:
        prepared = inputs.prepare(completed, completed.example)
        started = time.perf_counter()
        arrays.pack(_ask(work, prepared.inputs))
        predict_ms = (time.perf_counter() - started) * 1e3
    why = "The library that loaded it warned; answers may differ from those in training"
    findings = tuple(Finding("warn", "load-warning", text, why) for text in work.said)
    return answered(codec.dump(Checked(completed, findings, predict_ms=predict_ms)))


def _inspect(_: Work, message: wire.Message, *, filename: str) -> Reply:
    page = message.fds.pop() if len(message.fds) > 1 else None
    with taken_file(message) as file:
        inspection = formats.inspect(file, filename)
        tell = scanners.quiet if page is None else progress.Board(page).write
        report = scanners.scan(file, inspection.format, tell)
    return answered({"inspection": codec.dump(inspection), "report": codec.dump(report)})


def _scan(_: Work, message: wire.Message, *, format: str) -> Reply:
    with taken_file(message) as file:
        return answered(codec.dump(scanners.scan(file, format)))


def _decode(_: Work, message: wire.Message, *, kind: str, **order: Any) -> Reply:
    from registry.formats import decoders

    with taken_file(message) as file:
        return arrays.pack(decoders.decode(kind, file, **order))


def _convert(work: Work, message: wire.Message, *, format: str, target: str, most: int) -> Reply:
    """Make the loaded model, or the file that came along, into another format; say its size."""
    if work.fmt is None:
        work.made = convert.weights(taken_file(message), most)
    else:
        try:
            work.made = convert.loaded(work.model, format, target, work.schema, most)
        except (RegistryError, MemoryError):
            raise
        except Exception as wrong:  # noqa: BLE001  converters raise anything
            _tell()
            said = _short(f"{type(wrong).__name__}: {wrong}")
            raise PredictionFailed(f"it cannot be converted to {target}. {said}") from None
    return announced(work.made)


def _list_package(_: Work, message: wire.Message) -> Reply:
    with taken_file(message) as file:
        found = packages.opened(file)
    return answered(None if found is None else codec.dump(found))


def _unpack(work: Work, message: wire.Message, *, name: str) -> Reply:
    """Find a member of a package; it is inflated while it is handed over."""
    work.made = convert.Made(*packages.unpacked(taken_file(message), name))
    return announced(work.made)


def _hand_over(work: Work, message: wire.Message) -> Reply:
    """Write what was made into the memory file that came along, which has just that size."""
    if work.made is None:
        raise RuntimeError("nothing is made")
    fd = message.fds.pop()
    try:
        with mmap.mmap(fd, work.made.size_bytes, access=mmap.ACCESS_WRITE) as shared:
            for piece in convert.written(work.made):
                shared.write(piece)
    finally:
        os.close(fd)
    return b"", []


def _compare_weights(_: Work, message: wire.Message) -> Reply:
    """How many tensors of the first file differ in the second."""
    from registry.formats import convert_weights

    with taken_file(message) as converted, taken_file(message) as original:
        return answered(convert_weights.differences(original, converted))


_TASKS: dict[str, Callable[..., Reply]] = {
    "warm_up": _warm_up,
    "load": _load,
    "schema": _take_schema,
    "stream": _stream,
    "told": _told,
    "check": _check,
    "inspect": _inspect,
    "scan": _scan,
    "convert": _convert,
    "hand_over": _hand_over,
    "list_package": _list_package,
    "unpack": _unpack,
    "compare_weights": _compare_weights,
    "decode": _decode,
    **dialogs.TASKS,
}


def _described(failed: BaseException) -> Reply:
    """An error as the parent may rebuild it: a name, a sentence, and data of known kinds."""
    text = str(failed)
    if not _is_ours(failed):
        text = text.strip().rpartition("\n")[2] if _TRACED in text else text
        text = f"{type(failed).__name__}: {text}"
    name = "MemoryError" if isinstance(failed, MemoryError) else type(failed).__name__
    told: dict[str, Any] = {"error": name, "message": _short(text)}
    if isinstance(failed, InvalidInput):
        told["problems"] = {_short(k): _short(v) for k, v in list(failed.problems.items())[:50]}
    if isinstance(failed, NotInstalled):
        told["package"] = failed.package
    if isinstance(failed, UnsafeArtifact):
        told["names"] = [named.name for named in failed.report.names]
    return answered(told)


def _is_ours(failed: BaseException) -> bool:
    return type(failed).__module__ == "registry.errors"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def _tell() -> None:
    """Write the traceback to the log, without the folders of this machine."""
    text = traceback.format_exc(limit=-_FRAMES)
    for folder in (path for path in sys.path if len(path) > 1):
        text = text.replace(f"{folder}/", "")
    sys.stderr.write(text)

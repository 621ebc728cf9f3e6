"""What is asked of a worker, as bytes, and what its answers mean once they are checked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from registry import codec
from registry.records import Finding
from registry.sandbox import arrays, wire
from registry.sandbox.contract import ModelSpec
from registry.sandbox.process import Worker
from registry.sandbox.wire import Body, Message, Odd

if TYPE_CHECKING:
    import numpy as np

    from registry.formats.contract import Inputs

T = TypeVar("T")
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?")


def task(
    worker: Worker, task: str, timeout_s: float, body: Body = b"", *fds: int, **order: Any
) -> Message:
    """Have a worker do one of its tasks.

    Args:
        body: Plain data as JSON, where the task takes any.
        fds: Read-only descriptors it gets copies of.

    Raises:
        RegistryError: As `Worker.ask`.
    """
    head = json.dumps({"task": task, **order}).encode()
    return worker.ask(wire.TASK, head, [body], fds=fds, timeout_s=timeout_s)


def told(spec: ModelSpec) -> bytes:
    """What is known of a version, for the tasks `load` and `check`."""
    schema = codec.dump(spec.schema) if spec.schema else None
    inspection = codec.dump(spec.inspection)
    told = {"schema": schema, "inspection": inspection, "trusted": spec.trusted}
    return json.dumps(told).encode()


def encoded(inputs: Inputs) -> tuple[int, bytes, list[Body]]:
    """Kind, head and body of a prediction: arrays as they are, tables as an Arrow stream."""
    if isinstance(inputs, dict):
        head, parts = arrays.pack(inputs)
        return wire.PREDICT_ARRAYS, head, parts
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, inputs.schema) as writer:
        writer.write_table(inputs)
    return wire.PREDICT_TABLE, b"", [memoryview(sink.getvalue())]


def decoded(worker: Worker, reply: Message) -> dict[str, np.ndarray]:
    """The arrays of a reply.

    Raises:
        WorkerCrashed: They are not described or made as they may be.
    """
    try:
        return arrays.tame(arrays.unpack(reply.head, reply.body))
    except Odd as odd:
        worker.refuse(odd)


def of_stream(worker: Worker, timeout_s: float, keep: str) -> dict[str, Any]:
    """What a worker says of the rows it answered last, as the arguments of `Streamed`.

    Raises:
        WorkerCrashed: It is not what may be said.
    """
    told = mapping(worker, task(worker, "told", timeout_s, keep=keep))
    digest, given = told.get("digest") or "", told.get("inputs")
    if not _DIGEST.fullmatch(str(digest)) or not isinstance(given, (dict, type(None))):
        worker.refuse(Odd("a digest or inputs that are none"))
    return {
        "n_rows": count(worker, told, "n_rows"),
        "findings": record(tuple[Finding, ...], worker, told.get("findings", [])),
        "digest": digest,
        "inputs": given,
    }


def mapping(worker: Worker, reply: Message) -> dict[str, Any]:
    """A reply's plain data that is to be an object.

    Raises:
        WorkerCrashed: It is none.
    """
    told = worker.data(reply)
    if not isinstance(told, dict):
        worker.refuse(Odd("a reply that is no object"))
    return told


def count(worker: Worker, told: dict[str, Any], name: str) -> int:
    """How many there are of something.

    Raises:
        WorkerCrashed: The number is no count.
    """
    found = told.get(name)
    if type(found) is not int or not 0 <= found < 1 << 40:
        worker.refuse(Odd(f"a {name} that is no count"))
    return found


def share(worker: Worker, told: dict[str, Any]) -> float:
    """How much of a file has been read, from 0 to 1.

    Raises:
        WorkerCrashed: It is no share.
    """
    found = told.get("share")
    if not isinstance(found, float) or not 0 <= found <= 1:
        worker.refuse(Odd("a share that is none"))
    return found


def record(cls: type[T], worker: Worker, data: Any) -> T:
    """A record from a reply's plain data.

    Raises:
        WorkerCrashed: The data does not fit.
    """
    try:
        return codec.load(cls, data)
    except ValidationError as odd:
        worker.refuse(odd)

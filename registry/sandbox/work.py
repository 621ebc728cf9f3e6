"""What a worker holds, and how its tasks take files and answer."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from registry import codec
from registry.formats import convert
from registry.inputs import Prepared
from registry.records import Schema
from registry.sandbox import wire
from registry.sandbox.wire import Body, Channel

if TYPE_CHECKING:
    from registry.formats.contract import Format

Reply = tuple[bytes, list[Body]]


@dataclass
class Work:
    """What this worker holds: a channel and, once loaded, a model."""

    channel: Channel
    threads: int
    fmt: Format | None = None
    model: Any = None
    schema: Schema | None = None
    said: list[str] = field(default_factory=list)
    made: convert.Made | None = None
    desk: Any = None
    blob: bytes = b""
    load_ms: float = 0.0
    prepared: Prepared | None = None


def taken_file(message: wire.Message) -> BinaryIO:
    """The file whose descriptor came along, at its start; the next call takes the next one."""
    file = os.fdopen(message.fds.pop(), "rb")
    file.seek(0)
    return file


def answered(value: Any) -> Reply:
    """An answer of one JSON value."""
    return b"", [json.dumps(value).encode()]


def announced(made: convert.Made) -> Reply:
    """How large what was made is, so that the other side can make room for it."""
    return answered({"size_bytes": made.size_bytes, "findings": codec.dump(made.findings)})

"""Files out of a multipart body, as it arrives, in flat memory."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from typing import Protocol

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from registry.errors import InvalidInput

_BOUNDARY = b"vitrine-pointer"
_MOST_PARTS = 100


class Sink(Protocol):
    """What the bytes of the file go into."""

    def write(self, block: bytes) -> object: ...


class Parts:
    """A multipart body fed in blocks; what is done with its parts is up to the kinds of it."""

    def __init__(self, boundary: bytes) -> None:
        self.finished = False
        self.headers: list[tuple[bytes, bytes]] = []
        self._name = self._value = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_name,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._open,
                "on_part_data": lambda data, start, end: self.take(data[start:end]),
                "on_end": self._end,
            },
            max_header_count=8,
            max_header_size=4096,
        )

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            InvalidInput: They are no multipart body of this kind.
        """
        try:
            self._parser.write(block)
        except MultipartParseError as wrong:
            raise InvalidInput({"file": "the upload was damaged on its way; try again"}) from wrong

    def begin(self) -> None:
        """A part begins."""

    def open(self, name: str, filename: str) -> None:
        """The headers of a part are read; both are "" where they do not say."""
        raise InvalidInput({name or "file": "is not expected here"})

    def take(self, block: bytes) -> None:
        """Take bytes of the part that was opened."""

    def _begin(self) -> None:
        self.headers = []
        self.begin()

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self.headers.append((self._name, self._value))
        self._name = self._value = b""

    def _open(self) -> None:
        self.open(self._said("name"), self._said("filename"))

    def _end(self) -> None:
        self.finished = True

    def _said(self, parameter: str) -> str:
        """As the browser gave it: UTF-8, with a quote spelled %22.

        Source: HTML Living Standard, "multipart/form-data encoding algorithm".
        """
        for name, value in self.headers:
            if name.lower() == b"content-disposition":
                part = Message()
                part["content-disposition"] = value.decode("utf-8", "replace")
                found = part.get_param(parameter, "", "content-disposition")
                if isinstance(found, str) and found:
                    return found.replace("%22", '"')
        return ""


class OnePart(Parts):
    """A body of exactly one file part; `open_sink` is called with its file name.

    The part's headers are kept as they came, so that `wrap` can pass them on unchanged.
    """

    def __init__(self, boundary: bytes, open_sink: Callable[[str], Sink]) -> None:
        super().__init__(boundary)
        self.open_sink = open_sink
        self.sink: Sink | None = None

    def begin(self) -> None:
        if self.sink is not None:
            raise InvalidInput({"file": "one file at a time, please"})

    def open(self, name: str, filename: str) -> None:
        if not filename:
            raise InvalidInput({"file": "the upload has no file name"})
        self.sink = self.open_sink(filename)

    def take(self, block: bytes) -> None:
        assert self.sink is not None
        self.sink.write(block)

    def wrap(self, content: bytes) -> tuple[bytes, bytes]:
        """A content type and a body with this content under the headers of the part."""
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in self.headers)
        dashes = b"--" + _BOUNDARY
        body = dashes + b"\r\n" + lines + b"\r\n" + content + b"\r\n" + dashes + b"--\r\n"
        return b"multipart/form-data; boundary=" + _BOUNDARY, body


class Form(Parts):
    """A body of files and fields with names of their own.

    `open_file` gets name and file name. Fields are kept in memory, `most_bytes` in all.
    There are at most `_MOST_PARTS` of both.
    """

    def __init__(
        self, boundary: bytes, open_file: Callable[[str, str], Sink], most_bytes: int
    ) -> None:
        super().__init__(boundary)
        self.open_file = open_file
        self.fields: dict[str, bytearray] = {}
        self._room, self._names = most_bytes, set[str]()
        self._sink: Sink | None = None
        self._field: bytearray | None = None

    def open(self, name: str, filename: str) -> None:
        if not name or name in self._names:
            raise InvalidInput({name or "file": "each part has a name of its own"})
        if len(self._names) >= _MOST_PARTS:  # empty ones take memory and time, too
            raise InvalidInput({"file": f"a form has at most {_MOST_PARTS} parts"})
        self._names.add(name)
        self._sink = self.open_file(name, filename) if filename else None
        if self._sink is None:
            self._field = self.fields[name] = bytearray()

    def take(self, block: bytes) -> None:
        if self._sink is not None:
            self._sink.write(block)
            return
        assert self._field is not None
        self._room -= len(block)
        if self._room < 0:
            raise InvalidInput({"details": "are longer than is read"})
        self._field += block


def boundary_of(content_type: str) -> bytes:
    """The boundary a request announces.

    Raises:
        InvalidInput: It is no multipart request.
    """
    part = Message()
    part["content-type"] = content_type
    boundary = part.get_param("boundary", "", "content-type")
    if part.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise InvalidInput({"file": "an upload is sent as multipart/form-data"})
    if not 1 <= len(boundary) <= 200:
        raise InvalidInput({"file": "an upload names its boundary"})
    return boundary.encode("latin-1", "replace")

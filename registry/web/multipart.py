"""One file out of a multipart body, as it arrives, in flat memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import Protocol

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from registry.errors import InvalidInput

_BOUNDARY = b"vitrine-pointer"


class Sink(Protocol):
    """What the bytes of the file go into."""

    def write(self, block: bytes) -> object: ...


@dataclass
class OnePart:
    """A body of exactly one file part, fed in blocks; `open_sink` is called with its file name.

    The part's headers are kept as they came, so that `wrap` can pass them on unchanged.
    """

    boundary: bytes
    open_sink: Callable[[str], Sink]
    sink: Sink | None = None
    finished: bool = False
    _headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    _name: bytes = b""
    _value: bytes = b""

    def __post_init__(self) -> None:
        self._parser = MultipartParser(
            self.boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_name,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._open,
                "on_part_data": self._write,
                "on_end": self._end,
            },
            max_header_count=8,
            max_header_size=4096,
        )

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            InvalidInput: They are no multipart body of one file.
        """
        try:
            self._parser.write(block)
        except MultipartParseError as wrong:
            raise InvalidInput({"file": "the upload was damaged on its way; try again"}) from wrong

    def wrap(self, content: bytes) -> tuple[bytes, bytes]:
        """A content type and a body with this content under the headers of the part."""
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in self._headers)
        dashes = b"--" + _BOUNDARY
        body = dashes + b"\r\n" + lines + b"\r\n" + content + b"\r\n" + dashes + b"--\r\n"
        return b"multipart/form-data; boundary=" + _BOUNDARY, body

    def _begin(self) -> None:
        if self.sink is not None:
            raise InvalidInput({"file": "one file at a time, please"})

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers.append((self._name, self._value))
        self._name = self._value = b""

    def _open(self) -> None:
        self.sink = self.open_sink(self._filename())

    def _write(self, data: bytes, start: int, end: int) -> None:
        assert self.sink is not None
        self.sink.write(data[start:end])

    def _end(self) -> None:
        self.finished = True

    def _filename(self) -> str:
        """As the browser gave it: UTF-8, with a quote spelled %22.

        Source: HTML Living Standard, "multipart/form-data encoding algorithm".
        """
        for name, value in self._headers:
            if name.lower() == b"content-disposition":
                part = Message()
                part["content-disposition"] = value.decode("utf-8", "replace")
                found = part.get_param("filename", "", "content-disposition")
                if isinstance(found, str) and found:
                    return found.replace("%22", '"')
        raise InvalidInput({"file": "the upload has no file name"})


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

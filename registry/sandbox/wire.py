"""Messages between the web process, zygotes and workers, over a Unix socketpair.

A message is a fixed prefix, a head (JSON) and a body (raw bytes). Bodies of `INLINE` bytes and
more travel in memory files that the parent makes, sizes and seals, so that a worker can neither
grow nor shrink what the parent maps. Turns are strict: one message, one answer. Nothing here is
ever unpickled.

Source: performance.md §3 (128 kB is where a memory file overtakes the socket).
"""

from __future__ import annotations

import array
import fcntl
import mmap
import os
import select
import socket
import struct
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from registry.sandbox import syscalls

INLINE = 128 << 10
MAX_HEAD = 64 << 10
MAX_BODY = 1 << 30
MAX_REPLY = 64 << 20
_SEALS = (
    getattr(fcntl, "F_SEAL_SHRINK", 0)
    | getattr(fcntl, "F_SEAL_GROW", 0)
    | (getattr(fcntl, "F_SEAL_SEAL", 0))
)
_PREFIX = struct.Struct("<BBIQ")  # kind, placed, bytes of head, bytes of body
_HERE, _IN_FILE = 0, 1
_SPACE = socket.CMSG_SPACE(4 * 4)  # four descriptors

TASK, PREDICT_ARRAYS, PREDICT_TABLE, GRANTED = 1, 2, 3, 4  # from the parent
DONE, FAILED, WANTED = 16, 17, 18  # from the child; WANTED asks for a memory file of that size

Body = bytes | bytearray | memoryview | mmap.mmap


class Closed(Exception):
    """The other side is gone."""


class Odd(Exception):
    """The other side broke the protocol."""


class TooLate(Exception):
    """The deadline passed."""


@dataclass(slots=True)
class Message:
    """One message received. `body` is our own copy, or our map of a memory file."""

    kind: int
    head: bytes
    body: Body = b""
    fds: list[int] = field(default_factory=list)


class Channel:
    """One end of a socketpair. `deadline` is on the monotonic clock; None waits for ever."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray(_PREFIX.size + MAX_HEAD + INLINE)
        self._view = memoryview(self._buffer)
        self._timeout = 0.0
        self._ready = select.poll()
        self._ready.register(sock, select.POLLIN)

    def close(self) -> None:
        self.sock.close()

    def send(
        self,
        kind: int,
        head: bytes = b"",
        parts: Sequence[Body] = (),
        *,
        fds: Sequence[int] = (),
        deadline: float | None = None,
    ) -> None:
        """Send a message whose body fits the socket.

        Raises:
            Closed, TooLate: As named.
        """
        prefix = _PREFIX.pack(kind, _HERE, len(head), sum(map(len, parts)))
        self._push(b"".join((prefix, head, *parts)), fds, deadline)

    def send_file(
        self,
        kind: int,
        head: bytes,
        file: int,
        n_body: int,
        *,
        fds: Sequence[int] = (),
        deadline: float | None = None,
    ) -> None:
        """Send a message whose body lies in a memory file; its descriptor goes last.

        Raises:
            Closed, TooLate: As named.
        """
        prefix = _PREFIX.pack(kind, _IN_FILE, len(head), n_body)
        self._push(prefix + head, (*fds, file), deadline)

    def receive(self, deadline: float | None = None, *, mapped: int | None = None) -> Message:
        """Wait for one message.

        Args:
            mapped: How the child maps a body that comes in a memory file, `mmap.ACCESS_COPY` or
                `mmap.ACCESS_WRITE`. The parent says None: it takes no descriptors at all.

        Raises:
            Closed, TooLate, Odd: As named.
        """
        fds: list[int] | None = None if mapped is None else []
        got = 0
        while got < _PREFIX.size:
            got += self._pull(got, deadline, fds)
        kind, placed, n_head, n_body = _PREFIX.unpack_from(self._buffer)
        if placed > _IN_FILE or n_head > MAX_HEAD or n_body > MAX_BODY:
            raise Odd("a size out of bounds")
        if placed == _HERE and n_body >= INLINE:
            raise Odd("a body too big for the socket")
        end = _PREFIX.size + n_head
        need = end + n_body if placed == _HERE else end
        while got < need:
            got += self._pull(got, deadline, fds)
        if got != need:
            raise Odd("more than was asked for")
        body: Body = b""
        if placed == _HERE:
            body = bytearray(self._view[end:got])
        elif fds is not None and mapped is not None:
            body = _map(fds.pop(), n_body, mapped)
        return Message(kind, bytes(self._view[_PREFIX.size : end]), body, fds or [])

    def idle(self) -> bool:
        """Whether nothing waits to be read: neither an unasked message nor the end."""
        return not self._ready.poll(0)

    def _push(self, data: bytes, fds: Sequence[int], deadline: float | None) -> None:
        try:
            while data:
                if deadline is not None:
                    self._limit(deadline)
                if fds:
                    sent = socket.send_fds(self.sock, [data], list(fds))
                    fds = ()
                else:  # write, not send: the filter round a worker knows no other
                    sent = os.write(self.sock.fileno(), data)
                if sent == len(data):
                    return
                data = data[sent:]
        except BlockingIOError as late:
            raise TooLate from late
        except OSError as gone:
            raise Closed(str(gone)) from gone

    def _pull(self, start: int, deadline: float | None, fds: list[int] | None) -> int:
        """Wait for bytes to put behind `start`; how many came, with the descriptors if wanted."""
        room = self._view[start:] if start else self._view
        try:
            if deadline is not None:
                self._limit(deadline)
            n = self.sock.recv_into(room) if fds is None else self._take(room, fds)
        except BlockingIOError as late:
            raise TooLate from late
        except OSError as gone:
            raise Closed(str(gone)) from gone
        if not n:
            raise Closed
        return n

    def _take(self, room: memoryview, fds: list[int]) -> int:
        n, ancillary, _, _ = self.sock.recvmsg_into([room], _SPACE)
        for _, _, data in ancillary:
            received = array.array("i")
            received.frombytes(data[: len(data) - len(data) % 4])
            fds.extend(received)
        return n

    def _limit(self, deadline: float) -> None:
        """Have the kernel wait no longer than the deadline, give or take a tenth.

        One setting serves many messages: a call costs no more than the system calls it is for.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            raise TooLate
        if not 0.9 * left <= self._timeout <= 1.1 * left:
            self._timeout = left
            whole = int(left)
            kernel = struct.pack("@ll", whole, int((left - whole) * 1e6) or 1)
            for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                self.sock.setsockopt(socket.SOL_SOCKET, option, kernel)


@contextmanager
def memory_file(n_bytes: int) -> Iterator[tuple[int, mmap.mmap]]:
    """A memory file of exactly that size, sealed against any other, and our map of it."""
    if syscalls.LINUX:
        fd = os.memfd_create("vitrine", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    try:
        os.ftruncate(fd, n_bytes)
        if syscalls.LINUX:
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        with mmap.mmap(fd, n_bytes) as shared:
            yield fd, shared
    finally:
        os.close(fd)


def _map(fd: int, n_bytes: int, access: int) -> mmap.mmap:
    try:
        return mmap.mmap(fd, n_bytes, access=access)
    finally:
        os.close(fd)


def ask(
    channel: Channel,
    kind: int,
    head: bytes,
    parts: Sequence[Body] = (),
    *,
    fds: Sequence[int] = (),
    deadline: float,
) -> Message:
    """The parent's turn: send, hand out the memory file a big reply wants, return the reply.

    Raises:
        Closed, TooLate, Odd: As named.
    """
    n_body = sum(map(len, parts))
    if n_body < INLINE:
        channel.send(kind, head, parts, fds=fds, deadline=deadline)
    else:
        with memory_file(n_body) as (file, shared):
            for part in parts:
                shared.write(part)
            channel.send_file(kind, head, file, n_body, fds=fds, deadline=deadline)
    return _reply(channel, deadline)


def _reply(channel: Channel, deadline: float) -> Message:
    message = channel.receive(deadline)
    if message.kind == WANTED:
        n_body = int.from_bytes(message.head, "little")
        if not INLINE <= n_body <= MAX_REPLY:
            raise Odd("a reply of a size out of bounds")
        with memory_file(n_body) as (file, shared):
            channel.send_file(GRANTED, b"", file, n_body, deadline=deadline)
            message = channel.receive(deadline)
            message.body = bytearray(shared)  # copied out first, looked at after
    if message.kind not in (DONE, FAILED):
        raise Odd("an answer to another question")
    return message


def answer(channel: Channel, kind: int, head: bytes, parts: Sequence[Body] = ()) -> None:
    """The child's turn: reply, through a memory file of the parent's when it is big.

    Raises:
        Closed: The parent is gone.
    """
    n_body = sum(map(len, parts))
    if n_body < INLINE:
        channel.send(kind, head, parts)
        return
    if n_body > MAX_REPLY:
        raise ValueError(f"an answer of {n_body >> 20} MiB; the most is {MAX_REPLY >> 20}")
    channel.send(WANTED, n_body.to_bytes(8, "little"))
    shared = channel.receive(mapped=mmap.ACCESS_WRITE).body
    if not isinstance(shared, mmap.mmap):
        raise Closed("no memory file was given")
    with shared:
        for part in parts:
            shared.write(part)
    channel.send(kind, head)

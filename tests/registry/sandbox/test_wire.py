"""The framing between the processes, and arrays that come back from where nothing is believed."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.sandbox import arrays, wire
from registry.sandbox.wire import Channel, Closed, Odd, TooLate

DTYPES = st.sampled_from(["?", "<i1", "<i8", "<u4", "<f2", "<f4", "<f8", "<c16", "<U3", "|S5"])
ARRAYS = st.tuples(DTYPES, st.lists(st.integers(0, 5), max_size=3), st.integers(0, 99))


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    parent, child = Channel(ours), Channel(theirs)
    yield parent, child
    parent.close()
    child.close()


def soon(seconds=2.0):
    return time.monotonic() + seconds


def echo(child):
    """A worker that answers with what it is asked."""
    message = child.receive(mapped=1)
    wire.answer(child, wire.DONE, message.head, [message.body])


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4))
def test_arrays_come_back_as_they_went(described):
    made = {
        name: np.random.default_rng(seed).integers(0, 9, shape).astype(dtype)
        for name, (dtype, shape, seed) in described.items()
    }
    head, parts = arrays.pack(made)
    back = arrays.tame(arrays.unpack(head, bytearray(b"".join(parts))))
    assert list(back) == list(made)
    for name, array in made.items():
        np.testing.assert_array_equal(back[name], array)
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)


@pytest.mark.parametrize("size", [0, 1, wire.INLINE - 1, wire.INLINE, 3_000_000])
def test_a_question_and_its_answer_may_be_of_any_size(ends, size):
    parent, child = ends
    threading.Thread(target=echo, args=(child,)).start()
    body = np.random.default_rng(0).bytes(size)
    reply = wire.ask(parent, wire.TASK, b"head", [body], deadline=soon())
    assert (reply.kind, reply.head, bytes(reply.body)) == (wire.DONE, b"head", body)


def test_a_memory_file_keeps_its_size(ends):
    with wire.memory_file(1 << 20) as (fd, _):
        for attempt in (lambda: __import__("os").ftruncate(fd, 1),) * 2:
            with pytest.raises(PermissionError):
                attempt()


def test_silence_ends_at_the_deadline(ends):
    parent, _ = ends
    started = time.monotonic()
    with pytest.raises(TooLate):
        wire.ask(parent, wire.TASK, b"", deadline=soon(0.1))
    assert 0.1 <= time.monotonic() - started < 1


def test_one_byte_at_a_time_ends_at_the_deadline_too(ends):
    parent, child = ends

    def drip():
        child.receive(mapped=1)
        for _ in range(30):
            try:
                child.sock.send(b"\x10")
            except OSError:
                return
            time.sleep(0.05)

    thread = threading.Thread(target=drip)
    thread.start()
    with pytest.raises((TooLate, Odd)):
        wire.ask(parent, wire.TASK, b"", deadline=soon(0.3))
    parent.sock.close()
    thread.join()


def test_hanging_up_is_noticed(ends):
    parent, child = ends
    assert parent.idle()
    child.close()
    assert not parent.idle()
    with pytest.raises(Closed):
        wire.ask(parent, wire.TASK, b"", deadline=soon())


@pytest.mark.parametrize(
    "reply",
    [
        wire._PREFIX.pack(wire.DONE, 0, wire.MAX_HEAD + 1, 0),
        wire._PREFIX.pack(wire.DONE, 0, 0, wire.INLINE),
        wire._PREFIX.pack(wire.DONE, 2, 0, 0),
        wire._PREFIX.pack(wire.DONE, 0, 0, 0) + b"more",
        wire._PREFIX.pack(wire.TASK, 0, 0, 0),
        wire._PREFIX.pack(wire.WANTED, 0, 8, 0) + (1 << 60).to_bytes(8, "little"),
        wire._PREFIX.pack(wire.WANTED, 0, 8, 0) + (1).to_bytes(8, "little"),
    ],
)
def test_an_answer_that_breaks_the_rules_is_odd(ends, reply):
    parent, child = ends
    child.sock.send(reply)
    with pytest.raises(Odd):
        wire.ask(parent, wire.TASK, b"", deadline=soon())


@pytest.mark.parametrize(
    "listed",
    [
        {},
        [[]],
        [["v", "|O8", [1]]],
        [["v", "<M8", [1]]],
        [["v", "V8", [1]]],
        [["v", "<f8,<f8", [1]]],
        [["v", "<f3", [1]]],
        [["v", ">f8", [1]]],
        [["v", "<f8", [-1]]],
        [["v", "<f8", [True]]],
        [["v", "<f8", [1.0]]],
        [["v", "<f8", ["1"]]],
        [["v", "<f8", [1 << 60]]],
        [["v", "<f8", [0, 1 << 60]]],
        [["v", "<U0", [1 << 40]]],
        [["v", "<f8", [1] * 40]],
        [["v", "<f8", [2]]],
        [[1, "<f8", [1]]],
        [["v", "<f8", [1]], ["v", "<f8", [1]]],
        [["v", "<f8", [0]]] * 1000,
    ],
)
def test_a_description_that_is_not_ours_is_odd(listed):
    with pytest.raises(Odd):
        arrays.unpack(json.dumps(listed).encode(), bytearray(8))


@pytest.mark.parametrize("shape", [[10**9, 0], [0, 10**9], [2000, 0, 20_000], [0] + [1 << 20] * 2])
def test_an_empty_axis_does_not_hide_a_huge_shape(shape):
    with pytest.raises(Odd):
        arrays.unpack(json.dumps([["v", "|b1", shape]]).encode(), b"")


@pytest.mark.parametrize("head", [b"", b"\xff", b"[" * 60_000, b"nonsense"])
def test_a_description_that_is_no_json_is_odd(head):
    with pytest.raises(Odd):
        arrays.unpack(head, b"")


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.binary(max_size=64))
def test_no_bytes_are_worse_than_odd(head, body):
    with contextlib.suppress(Odd):
        arrays.unpack(head, bytearray(body))


def test_truth_values_are_true_or_false():
    head, _ = arrays.pack({"v": np.array([True, False])})
    back = arrays.tame(arrays.unpack(head, bytearray(b"\x07\x00")))["v"]
    assert back.tolist() == [True, False]
    assert back.view(np.uint8).tolist() == [1, 0]


def test_objects_are_not_packed():
    with pytest.raises(TypeError, match="not numbers or text"):
        arrays.pack({"v": np.array([object()])})

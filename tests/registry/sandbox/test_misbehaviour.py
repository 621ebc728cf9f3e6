"""Models that hang, crash, swallow memory or lie: the server and other workers go on."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from registry.errors import BrokenArtifact, PredictionFailed, PredictionTimeout, WorkerCrashed

pytestmark = pytest.mark.sandbox
FINE = "return rows[:, 0] * 2"
WANTED = (
    "def wanted(n):\n"
    "    return b'\\x12\\x00' + (8).to_bytes(4, 'little') + bytes(8) + n.to_bytes(8, 'little')\n"
)
DEAF = (
    "import signal, threading\n"
    "if rows[0, 0]:\n"
    "    for number in set(signal.valid_signals()) - {9, 19}:\n"
    "        signal.signal(number, signal.SIG_IGN)\n"
    "    threading.Thread(target=lambda: time.sleep(99)).start()\n"
    "    while True:\n"
    "        pass\n"
    "return rows[:, 0]"
)
CHANNEL = (
    "def channel():\n"
    "    for fd in range(3, 64):\n"
    "        try:\n"
    "            os.fstat(fd)\n"
    "            return fd\n"
    "        except OSError:\n"
    "            pass\n"
)


def test_a_model_that_hangs_is_stopped_while_others_answer(script, ask, brisk):
    slow = script(DEAF)
    fine = script(FINE)
    assert ask(slow).outputs["value"].tolist() == [0.0]
    (pid,) = [worker.pid for worker in brisk.states()]
    assert ask(fine, 3).outputs["value"].tolist() == [6.0]
    failures = []

    def hang():
        with pytest.raises(PredictionTimeout) as late:
            ask(slow, 1)
        failures.append(late.value)

    thread = threading.Thread(target=hang)
    thread.start()
    time.sleep(0.1)
    started = time.monotonic()
    assert [ask(fine, n).outputs["value"][0] for n in range(5)] == [0, 2, 4, 6, 8]
    assert time.monotonic() - started < 1.5
    thread.join()
    assert failures[0].timeout_s == 2
    assert not Path(f"/proc/{pid}").exists()
    assert brisk.state(slow.version_id) == "cold"
    assert not ask(slow).warm


@pytest.mark.parametrize(
    ("body", "signal"),
    [
        ("os.abort()", 6),
        ("os._exit(0)", None),
        ("import ctypes; ctypes.string_at(1)", 11),
        ("__import__('threading').Timer(0, os._exit, (3,)).start(); time.sleep(9)", None),
    ],
    ids=["aborts", "exits", "reads where nothing is", "exits from a thread"],
)  # fmt: skip
def test_a_worker_that_ends_is_a_crash_and_the_next_one_is_fresh(script, ask, body, signal):
    version = script(f"if rows[0, 0]:\n    {body}\n{FINE}")
    with pytest.raises(WorkerCrashed) as crashed:
        ask(version, 1)
    assert crashed.value.signal == signal
    answer = ask(version)
    assert not answer.warm
    assert answer.outputs["value"].tolist() == [0.0]


def test_a_crash_leaves_the_last_words(script, ask):
    version = script("sys.stderr.write('so long \\x1b[31m')\nimport ctypes\nctypes.string_at(1)")
    with pytest.raises(WorkerCrashed) as crashed:
        ask(version)
    assert "so long" in crashed.value.log
    assert "Segmentation fault" in crashed.value.log
    assert "\x1b" not in crashed.value.log


def test_a_model_that_raises_says_why_and_stays_loaded(script, ask):
    version = script("raise ValueError('three columns, please')")
    ask_again = []
    for _ in range(2):
        with pytest.raises(PredictionFailed, match="three columns, please") as failed:
            ask(version)
        ask_again.append(failed.value)
    assert not isinstance(ask_again[0], WorkerCrashed)
    assert "ValueError" in ask_again[1].log
    assert "/site-packages" not in ask_again[1].log


def test_a_model_that_writes_without_end_does_not_block(script, ask):
    version = script(f"for _ in range(3000): print('x' * 100, file=sys.stderr)\n{FINE}")
    assert ask(version, 1).outputs["value"].tolist() == [2.0]
    assert ask(version, 2).outputs["value"].tolist() == [4.0]


@pytest.mark.parametrize(
    "body", ["bytearray(1 << 40)", "held = []\n    while True: held.append(np.zeros(1 << 23))"]
)
def test_a_memory_bomb_ends_at_the_limit(script, ask, body):
    version = script(f"if rows[0, 0]:\n    {body}\n{FINE}")
    with pytest.raises(PredictionFailed, match=r"memory than a worker may take \(512 MiB\)"):
        ask(version, 1)
    assert ask(version).outputs["value"].tolist() == [0.0]


@pytest.mark.parametrize(
    "lie",
    [
        "b'nonsense' * 100",
        "b'\\x10\\x00' + (1 << 20).to_bytes(4, 'little') + bytes(8)",
        "wanted(1 << 50)",
        "wanted((1 << 26) + 1)",
        "wanted(1 << 20) * 2",
        "b'\\x12\\x00' + (3).to_bytes(4, 'little') + bytes(8) + b'abc'",
        "b'\\x11\\x00' + bytes(4) + bytes(8)",
        "b'\\x10\\x01' + bytes(4) + (1 << 60).to_bytes(8, 'little')",
        "bytes(1 << 25)",
        "b'\\x10\\x00' + (19).to_bytes(4, 'little') + bytes(8) + b'[[\"v\",\"|O8\",[1]   ]]'",
    ],
    ids=[
        *("nonsense", "a huge head", "a huge body", "a body just too big", "two big bodies"),
        *("no size", "an error that is none", "a memory file of its own", "a flood", "objects"),
    ],
)
def test_a_reply_that_is_not_ours_ends_the_worker(script, ask, lie):
    version = script(f"if rows[0, 0]:\n    os.write(channel(), {lie})\n{FINE}", CHANNEL + WANTED)
    with pytest.raises(WorkerCrashed):
        ask(version, 1)
    assert ask(version).outputs["value"].tolist() == [0.0]


def test_a_message_nobody_asked_for_ends_the_worker(script, ask):
    version = script(
        "import threading\n"
        "if rows[0, 0]:\n"
        "    threading.Timer(0.1, lambda: os.write(channel(), b'psst')).start()\n" + FINE,
        CHANNEL,
    )
    assert ask(version, 1).outputs["value"].tolist() == [2.0]
    time.sleep(0.3)
    answer = ask(version)
    assert not answer.warm
    assert answer.outputs["value"].tolist() == [0.0]


def test_an_answer_given_twice_is_never_taken_for_the_next(script, ask):
    forged = "b'\\x10\\x00' + (21).to_bytes(4, 'little') + (8).to_bytes(8, 'little')"
    head = """b'[["value","<f8",[1]]]' + np.array([99.0]).tobytes()"""
    version = script(
        f"if rows[0, 0]:\n    os.write(channel(), {forged} + {head})\n    time.sleep(0.2)\n{FINE}",
        CHANNEL,
    )
    with contextlib.suppress(WorkerCrashed):
        assert ask(version, 1).outputs["value"].tolist() == [99.0]  # it may lie about itself
    time.sleep(0.4)
    answer = ask(version)
    assert not answer.warm
    assert answer.outputs["value"].tolist() == [0.0]


def test_a_model_that_never_stops_talking_does_not_hold_us_up(script, ask):
    """Four threads fill stderr while we read it."""
    version = script(
        "import threading\n"
        "def talk():\n"
        "    while True:\n"
        "        try:\n"
        "            os.write(2, bytes(1 << 16))\n"
        "        except OSError:\n"
        "            pass\n"
        "for _ in range(4):\n"
        "    threading.Thread(target=talk, daemon=True).start()\n"
        "raise ValueError('and so on')"
    )
    started = time.monotonic()
    with pytest.raises(PredictionFailed, match="and so on"):
        ask(version)
    assert time.monotonic() - started < 2


def test_text_from_a_model_can_always_be_read(script, ask):
    version = script(
        "codes = np.array([65, 0xD800, 0x7FFFFFFF, 0x10FFFF], dtype=np.uint32)\n"
        "return codes.view('<U4')"
    )
    assert ask(version).outputs["value"].tolist() == ["A\ufffd\ufffd\U0010ffff"]


def test_a_file_that_is_no_picture_is_broken(brisk, tmp_path):
    path = tmp_path / "deep.json"
    path.write_bytes(b"[" * 100_000)
    with path.open("rb") as file, pytest.raises(BrokenArtifact, match="picture"):
        brisk.decode(file.fileno(), "picture", width=8, height=8, channels=3)


def test_a_worker_may_not_answer_with_objects(script, ask):
    version = script("return np.array([{1: 2}], dtype=object)")
    value = ask(version).outputs["value"]
    assert value.dtype.kind == "U"
    assert isinstance(value, np.ndarray)

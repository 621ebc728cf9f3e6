"""The process that asks addresses is fenced in like a worker, save that it may ask them."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from registry.sandbox import limits, nursery

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[3]
LOCKED = """
import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from registry.fetch_child import Order
from registry.sandbox import fetcher, limits

told = json.loads(sys.argv[2])
open_before = os.open("/etc/passwd", os.O_RDONLY)
fetcher.warm()
fetcher.fence(limits.Layers(**told["layers"]), Order("", allow=(f"127.0.0.1:{told['port']}",)))

def says(attempt):
    try:
        return attempt() or "done"
    except BaseException as failed:
        return type(failed).__name__

def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as made:
        return made.recv(2).decode()

print(json.dumps({
    "allowed": says(lambda: connect(told["port"])),
    "other port": says(lambda: connect(told["other"])),
    "listening": says(lambda: socket.socket().bind(("127.0.0.1", 0))),
    "socket of this machine": says(lambda: socket.socket(socket.AF_UNIX)),
    "packets": says(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "passwords": says(lambda: open("/etc/passwd").close()),
    "names": says(lambda: open("/etc/hosts").close()),
    "own memory": says(lambda: open("/proc/self/mem").close()),
    "code": says(lambda: open(fetcher.__file__).close()),
    "writing": says(lambda: open("/tmp/from-the-fetcher", "w").close()),
    "program": says(lambda: os.execv("/bin/true", ["true"])),
    "fork": says(os.fork),
    "open before": says(lambda: os.read(open_before, 1)),
    "user": os.geteuid(),
    "environment": sorted(os.environ),
}))
"""


@pytest.fixture(scope="module")
def inside() -> dict[str, object]:
    """What a fenced process says of its attempts."""
    layers = nursery.probe()
    if not (layers.landlock_abi >= 4 and layers.seccomp):
        pytest.skip(f"this kernel gives no full fence: {layers}")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as other:
        ports = {"port": one.getsockname()[1], "other": other.getsockname()[1]}
        answering = threading.Thread(target=_greet, args=(one,), daemon=True)
        answering.start()
        told = json.dumps({"layers": vars(layers), **ports})
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", LOCKED, str(ROOT), told],
            capture_output=True, env={}, cwd="/", timeout=30, check=True,
        )  # fmt: skip
        answering.join(5)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _greet(server: socket.socket) -> None:
    server.settimeout(5)
    with contextlib.suppress(OSError), server.accept()[0] as asked:
        asked.sendall(b"hi")


def test_it_connects_to_the_ports_of_its_order_alone(inside):
    assert (inside["allowed"], inside["other port"]) == ("hi", "PermissionError")


@pytest.mark.parametrize(
    "attempt",
    ["listening", "socket of this machine", "packets", "passwords", "own memory", "code",
     "writing", "program", "fork"],
)  # fmt: skip
def test_it_may_do_nothing_else(inside, attempt):
    assert inside[attempt] == "PermissionError"


def test_it_reads_what_resolving_a_name_needs(inside):
    assert inside["names"] == "done"


def test_it_inherits_nothing(inside):
    assert inside["open before"] == "OSError"
    assert set(inside["environment"]) <= {"LC_CTYPE"}
    assert inside["user"] != 0 or limits.shared_identity()

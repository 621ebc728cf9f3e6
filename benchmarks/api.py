"""G11 over HTTP: a file through the API of the real server, against `sha256sum` of the same file.

python -m benchmarks.api [MB]      # 500 by default
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import Server, machine, server, verdict
from registry import tokens
from registry.web.api.resuming import KIND

ROUNDS = 3
_BLOCK = 1 << 20
_HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="details"\r\n\r\n{"name": "Big %d"}\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.safetensors"\r\n\r\n'
)
_TAIL = b"\r\n--b--\r\n"


def main() -> None:
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(machine())
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder, server() as ours:
        file = _made(Path(folder) / "big.safetensors", size_mb)
        may = ["upload", "search", "download"]
        secret = tokens.create(ours.reg, ours.actor, "bench", may)[1]
        alone: list[float] = []
        parts: list[float] = []
        whole: list[float] = []
        back: list[float] = []
        with _growth(ours) as grown:
            for n in range(ROUNDS):
                alone.append(_timed(lambda: subprocess.run(["sha256sum", file], check=True,
                                                           stdout=subprocess.DEVNULL)))  # fmt: skip
                parts.append(_timed(lambda: _in_parts(ours, secret, file)))
                whole.append(_timed(lambda n=n: _at_once(ours, secret, file, n)))  # type: ignore[misc]
                back.append(_timed(lambda: _fetched(ours, secret)))
    speeds = {"sha256sum": alone, "received in parts and staged": parts,
              "published in one request": whole, "downloaded": back}  # fmt: skip
    print(", ".join(f"{what} {size_mb / min(took):.0f} MB/s" for what, took in speeds.items()))
    for what, took in list(speeds.items())[1:]:
        print(f"{what}: {min(alone) / min(took):.2f} x sha256sum")
    print(verdict("G11 extra memory of the server", grown[0], 32, "MB"))
    print(machine())


def _made(path: Path, size_mb: int) -> Path:
    """A safetensors file of one tensor."""
    size = size_mb * _BLOCK
    told = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    header = json.dumps(told).encode()
    noise = os.urandom(_BLOCK - 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for n in range(size_mb):
            file.write(n.to_bytes(8, "big") + noise)
    return path


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _blocks(file: Path, head: bytes = b"", tail: bytes = b"") -> Iterator[bytes]:
    if head:
        yield head
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            yield block
    if tail:
        yield tail


def _ask(
    ours: Server, secret: str, method: str, path: str, body: Iterator[bytes] | None, **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=600)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent["Authorization"] = f"Bearer {secret}"
    connection.request(method, f"/api/v1{path}", body, sent)
    answer = connection.getresponse()
    if answer.status >= 300:
        raise RuntimeError(answer.read().decode())
    return answer


def _in_parts(ours: Server, secret: str, file: Path) -> None:
    size = str(file.stat().st_size)
    answer = _ask(ours, secret, "POST", "/uploads", None, Upload_Length=size)
    path = f"/uploads/{json.load(answer)['id']}"
    offset = {"Upload_Offset": "0", "Content_Type": KIND, "Content_Length": size}
    _ask(ours, secret, "PATCH", path, _blocks(file), **offset).read()
    _ask(ours, secret, "DELETE", path, None).read()


def _at_once(ours: Server, secret: str, file: Path, n: int) -> None:
    head = _HEAD % n
    length = str(len(head) + file.stat().st_size + len(_TAIL))
    kind = {"Content_Type": "multipart/form-data; boundary=b", "Content_Length": length}
    _ask(ours, secret, "POST", "/models", _blocks(file, head, _TAIL), **kind).read()


def _fetched(ours: Server, secret: str) -> None:
    answer = _ask(ours, secret, "GET", "/models/tester/big-0/versions/1/files/model", None)
    while answer.read(_BLOCK):
        pass


@contextmanager
def _growth(ours: Server) -> Iterator[list[float]]:
    """Fills the list with how much more memory the server takes, in MB."""
    over, start, most = threading.Event(), ours.rss_mb(), [0.0]

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], ours.rss_mb() - start)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    main()

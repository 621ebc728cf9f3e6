"""A receiver of webhooks on this machine: keeps what it was sent, answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`got` holds headers (lower case) and bytes of what came; it answers unless `silent`."""

    url: str = ""
    status: int = 204
    answer: bytes = b""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    silent: bool = False

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]

    @property
    def allow(self) -> str:
        """For VITRINE_FETCH_ALLOW."""
        return self.url.removeprefix("http://").rstrip("/")


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """What a receiver does, written from the specification alone."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return f"v1,{mac}" in headers["webhook-signature"].split()


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One that listens for as long as the block lasts."""
    here = Receiver()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            here.came.set()
            while here.silent:
                time.sleep(0.05)
            self.send_response(here.status)
            self.send_header("Content-Length", str(len(here.answer)))
            self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()
            self.wfile.write(here.answer)

        def handle(self) -> None:
            with suppress(OSError):  # who was killed does not listen
                super().handle()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    here.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()

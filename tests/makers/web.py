"""Servers that answer well and badly, plainly and by TLS, and authorities that sign for them."""

from __future__ import annotations

import contextlib
import gzip
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Page(BaseHTTPRequestHandler):
    """Answers well at `/`, and badly in one way per path."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        name = self.path.partition("?")[0].strip("/") or "good"
        getattr(self, f"_{name}")()

    def _good(self) -> None:
        self._say(200, b"MIT License")

    def _missing(self) -> None:
        self._say(404, b"no")

    def _to(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.path.partition("?")[2])
        self.end_headers()

    def _round(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/round")
        self.end_headers()

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        self._pour(b"x" * 65536)

    def _bomb(self) -> None:
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(gzip.compress(b"0" * 10_000_000))

    def _slow(self) -> None:
        try:
            for letter in b"HTTP/1.1 200 OK\r\n" * 9:
                self.wfile.write(bytes([letter]))
                time.sleep(0.2)
        except OSError:
            return

    def _headers(self) -> None:
        self.send_response(200)
        for number in range(200):
            self.send_header(f"X-{number}", "x" * 100)
        self.end_headers()

    def _line(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        self._pour(b"x" * 65536)

    def _continue(self) -> None:
        self._pour(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _nonsense(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")

    def _pour(self, block: bytes) -> None:
        """Write the same for ever, or until the other side hangs up."""
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(block)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def served(context: ssl.SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    """A server of `Page`, by TLS with a context; `asked` lists paths and headers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.asked = []  # type: ignore[attr-defined]
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up is right
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Authority:
    """Signs certificates; `file` is what has to be believed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        self.file = folder / "authority.pem"
        certificate = self._signed(self._name, self._key.public_key(), days=1, names=())
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, name: str, *, days: int = 1, own: bool = False) -> ssl.SSLContext:
        """What a server called `name` shows; it ends after `days`, signed by itself if `own`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._signed(subject, key.public_key(), days, (name,), key if own else None)
        path = self._folder / f"{name}.{days}.{own}.pem"
        path.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        days: int,
        names: tuple[str, ...],
        own: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        )
        if names:
            listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            made = made.add_extension(listed, critical=False)
        return made.sign(own or self._key, hashes.SHA256())

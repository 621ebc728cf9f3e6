"""The program that asks one address: fenced in before it asks, standard library only, no secrets.

What it keeps, unlike a worker, is talking to the internet: sockets of IPv4 and IPv6, on the ports
that its order permits, and the few files that resolving a name reads. Started by `zygote.py fetch`.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from registry import fetch_child
from registry.fetch_child import Order, Refused
from registry.sandbox import limits

_MEMORY_BYTES = 1 << 28
_DNS = 53
_RESOLVING = tuple(
    f"/etc/{name}" for name in ("resolv.conf hosts nsswitch.conf host.conf gai.conf".split())
)


def main() -> None:
    """Read one order from stdin as JSON, write one answer to stdout as JSON."""
    told = json.load(sys.stdin)
    layers, authorities = limits.Layers(**told.pop("layers")), told.pop("authorities")
    body, allow = base64.b64decode(told.pop("body")), tuple(told.pop("allow"))
    order = Order(**told, body=body, allow=allow)
    try:
        trusted = trust(authorities)
        warm()
        fence(layers, order)
        _hurry(order.timeout_s)
        reply = fetch_child.fetch(order, trusted=trusted)
        signal.setitimer(signal.ITIMER_REAL, 0)
        text = base64.b64encode(reply.body).decode()
        said: dict[str, Any] = {
            "url": reply.url, "status": reply.status, "headers": reply.headers, "body": text,
        }  # fmt: skip
    except Refused as refused:
        said = {"refused": str(refused)}
    except ssl.SSLError as failed:
        said = {"failed": f"no trusted connection: {failed.reason or 'the certificate is wrong'}"}
    except (OSError, http.client.HTTPException, ValueError) as failed:
        said = {
            "failed": f"no answer: {getattr(failed, 'strerror', None) or type(failed).__name__}"
        }
    json.dump(said, sys.stdout)


def trust(authorities: str) -> ssl.SSLContext:
    """Whose certificates are believed, read now: later there are no files.

    Args:
        authorities: A file with more of them, or "".

    Raises:
        OSError: That file is not there, or has none.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:  # a folder, which OpenSSL would read when asked
        folder = ssl.get_default_verify_paths().capath
        for file in sorted(Path(folder).glob("*.[0-9]")) if folder else ():
            with contextlib.suppress(OSError):
                context.load_verify_locations(file)
    if authorities:
        context.load_verify_locations(authorities)
    return context


def warm() -> None:
    """Have everything imported that asking needs."""
    "ä.example".encode("idna")
    http.client.parse_headers(io.BytesIO(b"A: b\r\n\r\n"))
    with contextlib.suppress(OSError):
        socket.getaddrinfo("localhost", 80)


def fence(layers: limits.Layers, order: Order) -> None:
    """Close this process in for good.

    Raises:
        OSError: A layer that should be there could not be raised.
    """
    limits.lock_down(
        limits.Limits(_MEMORY_BYTES, cpu_s=int(order.timeout_s) + 2),
        layers,
        set(),
        uid=None if limits.shared_identity() else limits.FIRST_UID - 1,
        parent=os.getppid(),
        online=limits.Online(_RESOLVING, _ports(order.allow)),
    )


def _ports(allow: Sequence[str]) -> frozenset[int] | None:
    """The only ports to connect to; None when the operator lists a network with all its ports."""
    listed = [fetch_child.parse_entry(entry)[1] for entry in allow]
    if None in listed:
        return None
    return fetch_child.PORTS | {_DNS, *(port for port in listed if port)}


def _hurry(timeout_s: float) -> None:
    """End what takes longer, whatever it waits for, and what answers in endless lines."""
    http.client._MAXLINE = 8192  # type: ignore[attr-defined]

    def late(_signal: int, _frame: object) -> None:
        raise Refused(f"it took longer than {timeout_s:g} s")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, timeout_s)

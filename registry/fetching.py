"""Asks addresses outside, in a child process that cannot be turned against the inner network.

Off unless the operator turns it on; see `fetch_child.py` for what is permitted, and
`sandbox/fetcher.py` for the fence.
"""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache

from registry import fetch_child
from registry.errors import FetchFailed, LinkRefused
from registry.fetch_child import Reply
from registry.sandbox import nursery
from registry.sandbox.limits import Layers
from registry.settings import Settings

OFF = "fetching is off: the operator turns it on with VITRINE_FETCH=1"
_WEAK = (
    "this kernel lacks Landlock or seccomp, so what fetches cannot be fenced in; the operator can "
    "permit it all the same with VITRINE_ALLOW_WEAK_SANDBOX=1"
)
_GRACE_S = 3.0


def get(settings: Settings, url: str, most_bytes: int = 1 << 20) -> Reply:
    """What an address answers, with at most three redirects.

    Raises:
        LinkRefused: Fetching is off.
        FetchFailed: The address is not permitted, or nothing useful came.
    """
    if not settings.fetch:
        raise LinkRefused(OFF)
    reply = _send(settings, fetch_child.Order(url, most_bytes=most_bytes))
    if reply.status != 200:
        raise FetchFailed(f"it answered with status {reply.status}")
    return reply


def post(settings: Settings, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Hand something to an address; a redirect is not followed, and little of the answer is read.

    Raises:
        FetchFailed: The address is not permitted, or nothing came.
    """
    order = fetch_child.Order(url, "POST", headers, body, most_bytes=64 << 10, redirects=0)
    return _send(settings, order)


def look_at(settings: Settings, url: str) -> None:
    """Whether the address would be asked at all, by its looks: no name is resolved for this.

    Raises:
        LinkRefused: It would not; says why.
    """
    try:
        fetch_child.look_at(url, ("0.0.0.0/0",), lambda _host, _port: ("0.0.0.0",))
    except fetch_child.Refused as refused:
        raise LinkRefused(str(refused)) from None


@cache
def _layers() -> Layers:
    """What the kernel gives; asked once."""
    return nursery.probe()


def _send(settings: Settings, order: fetch_child.Order) -> Reply:
    """Let a child of its own do it: fenced in, with an empty environment, killed when late."""
    layers = _layers()
    if not ((layers.landlock_abi and layers.seccomp) or settings.allow_weak_sandbox):
        raise FetchFailed(_WEAK)
    told = {
        **{name: getattr(order, name) for name in ("url", "method", "most_bytes", "redirects")},
        "headers": dict(order.headers),
        "body": base64.b64encode(order.body).decode(),
        "allow": settings.fetch_networks,
        "timeout_s": settings.fetch_timeout_s,
        "authorities": settings.fetch_authorities,
        "layers": asdict(layers),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", nursery.SCRIPT, "fetch"],
            input=json.dumps(told).encode(),
            capture_output=True,
            timeout=settings.fetch_timeout_s + _GRACE_S,
            env={},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FetchFailed(f"it took longer than {settings.fetch_timeout_s:g} s") from None
    try:
        said = json.loads(done.stdout)
        if problem := said.get("refused") or said.get("failed"):
            raise FetchFailed(str(problem))
        body = base64.b64decode(said["body"])
        return Reply(str(said["url"]), int(said["status"]), dict(said["headers"]), body)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise FetchFailed("the fetching process broke off") from None

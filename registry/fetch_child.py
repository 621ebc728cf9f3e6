"""What a process that fetches one address permits; the process itself is `sandbox/fetcher.py`.

Every address it would connect to, the first and that of each redirect, goes the same way: the name
is resolved once, all its addresses must be permitted, and the connection goes to the very address
that was looked at, while TLS and the Host header keep the name. So a name that resolves to another
address a moment later gains nothing. Standard library only.

Source: OWASP Server-Side Request Forgery Prevention, case 2; RFC 6890 (special addresses),
RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 3879 (site-local, once).
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
MAX_REDIRECTS, MAX_HEADER_BYTES = 3, 32_768
PORTS = frozenset({80, 443, 8080, 8443})
"""On addresses that are not listed by the operator: no speaking HTTP to mail servers."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_IN_PATH = "/?&=%:@!$'()*+,;~-._[]"
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


class Refused(Exception):
    """The address is not to be asked, or what it answers is not to be read; why, for people."""


@dataclass(frozen=True)
class Order:
    """What to fetch, and the limits."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    allow: tuple[str, ...] = ()
    most_bytes: int = 1 << 20
    timeout_s: float = 10.0
    redirects: int = MAX_REDIRECTS


@dataclass(frozen=True)
class Reply:
    """What was answered; `url` is the last one asked."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """Where a connection goes: the name for TLS and Host, the address for the socket."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


def fetch(
    order: Order, resolve: Resolve | None = None, trusted: ssl.SSLContext | None = None
) -> Reply:
    """Ask, following at most `order.redirects` redirects, each looked at like the first address.

    Args:
        trusted: Whose certificates are believed; None for those of the system.

    Raises:
        Refused: An address is not permitted, or the answer is too large or not plain HTTP.
        OSError: The connection failed.
        http.client.HTTPException: What answers does not speak HTTP.
    """
    url = order.url
    for _ in range(order.redirects + 1):
        target = look_at(url, order.allow, resolve or _resolve)
        reply, onward = _ask(order, url, target, trusted)
        if onward is None:
            return reply
        url = urljoin(url, onward)
        if target.scheme == "https" and url.startswith("http:"):
            raise Refused("it leads from https to http, where whoever listens could answer")
    if order.redirects:
        raise Refused(f"it redirects more than {order.redirects} times")
    raise Refused("it answers with a redirect, which is not followed here: give the last address")


def look_at(url: str, allow: Sequence[str], resolve: Resolve) -> Target:
    """Where this address leads, once every part of it is permitted.

    Raises:
        Refused: One is not; says which.
    """
    if len(url) > 2000 or _ODD.search(url):
        raise Refused("it is no address: it is too long or has blanks in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if ":" in host else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise Refused("it is no address") from None
    if parts.scheme not in ("http", "https"):
        raise Refused("only http and https addresses are fetched")
    if parts.username is not None or parts.password is not None:
        raise Refused("an address with a name or password in it is not fetched")
    if not host:
        raise Refused("it names no host")
    port = port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        found = [ipaddress.ip_address(one.partition("%")[0]) for one in resolve(host, port)]
    except OSError:
        raise Refused(f"the name {host} is not known") from None
    if not found:
        raise Refused(f"the name {host} is not known")
    for address in found:
        _permit(address, port, allow)
    return Target(parts.scheme, host, port, quote(path, safe=_IN_PATH), str(found[0]))


def _permit(address: Address, port: int, allow: Sequence[str]) -> None:
    """Every address of the name must pass: a mixed answer is how a trick begins.

    Raises:
        Refused: It is inside, or the port is none of the web's.
    """
    if any(_listed(address, port, entry) for entry in allow):
        return
    for one in (address, *_inside(address)):
        inner = not one.is_global or (one.version == 6 and one.is_site_local)
        if inner or one.is_multicast or one.is_unspecified or one.is_reserved:
            raise Refused(
                "it leads to an address that is not on the public internet; "
                "the operator can permit it with VITRINE_FETCH_ALLOW"
            )
    if port not in PORTS:
        raise Refused(f"port {port} is none of the web's; VITRINE_FETCH_ALLOW can permit it")


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for."""
    if address.version == 4:
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    if address.teredo:
        found += list(address.teredo)
    if any(address in network for network in _NAT64):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if int(address) < 1 << 32:  # the deprecated "compatible" form, ::a.b.c.d
        found.append(ipaddress.IPv4Address(int(address)))
    return [one for one in found if one is not None]


def _listed(address: Address, port: int, entry: str) -> bool:
    network, only_port = parse_entry(entry)
    return (only_port in (None, port)) and address.version == network.version and address in network


def parse_entry(entry: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int | None]:
    """`10.1.0.0/16`, `127.0.0.1:8080`, `fd00::/8` or `[::1]:8080` as network and port.

    Raises:
        ValueError: It is none of these.
    """
    found = re.fullmatch(r"\[(.+)\](?::(\d+))?", entry) or re.fullmatch(r"([^:]+):(\d+)", entry)
    text, port = (found[1], found[2]) if found else (entry, None)
    return ipaddress.ip_network(text), int(port) if port else None


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _ask(
    order: Order, url: str, target: Target, trusted: ssl.SSLContext | None
) -> tuple[Reply, str | None]:
    """One question; with the address of a redirect when that is the answer."""
    connection = _connected(order, target, trusted)
    try:
        headers = {
            "Host": _host_header(target),
            "User-Agent": "Vitrine",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **order.headers,
        }
        if order.body:
            headers["Content-Length"] = str(len(order.body))
        connection.putrequest(order.method, target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(order.body or None)
        answer = connection.getresponse()
        told = {name.lower(): value[:1000] for name, value in answer.getheaders()}
        onward = told.get("location") if answer.status in _REDIRECTS else None
        body = b"" if onward else _read(answer, told, order.most_bytes)
        return Reply(url, answer.status, told, body), onward
    finally:
        connection.close()


def _connected(
    order: Order, target: Target, trusted: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    """A connection to the address that was looked at, never to what the name means by now."""
    raw = socket.create_connection((target.address, target.port), timeout=order.timeout_s)
    connection = http.client.HTTPConnection(target.host, target.port)
    if target.scheme == "https":
        trusted = trusted or ssl.create_default_context()
        connection.sock = trusted.wrap_socket(raw, server_hostname=target.host)
    else:
        connection.sock = raw
    return connection


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"http": 80, "https": 443}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"


def _read(answer: http.client.HTTPResponse, told: Mapping[str, str], most: int) -> bytes:
    """The body as it comes: what is compressed is not unpacked, so no small answer grows large.

    Raises:
        Refused: It is compressed, or larger than `most`.
    """
    if told.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refused("the answer is compressed although it was asked for plainly")
    body = answer.read(most + 1)
    if len(body) > most:
        raise Refused(f"the answer is larger than {most:,} bytes")
    return body

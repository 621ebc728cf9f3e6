"""What is fetched by TLS is believed only with a good certificate, and limited all the same."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from registry import fetch_child, fetching
from registry.errors import FetchFailed
from registry.fetch_child import Order, Refused
from registry.settings import Settings
from tests.makers.web import Authority, served


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    """What a good server shows; `asked_for` is the name that was asked for."""
    context = authority.context("localhost")

    def note(_socket: ssl.SSLObject, name: str, _context: ssl.SSLContext) -> None:
        context.asked_for = name  # type: ignore[attr-defined]

    context.sni_callback = note
    return context


@pytest.fixture(scope="module")
def server(context: ssl.SSLContext) -> Iterator[ThreadingHTTPServer]:
    with served(context) as server:
        yield server


@pytest.fixture
def port(server: ThreadingHTTPServer) -> int:
    return server.server_port


def settings(port: int, authorities: Path | str, **more: object) -> Settings:
    given = {"fetch": True, "fetch_allow": f"127.0.0.1:{port}", "fetch_timeout_s": 5} | more
    return Settings(_env_file=None, fetch_authorities=str(authorities), **given)  # type: ignore[arg-type]


def test_a_good_certificate_passes_and_the_server_is_told_the_name(authority, context, port):
    reply = fetching.get(settings(port, authority.file), f"https://localhost:{port}/")
    assert reply.body == b"MIT License"
    assert context.asked_for == "localhost"


def test_an_authority_that_nobody_listed_is_not_believed(port):
    with pytest.raises(FetchFailed, match="no trusted connection"):
        fetching.get(settings(port, ""), f"https://localhost:{port}/")


@pytest.mark.parametrize(
    "shown", [("other.test", 1, False), ("localhost", -1, False), ("localhost", 1, True)],
    ids=["another name", "expired", "signed by itself"],
)  # fmt: skip
def test_a_wrong_certificate_ends_it_before_a_word_is_said(authority, shown):
    name, days, own = shown
    with served(authority.context(name, days=days, own=own)) as server:
        port = server.server_port
        with pytest.raises(FetchFailed, match="no trusted connection"):
            fetching.get(settings(port, authority.file), f"https://localhost:{port}/")
        assert server.asked == []


def test_a_server_that_speaks_no_tls_is_not_spoken_to_plainly(authority):
    with served() as server:
        port = server.server_port
        with pytest.raises(FetchFailed, match="no trusted connection"):
            fetching.get(settings(port, authority.file), f"https://localhost:{port}/")
        assert server.asked == []


@pytest.mark.parametrize(
    ("onward", "why"),
    [
        ("http://127.0.0.1:1/", "from https to http"),
        ("https://127.0.0.1:1/", "not on the public internet"),
        ("https://10.0.0.1/", "not on the public internet"),
        ("https://169.254.169.254/latest/meta-data", "not on the public internet"),
        ("file:///etc/passwd", "only http and https"),
    ],
)
def test_a_redirect_from_a_trusted_server_is_looked_at_all_the_same(authority, port, onward, why):
    with pytest.raises(FetchFailed, match=why):
        fetching.get(settings(port, authority.file), f"https://localhost:{port}/to?{onward}")


def test_from_tls_no_redirect_leads_back_to_plain_words(authority, port):
    """Whoever listens on the way would otherwise answer in the name of the trusted server."""
    with served() as plain:
        allow = f"127.0.0.1:{port} 127.0.0.1:{plain.server_port}"
        with pytest.raises(FetchFailed, match="from https to http"):
            fetching.get(
                settings(port, authority.file, fetch_allow=allow),
                f"https://localhost:{port}/to?http://localhost:{plain.server_port}/",
            )
        assert plain.asked == []


def test_a_name_that_changes_its_address_gains_nothing_by_tls(authority, context, port):
    """The connection goes to the address that was looked at, and TLS keeps the name."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    trusted = ssl.create_default_context(cafile=str(authority.file))
    order = Order(f"https://localhost:{port}/", allow=(f"127.0.0.1:{port}",))

    def rebinding(_host: str, _port: int) -> list[str]:
        return next(answers)

    assert fetch_child.fetch(order, rebinding, trusted).body == b"MIT License"
    assert context.asked_for == "localhost"
    with pytest.raises(Refused, match="not on the public internet"):
        fetch_child.fetch(order, rebinding, trusted)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("endless", "larger than"),
        ("bomb", "compressed"),
        ("headers", "no answer"),
        ("line", "no answer"),
        ("slow", "longer than 1 s"),
        ("continue", "longer than 1 s"),
    ],
)
def test_what_is_endless_ends_by_tls_too(authority, port, path, why):
    chosen = settings(port, authority.file, fetch_timeout_s=1)
    with pytest.raises(FetchFailed, match=why):
        fetching.get(chosen, f"https://localhost:{port}/{path}")

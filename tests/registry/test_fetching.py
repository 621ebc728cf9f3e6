"""What people name is fetched by a child that no address turns against the inner network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from registry import fetch_child, fetching
from registry.errors import FetchFailed
from registry.fetch_child import Order, Refused
from registry.sandbox.limits import Layers
from registry.settings import Settings
from tests.makers.web import served

INNER = [
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "::127.0.0.1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fec0::1",
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    with served() as server:
        yield server


@pytest.fixture
def port(server: ThreadingHTTPServer) -> int:
    server.asked.clear()  # type: ignore[attr-defined]
    return server.server_port


def settings(port: int, **more: object) -> Settings:
    allow = f"127.0.0.1:{port}"
    given = {"fetch": True, "fetch_allow": allow, "fetch_timeout_s": 5} | more
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def test_nothing_is_fetched_unless_the_operator_says_so(port):
    with pytest.raises(FetchFailed, match="VITRINE_FETCH=1"):
        fetching.get(settings(port, fetch=False), f"http://127.0.0.1:{port}/")


def test_a_kernel_that_cannot_fence_it_in_fetches_nothing_unless_the_operator_says_so(
    port, monkeypatch
):
    monkeypatch.setattr(fetching, "_layers", lambda: Layers(landlock_abi=0, seccomp=True))
    with pytest.raises(FetchFailed, match="VITRINE_ALLOW_WEAK_SANDBOX=1"):
        fetching.get(settings(port), f"http://127.0.0.1:{port}/")
    weak = settings(port, allow_weak_sandbox=True)
    assert fetching.get(weak, f"http://127.0.0.1:{port}/").status == 200


def test_what_is_permitted_is_fetched_without_cookies_or_proxies(server, port, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    reply = fetching.get(settings(port), f"http://localhost:{port}/to?/good")
    assert reply.body == b"MIT License"
    (_, first), (_, second) = server.asked
    assert first["Host"] == f"localhost:{port}"
    assert not {"Cookie", "Authorization", "Referer"} & {*first, *second}


@pytest.mark.parametrize("address", INNER)
def test_an_inner_address_is_refused_in_any_spelling(address):
    with pytest.raises(Refused, match="not on the public internet") as refused:
        fetch_child.look_at("http://example.org/", (), lambda _host, _port: [address])
    assert address not in str(refused.value)  # what inner names mean is nobody's business


@pytest.mark.parametrize("url", ["http://2130706433/", "http://0x7f.1/", "http://[::1]/"])
def test_numbers_that_mean_this_machine_are_refused(url):
    with pytest.raises(FetchFailed, match=r"not on the public internet|not known"):
        fetching.get(Settings(fetch=True, _env_file=None), url)


def test_a_name_with_one_inner_address_among_others_is_refused():
    with pytest.raises(Refused):
        fetch_child.look_at("https://a.org/", (), lambda *_: ["93.184.216.34", "10.0.0.1"])


def test_a_public_address_is_taken_on_ports_of_the_web_alone():
    found = fetch_child.look_at("https://a.org/ä?b=c#d", (), lambda *_: ["93.184.216.34"])
    assert (found.address, found.host, found.path) == ("93.184.216.34", "a.org", "/%C3%A4?b=c")
    with pytest.raises(Refused, match="port 25"):
        fetch_child.look_at("http://a.org:25/", (), lambda *_: ["93.184.216.34"])


def test_a_name_that_changes_its_address_gains_nothing(port):
    """The first answer is permitted, every later one is not; only the first is ever used."""
    asked = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1" if len(asked) == 1 else "169.254.169.254"]

    allow = (f"127.0.0.1:{port}",)
    reply = fetch_child.fetch(Order(f"http://a.org:{port}/", allow=allow), rebinding)
    assert (reply.body, asked) == (b"MIT License", ["a.org"])
    with pytest.raises(Refused, match="not on the public internet"):
        fetch_child.fetch(Order(f"http://a.org:{port}/", allow=allow), rebinding)


@pytest.mark.parametrize(
    "onward",
    ["http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd",
     "gopher://127.0.0.1/", "//[::1]/", "http://me:secret@127.0.0.1/"],
)  # fmt: skip
def test_a_redirect_is_looked_at_like_the_first_address(port, onward):
    with pytest.raises(FetchFailed, match=r"internet|only http|password"):
        fetching.get(settings(port), f"http://127.0.0.1:{port}/to?{onward}")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("round", "redirects more than 3 times"),
        ("endless", "larger than"),
        ("bomb", "compressed"),
        ("headers", "no answer"),
        ("line", "no answer"),
        ("nonsense", "no answer"),
        ("missing", "status 404"),
    ],
)
def test_an_answer_that_is_none_is_said_to_be(port, path, why):
    with pytest.raises(FetchFailed, match=why):
        fetching.get(settings(port), f"http://127.0.0.1:{port}/{path}")


def test_who_answers_a_letter_at_a_time_is_hung_up_on(port):
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match="longer than 1 s"):
        fetching.get(settings(port, fetch_timeout_s=1), f"http://127.0.0.1:{port}/slow")
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    "url",
    ["ftp://a.org/", "http://", "http://a b/", "http://a.org/\r\nX: y", "http://u:p@a.org/",
     "javascript:alert(1)", "http://a.org:99999/", "http://[::1", "x" * 3000],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url):
    with pytest.raises(FetchFailed):
        fetching.look_at(Settings(_env_file=None), url)


def test_only_the_listed_port_of_a_listed_network_is_open(port):
    with pytest.raises(FetchFailed, match="not on the public internet"):
        fetching.get(settings(port, fetch_allow="127.0.0.1:1"), f"http://127.0.0.1:{port}/")
    found = fetching.get(settings(port, fetch_allow="127.0.0.0/8"), f"http://127.0.0.1:{port}/")
    assert found.status == 200


def test_a_network_that_is_none_stops_the_start():
    with pytest.raises(ValidationError):
        Settings(fetch_allow="inside", _env_file=None)


def test_the_child_knows_nothing_of_the_server(port, server, monkeypatch):
    monkeypatch.setenv("VITRINE_SECRET_KEY", "do not tell")
    fetching.get(settings(port), f"http://127.0.0.1:{port}/")
    assert "do not tell" not in repr(server.asked)

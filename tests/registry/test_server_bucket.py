"""The bucket of the operator: its objects can be imported, and nothing beside them."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from pydantic import ValidationError

from registry import imports, server_bucket, staging
from registry.core import Registry
from registry.errors import Forbidden, NotFound, NotInstalled, StoreError
from registry.records import Actor
from registry.settings import Settings

pytest.importorskip("obstore", reason="not installed: pip install -r requirements-s3.txt")

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OFFERED = {
    "iris.joblib": b"iris", "more/a b+ü%41#?.onnx": b"onnx", "more/": b"", "more/empty": b"",
    "denied.onnx": b"denied", "once.onnx": b"broken once", "short.onnx": b"always broken",
    "replaced.onnx": b"replaced", "silent.onnx": b"silent",
}  # fmt: skip
OBJECTS = {
    **{f"offered/{key}": data for key, data in OFFERED.items()},
    **{f"many/{n:04}.onnx": b"one of many" for n in range(2300)},
    "hidden.joblib": b"hidden", "offered-not": b"not", "odd/a//b": b"odd", "odd/good/c": b"c",
    "ends in a blank": b"blank",
}  # fmt: skip
AT_ONCE = 1000
_ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
    "<Size>{}</Size></Contents>"
)
_LIST = '<ListBucketResult xmlns="urn:s3">{}</ListBucketResult>'
_CLOSED = threading.Event()


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as is asked for: lists in parts, objects in parts, only for who signs."""

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        key = unquote(at.path).removeprefix("/bucket").removeprefix("/")
        if f"Credential={KEY}/" not in self.headers.get("authorization", ""):
            self._send(403, b"")
        elif not key:
            self._list({name: values[0] for name, values in parse_qs(at.query).items()})
        elif "denied" in key:
            self._send(403, b"")
        elif key not in OBJECTS:
            self._send(404, b"")
        elif "Range" in self.headers:
            self._rest(key, OBJECTS[key])
        else:
            if key.endswith("silent.onnx"):
                _CLOSED.wait(2)
            breaks = any(word in key for word in ("once", "short", "replaced"))
            self._send(200, OBJECTS[key], 4 if breaks else None)

    do_HEAD = do_GET  # noqa: N815  as the library asks for it

    def _list(self, asked: dict[str, str]) -> None:
        after = asked.get("continuation-token", asked.get("start-after", ""))
        found = sorted(k for k in OBJECTS if k.startswith(asked.get("prefix", "")) and k > after)
        told = "".join(_ENTRY.format(escape(k), len(OBJECTS[k])) for k in found[:AT_ONCE])
        if len(found) > AT_ONCE:
            token = found[AT_ONCE - 1]
            told += f"<NextContinuationToken>{token}</NextContinuationToken>"
        self._send(200, _LIST.format(told).encode())

    def _rest(self, key: str, data: bytes) -> None:
        """What is left of an object; one that was replaced says so to who names the old one."""
        if "replaced" in key and self.headers.get("If-Match") == '"one"':
            return self._send(412, b"")
        start = int(self.headers["Range"].removeprefix("bytes=").partition("-")[0])
        told = {"content-range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        return self._send(206, data[start:], 0 if "short" in key else None, **told)

    def _send(self, status: int, data: bytes, most: int | None = None, **told: str) -> None:
        self.send_response(status)
        always = {"content-length": str(len(data)), "etag": '"one"'}
        for name, value in {**always, **told}.items():
            self.send_header(name, value)
        self.send_header("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[:most])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        yield f"http://127.0.0.1:{server.server_port}/bucket"
        _CLOSED.set()
        server.shutdown()


@pytest.fixture
def beneath(reg_with: Callable[..., Registry], address: str) -> Callable[[str], Registry]:
    """A registry that offers what is beneath a prefix."""
    told = {"import_s3_url": address, "import_s3_key": KEY, "import_s3_secret": SECRET}
    return lambda prefix: reg_with(import_s3_prefix=prefix, **told)


@pytest.fixture
def offering(beneath: Callable[[str], Registry]) -> Registry:
    return beneath("offered/")


def _paths(reg: Registry, actor: Actor, text: str = "") -> list[str]:
    return [file.path for file in server_bucket.find(reg, actor, text, 1, 100).items]


def test_objects_beneath_the_prefix_are_listed_without_it(offering: Registry, alice: Actor) -> None:
    page = server_bucket.find(offering, alice)
    full = {path for path, data in OFFERED.items() if data}
    assert [file.path for file in page.items] == sorted(full)
    assert {file.path: file.size_bytes for file in page.items}["iris.joblib"] == 4


@pytest.mark.parametrize("text", ["more/", "more/a", "mo", "more/a b+ü%41#?.onnx"])
def test_a_key_is_found_by_its_beginning(offering: Registry, alice: Actor, text: str) -> None:
    assert _paths(offering, alice, text) == ["more/a b+ü%41#?.onnx"]


@pytest.mark.parametrize("text", ["../hidden", "a//b", "ore", "a\tb", "/iris", "iris.joblib/"])
def test_what_no_key_begins_with_finds_nothing(offering: Registry, alice: Actor, text: str) -> None:
    assert _paths(offering, alice, text) == []


def test_a_prefix_need_not_be_a_folder(beneath: Callable[[str], Registry], alice: Actor) -> None:
    assert _paths(beneath("offered-"), alice) == ["not"]
    assert _paths(beneath("offered-"), alice, "n") == ["not"]
    assert _paths(beneath("many/229"), alice, "9") == ["9.onnx"]
    assert _paths(beneath("ends in a "), alice) == ["blank"]


@pytest.mark.parametrize("prefix", ["/models/", "a//b", "/"])
def test_a_prefix_that_would_mean_another_stops_the_start(prefix: str) -> None:
    with pytest.raises(ValidationError, match="import_s3_prefix"):
        Settings(import_s3_prefix=prefix, _env_file=None)


def test_more_keys_than_one_answer_holds_are_listed(
    beneath: Callable[[str], Registry], alice: Actor
) -> None:
    last = server_bucket.find(beneath("many/"), alice, "", 230, 10)
    assert (last.total, last.items[-1].path) == (2300, "2299.onnx")


def test_a_list_ends_at_its_bound(
    beneath: Callable[[str], Registry], alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_bucket, "MOST_LISTED", 1200)
    many = beneath("many/")
    assert server_bucket.find(many, alice).total == 1200
    assert _paths(many, alice, "2299") == ["2299.onnx"]


def test_a_key_that_is_no_path_is_said_and_can_be_searched_beside(
    beneath: Callable[[str], Registry], alice: Actor
) -> None:
    with pytest.raises(StoreError, match="empty part"):
        _paths(beneath("odd/"), alice)
    assert _paths(beneath("odd/"), alice, "good/") == ["good/c"]


@pytest.mark.parametrize("path", ["more/a b+ü%41#?.onnx", "once.onnx"])
def test_an_object_is_staged_like_an_upload(offering: Registry, alice: Actor, path: str) -> None:
    """Also one that breaks off once: the rest is asked for."""
    asked = imports.start(offering, alice, "bucket", path)
    imports.run(offering, asked.id)
    staged = staging.get(offering, alice, asked.id)
    assert staged.filename == path.rpartition("/")[2]
    assert staging.path(offering, asked.id).read_bytes() == OFFERED[path]


@pytest.mark.parametrize(
    "path",
    [
        *("../hidden.joblib", "more/", "", "nothing", "./iris.joblib", "more//x", "a\nb"),
        *("/iris.joblib", "iris.joblib/", "..", "more/../iris.joblib"),
    ],
)
def test_nothing_else_is_ever_asked_for(offering: Registry, alice: Actor, path: str) -> None:
    with pytest.raises(NotFound):
        imports.start(offering, alice, "bucket", path)


@pytest.mark.parametrize(
    ("path", "why"), [("short.onnx", "broke off"), ("replaced.onnx", "was replaced")]
)
def test_an_object_that_breaks_off_or_is_replaced_is_not_kept(
    offering: Registry, alice: Actor, path: str, why: str
) -> None:
    asked = imports.start(offering, alice, "bucket", path)
    with pytest.raises(StoreError, match=why):
        imports.run(offering, asked.id)
    with pytest.raises(NotFound):
        staging.get(offering, alice, asked.id)


def test_a_refusal_is_said(
    offering: Registry, reg_with: Callable[..., Registry], alice: Actor, address: str
) -> None:
    with pytest.raises(StoreError, match="refuses"):
        imports.start(offering, alice, "bucket", "denied.onnx")
    wrong = reg_with(import_s3_url=address, import_s3_key="wrong", import_s3_secret=SECRET)
    with pytest.raises(StoreError, match="refuses with status 403:"):
        server_bucket.find(wrong, alice)


def test_without_a_key_the_surroundings_are_asked(
    reg_with: Callable[..., Registry],
    alice: Actor,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    reg = reg_with(import_s3_url=address, import_s3_prefix="offered/more/")
    assert _paths(reg, alice) == ["a b+ü%41#?.onnx"]
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    public = reg_with(import_s3_url=address, import_s3_prefix="offered/")
    with pytest.raises(StoreError, match="refuses"):  # this one is not public
        _paths(public, alice)


def test_a_bucket_that_is_silent_is_waited_for_not_for_long(
    beneath: Callable[[str], Registry], alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_bucket, "_SILENT_S", 0.05)
    monkeypatch.setattr(server_bucket, "_TRIES_AGAIN", 0)
    with pytest.raises(StoreError, match="does not answer"):
        server_bucket.look(beneath("off"), "ered/silent.onnx")


def test_neither_address_nor_secret_is_in_what_a_failure_tells(
    reg_with: Callable[..., Registry], alice: Actor
) -> None:
    told = {"import_s3_key": KEY, "import_s3_secret": SECRET}
    away = reg_with(import_s3_url="http://127.0.0.1:9/bucket", **told)
    with pytest.raises(StoreError, match="does not answer") as refused:
        server_bucket.find(away, alice)
    logged = "".join(traceback.format_exception(refused.value))
    assert not [word for word in ("127.0.0.1", KEY, SECRET) if word in logged]


def test_a_missing_library_is_named(
    beneath: Callable[[str], Registry], alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(NotInstalled, match="obstore"):
        server_bucket.find(beneath("offer"), alice)


def test_viewers_and_servers_without_a_bucket_see_nothing(
    reg: Registry, offering: Registry, alice: Actor, new_user: Callable[..., Actor]
) -> None:
    with pytest.raises(Forbidden):
        server_bucket.find(offering, new_user("carol", "viewer"))
    assert server_bucket.find(reg, alice).total == 0
    with pytest.raises(NotFound):
        imports.start(reg, alice, "bucket", "iris.joblib")

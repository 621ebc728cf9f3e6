"""The bucket of the operator: its objects can be imported, signed as S3 asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from registry import imports, server_bucket, staging
from registry.core import Registry
from registry.errors import Forbidden, NotFound, StoreError
from registry.records import Actor
from registry.server_bucket import Request
from registry.settings import Settings

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OBJECTS = {
    "offered/iris.joblib": b"iris", "offered/more/a b+ü.onnx": b"onnx", "offered/more/": b"",
    "hidden.joblib": b"secret", "offered/short.onnx": b"short",
}  # fmt: skip
_SIGNED = "SignedHeaders=host;x-amz-content-sha256;x-amz-date"
_ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
    "<Size>{}</Size></Contents>"
)


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as is asked for: a list, an object, both only with a signature."""

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        if _SIGNED not in self.headers.get("authorization", ""):
            return self._send(403, b"")
        if at.path == "/bucket/":
            prefix = parse_qs(at.query, keep_blank_values=True)["prefix"][0]
            found = (k for k in sorted(OBJECTS) if k.startswith(prefix))
            told = "".join(_ENTRY.format(k, len(OBJECTS[k])) for k in found)
            xml = f'<ListBucketResult xmlns="urn:s3">{told}</ListBucketResult>'
            return self._send(200, xml.encode())
        data = OBJECTS.get(unquote(at.path).removeprefix("/bucket/"))
        return self._send(404, b"") if data is None else self._send(200, data)

    do_HEAD = do_GET  # noqa: N815  as the library asks for it

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[:2] if data == b"short" else data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        yield f"http://127.0.0.1:{server.server_port}/bucket"
        server.shutdown()


@pytest.fixture
def offering(reg_with: Callable[..., Registry], address: str) -> Registry:
    told = {"import_s3_key": KEY, "import_s3_secret": SECRET}
    return reg_with(import_s3_url=address, import_s3_prefix="offered/", **told)


@pytest.mark.parametrize(
    ("query", "signature"),
    [({"lifecycle": ""}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
     ({"max-keys": "2", "prefix": "J"},
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")],
)  # fmt: skip
def test_requests_are_signed_as_the_examples_of_the_reference(
    query: dict[str, str], signature: str
) -> None:
    """Source: AWS Signature Version 4, "Examples: Signature Calculations", Amazon S3 reference."""
    settings = Settings(import_s3_key=KEY, import_s3_secret=SECRET, _env_file=None)
    asked = Request("GET", "examplebucket.s3.amazonaws.com", "/", query)
    made = server_bucket.headers(asked, settings, datetime(2013, 5, 24, tzinfo=UTC))
    assert made["authorization"].endswith(f"Signature={signature}")


def test_objects_beneath_the_prefix_are_listed_without_it(offering: Registry, alice: Actor) -> None:
    page = server_bucket.find(offering, alice)
    assert [file.path for file in page.items] == ["iris.joblib", "more/a b+ü.onnx", "short.onnx"]
    assert page.items[0].size_bytes == 4
    narrowed = server_bucket.find(offering, alice, "more/", 1, 1)
    assert [file.path for file in narrowed.items] == ["more/a b+ü.onnx"]


def test_an_object_is_staged_like_an_upload(offering: Registry, alice: Actor) -> None:
    asked = imports.start(offering, alice, "bucket", "more/a b+ü.onnx")
    imports.run(offering, asked.id)
    staged = staging.get(offering, alice, asked.id)
    assert (staged.filename, staging.path(offering, asked.id).read_bytes()) == (
        "a b+ü.onnx",
        b"onnx",
    )


@pytest.mark.parametrize(
    "path", ["../hidden.joblib", "more/", "", "nothing", "./iris.joblib", "more//x", "a\nb"]
)
def test_nothing_else_is_ever_asked_for(offering: Registry, alice: Actor, path: str) -> None:
    with pytest.raises(NotFound):
        imports.start(offering, alice, "bucket", path)


def test_an_object_that_breaks_off_is_not_kept(offering: Registry, alice: Actor) -> None:
    asked = imports.start(offering, alice, "bucket", "short.onnx")
    with pytest.raises(StoreError, match="broke off"):
        imports.run(offering, asked.id)
    with pytest.raises(NotFound):
        staging.get(offering, alice, asked.id)


def test_a_bucket_that_refuses_or_is_away_is_said_without_its_address(
    reg_with: Callable[..., Registry], alice: Actor, address: str
) -> None:
    with pytest.raises(StoreError, match="403"):
        server_bucket.find(reg_with(import_s3_url=f"{address}", import_s3_key=""), alice)
    away = reg_with(import_s3_url="http://127.0.0.1:9/bucket")
    with pytest.raises(StoreError, match="does not answer") as refused:
        server_bucket.find(away, alice)
    assert "127" not in refused.value.message


def test_viewers_and_servers_without_a_bucket_see_nothing(
    reg: Registry, offering: Registry, alice: Actor, new_user: Callable[..., Actor]
) -> None:
    with pytest.raises(Forbidden):
        server_bucket.find(offering, new_user("carol", "viewer"))
    assert server_bucket.find(reg, alice).total == 0
    with pytest.raises(NotFound):
        imports.start(reg, alice, "bucket", "iris.joblib")

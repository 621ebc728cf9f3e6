"""Routes beside the pages: the cookie, downloads, health, and the headers on all of them."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit

from registry import access, accounts, downloads, exports, models
from registry.core import Registry
from registry.records import Actor, Version
from registry.web import cookie, headers, peer
from tests.registry.web.conftest import Behind, Client, let_in


def is_open(digest: str) -> bool:
    """Whether this process holds a descriptor of the artifact."""
    held = Path("/proc/self/fd")
    return any(digest in os.readlink(fd) for fd in held.iterdir() if fd.is_symlink())


def test_a_ticket_becomes_a_cookie_that_scripts_cannot_read(
    client: Client, reg: Registry, alice: Actor
) -> None:
    session_id, ticket = accounts.open_session(reg, alice)
    answer = client.post("/auth/session", headers={"x-vitrine-ticket": ticket})
    assert answer.status_code == 204
    said = answer.headers["set-cookie"]
    assert said.startswith("vitrine-session=")
    for attribute in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"):
        assert attribute in said
    assert "Secure" not in said
    assert answer.headers["cache-control"] == "no-store"
    assert accounts.by_token(reg, client.cookies["vitrine-session"]) == (alice, session_id)
    again = client.post("/auth/session", headers={"x-vitrine-ticket": ticket})
    assert again.status_code == 401


def test_over_tls_the_cookie_is_secure_and_bound_to_the_host(
    behind: Behind, reg: Registry, alice: Actor
) -> None:
    assert behind.app
    client = Client(behind.app, "https://vitrine.example")
    _, ticket = accounts.open_session(reg, alice)
    answer = client.post("/auth/session", headers={"x-vitrine-ticket": ticket})
    said = answer.headers["set-cookie"]
    assert said.startswith("__Host-vitrine-session=")
    assert "Secure" in said
    assert "max-age" in answer.headers["strict-transport-security"]


def test_over_tls_a_planted_plain_cookie_counts_for_nothing(
    behind: Behind, reg: Registry, alice: Actor
) -> None:
    assert behind.app
    client = Client(behind.app, "https://vitrine.example")
    let_in(client, reg, alice)
    assert client.get("/artifacts/x/download").status_code == 401


@pytest.mark.parametrize("ticket", [{}, {"x-vitrine-ticket": "guess"}])
def test_a_wrong_ticket_gives_no_cookie(client: Client, ticket: dict[str, str]) -> None:
    answer = client.post("/auth/session", headers=ticket)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_neither_opens_nor_closes_a_session(
    client: Client, reg: Registry, alice: Actor, site: str
) -> None:
    session_id = let_in(client, reg, alice)
    _, ticket = accounts.open_session(reg, alice)
    where = {"sec-fetch-site": site}
    opened = client.post("/auth/session", headers={"x-vitrine-ticket": ticket, **where})
    assert opened.status_code == 403
    assert client.delete("/auth/session", headers=where).status_code == 403
    assert accounts.by_session(reg, session_id) == alice


def test_closing_revokes_and_forgets(client: Client, reg: Registry, alice: Actor) -> None:
    session_id = let_in(client, reg, alice)
    answer = client.delete("/auth/session")
    assert answer.status_code == 204
    assert 'vitrine-session=""' in answer.headers["set-cookie"]
    assert accounts.by_session(reg, session_id) is None
    assert client.delete("/auth/session").status_code == 204


def test_a_damaged_cookie_is_nobody(client: Client) -> None:
    for jar in ("vitrine-session", "=;;=", 'vitrine-session="\\', "vitrine-session=\x01"):
        answer = client.get("/artifacts/x/download", headers={"cookie": jar})
        assert answer.status_code == 401


def test_a_download_gives_the_bytes_as_they_came(
    client: Client, reg: Registry, alice: Actor, iris: Version, iris_bytes: bytes
) -> None:
    let_in(client, reg, alice)
    answer = client.get(f"/artifacts/{iris.artifact.id}/download")
    assert answer.status_code == 200
    assert answer.content == iris_bytes
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(iris_bytes))
    assert answer.headers["x-content-sha256"] == iris.artifact.digest
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "content-encoding" not in answer.headers
    assert not is_open(iris.artifact.digest)


def test_a_download_can_be_resumed(
    client: Client, reg: Registry, alice: Actor, iris: Version, iris_bytes: bytes
) -> None:
    let_in(client, reg, alice)
    url = f"/artifacts/{iris.artifact.id}/download"
    part = client.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, iris_bytes[10:20])
    tail = client.get(url, headers={"range": "bytes=-5", "if-range": part.headers["etag"]})
    assert (tail.status_code, tail.content) == (206, iris_bytes[-5:])
    beyond = client.get(url, headers={"range": f"bytes={len(iris_bytes)}-"})
    assert beyond.status_code == 416


def test_another_persons_private_file_is_not_there(
    client: Client, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    url = f"/artifacts/{iris.artifact.id}/download"
    assert client.get(url).status_code == 401
    let_in(client, reg, bob)
    assert client.get(url).status_code == 404
    access.share(reg, alice, iris.model, "bob", "view")
    assert client.get(url).status_code == 200
    access.unshare(reg, alice, iris.model, "bob")
    assert client.get(url).status_code == 404


def test_a_signed_link_needs_no_cookie_and_no_longer_rights_than_its_maker(
    client: Client, reg: Registry, alice: Actor, iris: Version, iris_bytes: bytes
) -> None:
    token = downloads.link(reg, alice, iris.artifact.id)
    assert client.get(f"/d/{token}").content == iris_bytes
    assert client.get(f"/d/{token}x").status_code in (403, 404)
    models.trash(reg, alice, iris.model)
    assert client.get(f"/d/{token}").status_code in (403, 404)


def test_every_answer_carries_the_security_headers(client: Client) -> None:
    for path in ("/healthz", "/nowhere", "/_stcore/metrics", "/artifacts/x/download"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "object-src 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_the_api_can_be_read_in_a_browser_without_asking_another_host(client: Client) -> None:
    page = client.get("/api/v1/docs")
    assert page.headers["content-type"].startswith("text/html")
    asked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(asked) == 3
    for path in asked:
        assert client.get(f"/api/v1/{path}").status_code == 200
    assert client.get("/api/v1/docs/../app.py").status_code == 404
    assert client.get("/api/v1/docs/redoc.standalone.js").status_code == 404


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/metrics/", "/x/_stcore/metrics"])
def test_metrics_are_nobodys_business(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_the_policy_names_streamlits_own_inline_script() -> None:
    page = Path(streamlit.__file__).parent / "static" / "index.html"
    for script in re.findall(r"<script>(.*?)</script>", page.read_text(), re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in headers._POLICY


@pytest.mark.parametrize(
    ("client_address", "sent", "local"),
    [
        ("127.0.0.1", {"host": "localhost:8501"}, True),
        ("127.0.0.1", {"host": "127.0.0.1:8501"}, True),
        ("::1", {"host": "[::1]:8501"}, True),
        ("127.0.0.1", {"host": "vitrine.example"}, False),
        ("127.0.0.1", {"host": "localhost.evil.example:8501"}, False),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.1"}, False),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=203.0.113.1"}, False),
        ("203.0.113.1", {"host": "localhost:8501"}, False),
        ("203.0.113.1", {"host": "localhost:8501", "x-vitrine-local": "1"}, False),
        ("127.0.0.1", {}, False),
    ],
)
def test_only_a_direct_connection_from_here_is_local(
    client_address: str, sent: dict[str, str], local: bool
) -> None:
    scope = {
        "type": "websocket",
        "client": (client_address, 5555),
        "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
    }
    marked = peer.marked(scope)
    assert cookie.header(marked, b"x-vitrine-local") == ("1" if local else "")
    assert cookie.header(marked, b"x-vitrine-address") == client_address


@pytest.fixture
def iris_bytes(reg: Registry, alice: Actor, iris: Version) -> bytes:
    opened = downloads.open_artifact(reg, alice, iris.artifact.id)
    with os.fdopen(opened.fd, "rb") as file:
        return file.read()


def test_an_unexpected_error_says_nothing(
    behind: Behind, reg: Registry, monkeypatch: pytest.MonkeyPatch, new_user: Callable[..., Actor]
) -> None:
    assert behind.app
    client = Client(behind.app, raise_bugs=False)
    let_in(client, reg, new_user("carol"))

    def boom(*_: object) -> None:
        raise KeyError("a secret detail")

    monkeypatch.setattr(downloads, "open_artifact", boom)
    answer = client.get("/artifacts/x/download")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_an_export_is_one_zip_of_known_length(
    client: Client, reg: Registry, alice: Actor, iris: Version
) -> None:
    url = f"/exports/{iris.model}/1/package?part=weights"
    assert client.get(url).status_code == 401
    let_in(client, reg, alice)
    answer = client.get(url)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"] == 'attachment; filename="iris-v1.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert f"weights/{iris.artifact.filename}" in archive.namelist()


def test_an_export_of_what_is_not_shared_is_not_found(
    client: Client, reg: Registry, bob: Actor, iris: Version
) -> None:
    let_in(client, reg, bob)
    assert client.get(f"/exports/{iris.model}/1/package").status_code == 404
    assert client.get("/x/forged").status_code == 404


def test_an_unknown_form_or_part_is_refused(
    client: Client, reg: Registry, alice: Actor, iris: Version
) -> None:
    let_in(client, reg, alice)
    for asked in ("tar", "package?part=everything"):
        assert client.get(f"/exports/{iris.model}/1/{asked}").status_code == 422


def test_a_signed_link_gives_the_zip_to_whoever_holds_it(
    client: Client, reg: Registry, alice: Actor, iris: Version
) -> None:
    token = exports.link(reg, alice, iris.ref, "hub")
    answer = client.get(f"/x/{token}")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = ["README.md", "vitrine.json", iris.artifact.filename]
        assert archive.namelist() == names

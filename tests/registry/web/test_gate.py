"""The upload gate: bytes to disk, a pointer to Streamlit, and nothing from strangers."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from starlette.types import Message

from registry import accounts, governing, staging
from registry.core import Registry
from registry.records import Actor, Role
from registry.tables import StagedRow
from registry.web import handle
from registry.web.gate import UploadGate
from tests.registry.web.conftest import UPLOAD, XSRF, Behind, Client, let_in, run


def staged_files(reg: Registry) -> list[Path]:
    return list(reg.settings.staging_folder.iterdir())


def rows(reg: Registry) -> int:
    with reg.reading() as s:
        return s.query(StagedRow).count()


def send(client: Client, name: str, content: bytes) -> int:
    answer = client.put(UPLOAD, files={"file": (name, content)}, headers=XSRF)
    return answer.status_code


@pytest.mark.parametrize("size", [1, 1000, 1 << 20, (1 << 20) + 1, 5_000_003])
def test_a_file_lands_on_disk_and_streamlit_gets_a_pointer(
    client: Client, reg: Registry, behind: Behind, alice: Actor, size: int
) -> None:
    content = (hashlib.sha256(b"x").digest() * (size // 32 + 1))[:size]
    let_in(client, reg, alice)
    assert send(client, "model.onnx", content) == 204
    [(name, blob)] = behind.files
    assert name == "model.onnx"
    assert len(blob) < 1000
    staged = staging.from_pointer(reg, alice, blob)
    assert (staged.filename, staged.size_bytes) == ("model.onnx", size)
    assert staged.digest == hashlib.sha256(content).hexdigest()
    assert staging.path(reg, staged.id).read_bytes() == content


@pytest.mark.parametrize("name", ['a "quoted" one.pt', "Modell für Übersee.joblib", "a;b=c.onnx"])
def test_a_file_keeps_its_name(
    client: Client, reg: Registry, behind: Behind, alice: Actor, name: str
) -> None:
    let_in(client, reg, alice)
    spelled = name.replace('"', "%22")
    body = (
        f'--b\r\nContent-Disposition: form-data; name="{spelled}"; filename="{spelled}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\nbytes\r\n--b--\r\n"
    ).encode()
    headers = {**XSRF, "content-type": "multipart/form-data; boundary=b"}
    assert client.put(UPLOAD, content=body, headers=headers).status_code == 204
    assert staging.from_pointer(reg, alice, behind.files[0][1]).filename == name


def test_content_that_looks_like_a_boundary_survives(
    client: Client, reg: Registry, behind: Behind, alice: Actor
) -> None:
    content = b"\r\n--vitrine-pointer\r\n--\r\n\r\n--vitrine-pointer--\r\n" * 50_000
    let_in(client, reg, alice)
    assert send(client, "tricky.bin", content) == 204
    staged = staging.from_pointer(reg, alice, behind.files[0][1])
    assert staging.path(reg, staged.id).read_bytes() == content


def test_nobody_uploads_without_signing_in_and_no_byte_is_read(
    reg: Registry, behind: Behind
) -> None:
    async def receive() -> Message:
        raise AssertionError("the body was read")

    status, _ = exchange(reg, behind, receive, {})
    assert status == 401
    assert staged_files(reg) == []


def test_who_may_neither_publish_nor_predict_uploads_nothing(
    client: Client,
    reg: Registry,
    behind: Behind,
    admin: Actor,
    new_user: Callable[[str, Role], Actor],
) -> None:
    vera = new_user("vera", "viewer")
    governing.permit(reg, admin, "vera", ["search"])
    let_in(client, reg, vera)
    assert send(client, "model.onnx", b"bytes") == 403
    assert behind.files == []


def test_an_upload_from_another_site_is_refused(
    client: Client, reg: Registry, behind: Behind, alice: Actor
) -> None:
    let_in(client, reg, alice)
    answer = client.put(UPLOAD, files={"file": ("m.onnx", b"bytes")})
    assert (answer.status_code, behind.files) == (403, [])


def test_a_session_that_has_ended_uploads_no_more(
    client: Client, reg: Registry, alice: Actor
) -> None:
    accounts.sign_out(reg, let_in(client, reg, alice))
    assert send(client, "model.onnx", b"bytes") == 401


def test_too_much_is_refused_with_the_limit_and_leaves_nothing(
    reg_with: Callable[..., Registry], reg: Registry, client: Client, alice: Actor
) -> None:
    small = reg_with(max_upload_mb=1)
    handle.use(small)
    let_in(client, reg, alice)
    answer = client.put(UPLOAD, files={"file": ("m.onnx", b"x" * (2 << 20))}, headers=XSRF)
    assert answer.status_code == 413
    assert "1 MB" in answer.json()["error"]

    async def unannounced() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 100_000

    headers = {**XSRF, "content-type": "multipart/form-data; boundary=b"}
    answer = client.put(UPLOAD, content=unannounced(), headers=headers)
    assert answer.status_code == 413
    assert (staged_files(reg), rows(reg)) == ([], 0)


def test_a_full_disk_is_said(
    reg_with: Callable[..., Registry], reg: Registry, client: Client, alice: Actor
) -> None:
    handle.use(reg_with(min_free_disk_mb=10**9))
    let_in(client, reg, alice)
    answer = client.put(UPLOAD, files={"file": ("m.onnx", b"bytes")}, headers=XSRF)
    assert answer.status_code == 507
    assert "room" in answer.json()["error"]
    assert staged_files(reg) == []


def test_what_streamlit_refuses_is_not_kept(
    client: Client, reg: Registry, behind: Behind, alice: Actor
) -> None:
    behind.status = 400
    let_in(client, reg, alice)
    assert send(client, "model.onnx", b"bytes") == 400
    assert (staged_files(reg), rows(reg)) == ([], 0)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/octet-stream", b"bytes"),
        ("multipart/form-data", b"bytes"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"not a multipart body at all"),
        ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nno file name\r\n--b--\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\ncut off',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\none\r\n'
            b'--b\r\nContent-Disposition: form-data; name="g"; filename="g"\r\n\r\ntwo\r\n'
            b"--b--\r\n",
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"H" * 100_000),
    ],
)
def test_a_damaged_body_is_refused_and_leaves_nothing(
    client: Client,
    reg: Registry,
    behind: Behind,
    alice: Actor,
    content_type: str,
    body: bytes,
) -> None:
    let_in(client, reg, alice)
    answer = client.put(UPLOAD, content=body, headers={**XSRF, "content-type": content_type})
    assert answer.status_code == 422
    assert (staged_files(reg), rows(reg), behind.files) == ([], 0, [])


def test_a_browser_that_goes_away_leaves_nothing(
    client: Client, reg: Registry, behind: Behind, alice: Actor
) -> None:
    let_in(client, reg, alice)
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    messages: list[Message] = [
        {"type": "http.request", "body": head + b"x" * (3 << 20), "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        if len(messages) == 1:
            assert len(staged_files(reg)) == 1
        return messages.pop(0)

    status, sent = exchange(reg, behind, receive, dict(client.cookies))
    assert (status, sent) == (0, [])
    assert (staged_files(reg), rows(reg), behind.files) == ([], 0, [])


def test_memory_stays_flat_however_large_the_file(
    client: Client, reg: Registry, behind: Behind, alice: Actor
) -> None:
    let_in(client, reg, alice)
    block, left = b"x" * 65_536, 1600
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'

    async def receive() -> Message:
        nonlocal left
        left -= 1
        body = head if left == 1599 else block if left else b"\r\n--b--\r\n"
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    tracemalloc.start()
    try:
        status, _ = exchange(reg, behind, receive, dict(client.cookies))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == 204
    assert peak < 12 << 20


def test_other_requests_pass_untouched(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.delete(UPLOAD).status_code == 405


def exchange(
    reg: Registry, behind: Behind, receive: object, cookies: dict[str, str]
) -> tuple[int, list[Message]]:
    """One upload spoken in raw ASGI; gives the status (0: no answer) and what was sent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
    scope = {
        "type": "http",
        "method": "PUT",
        "path": UPLOAD,
        "raw_path": UPLOAD.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [
            (b"cookie", jar.encode()),
            (b"x-xsrftoken", b"token"),
            (b"content-type", b"multipart/form-data; boundary=b"),
        ],
    }
    assert behind.app
    run(UploadGate(behind.app, lambda: reg), scope, receive, send)
    start = next((m for m in sent if m["type"] == "http.response.start"), {"status": 0})
    return start["status"], sent

"""Uploads and downloads by the API: the same bytes in and out, in flat memory, or nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry import access, jobs, staging, tokens, uploads, versions
from registry.core import Registry
from registry.records import Actor, Version
from registry.web import handle
from registry.web.api.resuming import KIND
from tests.registry.web.conftest import Api, problem

ApiOf = Callable[[Actor], Api]


def digest_of(content: bytes) -> dict[str, str]:
    value = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"content-digest": f"sha-256=:{value}:"}


def form(path: Path, details: Any = None, **others: tuple[str, bytes]) -> dict[str, Any]:
    files: dict[str, Any] = {"file": (path.name, path.read_bytes()), **others}
    return {"files": files, "data": {"details": json.dumps(details)} if details else {}}


def is_clean(reg: Registry) -> bool:
    """Whether nothing lies about."""
    return list(reg.settings.staging_folder.iterdir()) == []


def test_a_file_becomes_a_model(api: Api, reg: Registry, alice: Actor, iris_file: Path) -> None:
    content = iris_file.read_bytes()
    details = {"name": "Flowers", "tags": ["a"], "label": "1.0.0", "license": "MIT",
               "metrics": [{"name": "f1", "value": 0.9}], "links": {},
               "sha256": {"file": hashlib.sha256(content).hexdigest()}}  # fmt: skip
    sent = form(iris_file, details, requirements=("requirements.txt", b"scikit-learn\n"))
    answer = api("POST", "/models", **sent)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert answer.headers["location"] == "/api/v1/models/alice/flowers/versions/1"
    assert (said["ref"], said["status"], said["label"]) == ("alice/flowers@1", "checking", "1.0.0")
    kinds = {a["kind"]: a["digest"] for a in said["artifacts"]}
    assert kinds["model"] == hashlib.sha256(content).hexdigest()
    assert set(kinds) == {"model", "requirements"}
    assert [job.kind for job in jobs.find(reg, alice)] == ["check"]
    assert api.ok("GET", answer.headers["location"])["metrics"][0]["value"] == 0.9
    assert api.ok("GET", "/models/alice/flowers")["license"] == "MIT"
    again = api("POST", "/models", **form(iris_file, {"name": "Flowers"}))
    problem(again, 409)
    assert is_clean(reg)


def test_a_version_of_a_model(api: Api, iris: Version, iris_file: Path) -> None:
    path = f"/models/{iris.model}/versions"
    answer = api("POST", path, **form(iris_file, {"parents": [iris.ref], "notes": "more"}))
    assert answer.status_code == 201, answer.text
    assert answer.json()["parents"] == [iris.ref]
    assert api("POST", path, **form(iris_file)).json()["number"] == 3


def test_bytes_other_than_announced_are_not_kept(
    api: Api, reg: Registry, alice: Actor, iris: Version, iris_file: Path
) -> None:
    path = f"/models/{iris.model}/versions"
    of_file = digest_of(iris_file.read_bytes())  # not of the message: of one part of it
    for headers in (of_file, digest_of(b"other"), {"content-digest": "sha-256=:AAAA:"}):
        said = problem(api("POST", path, headers=headers, **form(iris_file)), 422)
        assert set(said["problems"]) == {"Content-Digest"}
    digest = hashlib.sha256(iris_file.read_bytes()).hexdigest()
    for wrong in ({"file": "0" * 64}, {"config": digest}, {"file": digest, "data": ""}):
        said = problem(api("POST", path, **form(iris_file, {"sha256": wrong})), 422)
        assert set(said["problems"]) <= {"sha256.file", "sha256.config", "sha256.data"}
    assert is_clean(reg)
    assert len(versions.find(reg, alice, iris.model)) == 1


def test_a_digest_is_of_the_whole_message(api: Api, iris: Version, iris_file: Path) -> None:
    path = f"/models/{iris.model}/versions"
    sent = httpx.Request("POST", "http://testserver", **form(iris_file, {"notes": "whole"}))
    headers = {"content-type": sent.headers["content-type"], **digest_of(sent.read())}
    answer = api("POST", path, content=sent.read(), headers=headers)
    assert answer.status_code == 201, answer.text


def test_what_came_in_parts_is_compared_too(
    api: Api, reg: Registry, alice: Actor, iris: Version, iris_file: Path
) -> None:
    path, content = f"/models/{iris.model}/versions", iris_file.read_bytes()
    upload = uploads.begin(reg, alice, iris_file.name, len(content)).id
    headers = {"upload-offset": "0", "tus-resumable": "1.0.0"}
    api("PATCH", f"/uploads/{upload}", kind=KIND, content=content, headers=headers)
    wrong = {"upload": upload, "sha256": {"file": "0" * 64}}
    assert "sha256.file" in problem(api("POST", path, json=wrong), 422)["problems"]
    right = {"upload": upload, "sha256": {"file": hashlib.sha256(content).hexdigest().upper()}}
    assert api("POST", path, json=right).status_code == 201


CUT = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx'


@pytest.mark.parametrize("what", ["no name", "no file", "more", "twice", "details", "cut", "text"])
def test_a_form_that_does_not_fit_leaves_nothing(
    what: str, api: Api, reg: Registry, iris_file: Path
) -> None:
    content, name = iris_file.read_bytes(), {"name": "Flowers"}
    part = (iris_file.name, content)
    sent: dict[str, Any] = {
        "no name": form(iris_file),
        "no file": {"files": {"requirements": ("r.txt", b"x")}, "data": {"details": "{}"}},
        "more": form(iris_file, name, secrets=("x.txt", b"x")),
        "twice": {"files": [("file", part), ("file", part)]},
        "details": {"files": {"file": part}, "data": {"details": "{"}},
        "text": {"files": {"file": part}, "data": {"details": "[1]"}},
        "cut": {"content": CUT, "kind": "multipart/form-data; boundary=b"},
    }[what]  # fmt: skip
    assert problem(api("POST", "/models", **sent), 422)["problems"]
    assert is_clean(reg)


def test_what_is_no_model_or_dangerous_is_refused(api: Api, reg: Registry, tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("true",)

    hostile, text = tmp_path / "m.pkl", tmp_path / "m.onnx"
    hostile.write_bytes(pickle.dumps(Evil()))
    text.write_bytes(b"just words")
    said = problem(api("POST", "/models", **form(hostile, {"name": "Evil"})), 422)
    assert any(finding["level"] == "block" for finding in said["findings"])
    assert api("POST", "/models", **form(text, {"name": "Text"})).status_code in (415, 422)
    assert is_clean(reg)


def test_who_may_not_edit_adds_no_version(
    api_of: ApiOf, reg: Registry, bob: Actor, iris: Version, iris_file: Path
) -> None:
    path = f"/models/{iris.model}/versions"
    problem(api_of(bob)("POST", path, **form(iris_file)), 404)
    assert is_clean(reg)
    narrow = api_of(bob)
    narrow.secret = tokens.create(reg, bob, "reads", ["search"])[1]
    problem(narrow("POST", path, **form(iris_file)), 403)


def test_a_large_file_takes_no_memory_and_too_large_a_one_no_disk(
    api: Api, reg: Registry, reg_with: Callable[..., Registry]
) -> None:
    handle.use(reg_with(max_upload_mb=24))
    sent = 0

    def body(megabytes: int) -> Callable[[], AsyncIterator[bytes]]:
        async def stream() -> AsyncIterator[bytes]:
            nonlocal sent
            sent = 0
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n'
            for _ in range(megabytes * 16):
                sent += 1
                yield b"z" * 65536
            yield b"\r\n--b--\r\n"

        return stream

    tracemalloc.start()
    try:
        for megabytes, statuses in ((20, (415, 422)), (40, (413,))):
            answer = api("POST", "/models", content=body(megabytes)(),
                         kind="multipart/form-data; boundary=b")  # fmt: skip
            assert answer.status_code in statuses, answer.text
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()
    assert sent < 30 * 16
    assert is_clean(reg)


def resumed(api: Api, content: bytes, name: str = "model.joblib") -> tuple[str, str]:
    """An announced upload: its address and its id."""
    metadata = f"filename {base64.b64encode(name.encode()).decode()}"
    headers = {"upload-length": str(len(content)), "upload-metadata": metadata}
    answer = api("POST", "/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"], answer.json()["id"]


def part(api: Api, where: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
    sent = {"upload-offset": str(offset), **headers}
    return api("PATCH", where, kind=KIND, content=content, headers=sent)


def test_parts_become_a_version(api: Api, reg: Registry, iris: Version, iris_file: Path) -> None:
    content = iris_file.read_bytes()
    where, upload = resumed(api, content)
    half = len(content) // 2
    first = part(api, where, 0, content[:half], **digest_of(content[:half]))
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(half))
    asked = api("HEAD", where)
    assert asked.headers["upload-offset"] == str(half)
    assert asked.headers["upload-length"] == str(len(content))
    path, body = f"/models/{iris.model}/versions", {"upload": upload, "notes": "in parts"}
    assert "missing" in problem(api("POST", path, json=body), 409)["detail"]
    assert part(api, where, half, content[half:]).status_code == 204
    assert api.ok("GET", where)["received_bytes"] == len(content)
    said = api.ok("POST", path, 201, json=body)
    assert (said["number"], said["notes"]) == (2, "in parts")
    assert api.ok("POST", path, 201, json=body)["number"] == 2  # the answer was lost: again
    assert api("HEAD", where).status_code == 404
    assert is_clean(reg)


def test_an_upload_that_is_published_is_not_published_elsewhere(
    api: Api, iris: Version, iris_file: Path
) -> None:
    content = iris_file.read_bytes()
    where, upload = resumed(api, content)
    assert part(api, where, 0, content).status_code == 204
    made = {"upload": upload, "name": "Petals"}
    first = api.ok("POST", "/models", 201, json=made)
    assert api.ok("POST", "/models", 201, json=made) == first
    there = f"/models/{first['model']}/versions"
    assert api.ok("POST", there, 201, json={"upload": upload})["number"] == 1
    for path, body in (
        ("/models", {"upload": upload, "name": "Leaves"}),
        (f"/models/{iris.model}/versions", {"upload": upload, "notes": "lost"}),
    ):
        told = problem(api("POST", path, json=body), 409)["detail"]
        assert "this upload became alice/petals@1 already" in told


def test_where_an_upload_went_is_told_only_to_who_sees_it(
    api: Api, api_of: ApiOf, reg: Registry, alice: Actor, bob: Actor, iris: Version, iris_file: Path
) -> None:
    access.share(reg, alice, iris.model, bob.username, "edit")
    by_bob, content = api_of(bob), iris_file.read_bytes()
    where, upload = resumed(by_bob, content)
    assert part(by_bob, where, 0, content).status_code == 204
    by_bob.ok("POST", f"/models/{iris.model}/versions", 201, json={"upload": upload})
    access.unshare(reg, alice, iris.model, bob.username)
    told = problem(by_bob("POST", "/models", json={"upload": upload, "name": "X"}), 409)
    assert "became a version already" in told["detail"]
    assert iris.model not in told["detail"]


def test_a_part_out_of_place_or_damaged_changes_nothing(api: Api, iris: Version) -> None:
    where, _ = resumed(api, b"x" * 10)
    assert part(api, where, 0, b"x" * 4).status_code == 204
    assert "4 bytes are here" in problem(part(api, where, 0, b"x" * 4), 409)["detail"]
    problem(part(api, where, 4, b"y" * 6, **digest_of(b"x" * 6)), 422)
    problem(part(api, where, 4, b"y" * 7), 413)
    assert api("HEAD", where).headers["upload-offset"] == "4"
    problem(api("PATCH", where, content=b"x", headers={"upload-offset": "4"}), 415)
    problem(api("PATCH", where, kind=KIND, content=b"x"), 422)
    api.ok("DELETE", where, 204)
    assert api("HEAD", where).status_code == 404


def test_what_arrived_before_the_link_broke_is_kept(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    where, upload = resumed(api, b"x" * 5_000_000)

    async def broken() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000
        raise httpx.ReadError("the link broke")

    with pytest.raises(httpx.ReadError):
        part(api, where, 0, broken())  # type: ignore[arg-type]
    here = uploads.get(reg, alice, upload).received_bytes
    assert here == int(api("HEAD", where).headers["upload-offset"])
    assert part(api, where, here, b"x" * (5_000_000 - here)).status_code == 204
    assert staging.get(reg, alice, upload).digest == hashlib.sha256(b"x" * 5_000_000).hexdigest()


def test_a_form_of_very_many_parts_is_refused(api: Api) -> None:
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="x{n}"\r\n\r\n\r\n' for n in range(200)
    )
    said = problem(api("POST", "/models", kind="multipart/form-data; boundary=b",
                       content=f"{parts}--b--\r\n".encode()), 422)  # fmt: skip
    assert said["problems"] == {"file": "a form has at most 100 parts"}


def test_anothers_upload_is_none(api: Api, api_of: ApiOf, bob: Actor, iris: Version) -> None:
    where, upload = resumed(api, b"x" * 10)
    by_bob = api_of(bob)
    assert by_bob("HEAD", where).status_code == 404
    problem(part(by_bob, where, 0, b"x"), 404)
    problem(by_bob("POST", "/models", json={"upload": upload, "name": "X"}), 404)
    problem(by_bob("DELETE", where), 404)
    problem(api("POST", "/uploads", headers={"upload-length": str(1 << 40)}), 413)
    problem(api("POST", "/uploads"), 422)


def test_a_file_is_downloaded_and_counted(
    api: Api, reg: Registry, alice: Actor, iris: Version, iris_file: Path
) -> None:
    path, content = f"/models/{iris.model}/versions/1/files", iris_file.read_bytes()
    for name in ("model", iris.artifact.id):
        answer = api("GET", f"{path}/{name}")
        assert (answer.status_code, answer.content) == (200, content)
    etag = answer.headers["etag"]
    assert etag == f'"{iris.artifact.digest}"'
    assert iris.artifact.filename in answer.headers["content-disposition"]
    assert versions.get(reg, alice, iris.ref).artifact.downloads == 2
    assert api("GET", f"{path}/model", headers={"if-none-match": etag}).status_code == 304
    problem(api("GET", f"{path}/config"), 404)
    problem(api("GET", f"{path}/nonsense"), 404)


RANGES = [("bytes=0-9", 0, 10), ("bytes=10-", 10, None), ("bytes=-7", -7, None)]


@pytest.mark.parametrize(("said", "start", "end"), RANGES)
def test_a_range_of_a_file(
    said: str, start: int, end: int | None, api: Api, iris: Version, iris_file: Path
) -> None:
    path, content = f"/models/{iris.model}/versions/1/files/model", iris_file.read_bytes()
    answer = api("GET", path, headers={"range": said})
    assert (answer.status_code, answer.content) == (206, content[start:end])
    assert answer.headers["content-range"].endswith(f"/{len(content)}")
    old = api("GET", path, headers={"range": said, "if-range": '"another"'})
    assert (old.status_code, old.content) == (200, content)
    same = {"range": said, "if-range": answer.headers["etag"]}
    assert api("GET", path, headers=same).status_code == 206


def test_a_range_that_is_not_there(api: Api, reg: Registry, alice: Actor, iris: Version) -> None:
    path = f"/models/{iris.model}/versions/1/files/model"
    for said in ("bytes=99999999-", "bytes=5-2", "bytes=-0"):
        answer = api("GET", path, headers={"range": said})
        problem(answer, 416)
        assert answer.headers["content-range"] == f"bytes */{iris.size_bytes}"
    for said in ("bytes=0-1,4-5", "lines=1-2", "bytes=x-", "bytes=-", "bytes=" + "9" * 99 + "-"):
        assert api("GET", path, headers={"range": said}).status_code == 200
    before = versions.get(reg, alice, iris.ref).artifact.downloads
    assert api("GET", path, headers={"range": "bytes=5-9"}).status_code == 206
    assert versions.get(reg, alice, iris.ref).artifact.downloads == before


def test_all_but_the_first_byte_is_a_download_too(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    path = f"/models/{iris.model}/versions/1/files/model"
    for _ in range(2):
        assert api("GET", path, headers={"range": "bytes=1-"}).status_code == 206
    assert versions.get(reg, alice, iris.ref).artifact.downloads == 1


def test_a_token_that_only_uploads_is_told_what_it_made(
    api: Api, reg: Registry, alice: Actor, iris: Version, iris_file: Path
) -> None:
    api.secret = tokens.create(reg, alice, "delivers", ["upload"])[1]
    assert api.ok("POST", f"/models/{iris.model}/versions", 201, **form(iris_file))["number"] == 2
    more = {"metrics": [{"name": "f1", "value": 0.5}]}
    logged = api.ok("POST", f"/models/{iris.model}/versions/2/metrics", json=more)
    assert [metric["value"] for metric in logged["metrics"]] == [0.5]
    told = api.ok("PATCH", f"/models/{iris.model}", json={"description": "new"})
    assert told["description"] == "new"
    problem(api("GET", f"/models/{iris.model}"), 403)


def test_seeing_is_not_downloading(
    api: Api, reg: Registry, alice: Actor, bob: Actor, api_of: ApiOf, iris: Version
) -> None:
    path = f"/models/{iris.model}/versions/1/files/model"
    problem(api_of(bob)("GET", path), 404)
    api.secret = tokens.create(reg, alice, "looks", ["search"])[1]
    problem(api("GET", path), 403)
    api.secret = tokens.create(reg, alice, "fetches", ["download"])[1]
    assert api("GET", path).status_code == 200

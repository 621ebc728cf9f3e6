"""The API: who may ask, what an answer holds, and that nothing sent to it hurts."""

from __future__ import annotations

import json
import math
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from registry import access, accounts, predict, predictions, tokens, versions
from registry.core import Registry
from registry.errors import Busy, InvalidInput, PredictionTimeout
from registry.records import Actor, Version
from registry.web import handle
from registry.web.api import admission, bodies, predicting
from registry.web.api.app import PREFIX
from tests.makers import models as makers
from tests.registry.web.conftest import Behind, Client, let_in, problem, run

Publish = Callable[..., Version]
Ask = Callable[..., httpx.Response]


@pytest.fixture
def secret(reg: Registry, alice: Actor) -> str:
    return tokens.create(reg, alice, "a script", ["predict"])[1]


@pytest.fixture
def ask(client: Client, iris: Version, secret: str) -> Ask:
    """Posts a body (bytes, or data for JSON) by alice's token."""

    def post(body: Any, path: str = "", **headers: str) -> httpx.Response:
        sent = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) or callable(body) else json.dumps(body).encode()
        content = content() if callable(content) else content
        return client.post(path or f"{PREFIX}/models/{iris.model}/predict", content=content,
                           headers={k: v for k, v in sent.items() if v})  # fmt: skip

    return post


def example(version: Version) -> dict[str, Any]:
    assert version.schema is not None
    return version.schema.example


def test_an_answer_is_what_the_page_says(
    ask: Ask, reg: Registry, alice: Actor, iris: Version
) -> None:
    answer = ask({"rows": [example(iris)] * 3})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    ours = predict.predict(reg, alice, iris.ref, [example(iris)] * 3)
    assert said["ref"] == iris.ref
    assert said["n_rows"] == 3
    assert {name: o["values"] for name, o in said["outputs"].items()} == {
        o.name: o.values for o in ours.outputs
    }
    shares = said["outputs"]["probabilities"]
    assert (shares["role"], shares["shape"]) == ("probabilities", [3, 3])
    assert tuple(shares["classes"]) == iris.schema.classes  # type: ignore[union-attr]
    assert set(said["latency_ms"]) == {"queue", "load", "predict", "total"}
    predictions.flush(reg)
    lines = predictions.find(reg, alice).items
    assert said["id"] in [line.id for line in lines]
    assert tokens.find(reg, alice)[0].calls_left == 999


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "one row"])
def test_other_forms_of_the_same_rows(form: str, ask: Ask, iris: Version) -> None:
    row = example(iris)
    split = {"columns": list(row), "data": [list(row.values())]}
    body = {"dataframe_split": split} if form == "dataframe_split" else {form: [row]}
    body = {"rows": row} if form == "one row" else body
    assert ask(body).json()["outputs"] == ask({"rows": [row]}).json()["outputs"]


def test_a_version_by_number_and_by_alias(ask: Ask, iris: Version) -> None:
    path = f"/api/v1/models/{iris.model}/predict"
    for version in ("1", "v1", "latest"):
        answer = ask({"rows": [example(iris)]}, f"{path}?version={version}")
        assert answer.json()["ref"] == iris.ref
    problem(ask({"rows": [example(iris)]}, f"{path}?version=7"), 404)
    problem(ask({"rows": [example(iris)]}, f"{path}?version={'x' * 300}"), 422)


def test_named_tensors(
    client: Client, reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path, secret: str
) -> None:
    version = publish_file(alice, makers.onnx_picture(tmp_path), name="Pictures")
    answer = client.post(
        f"/api/v1/models/{version.model}/predict",
        json={"inputs": example(version)},
        headers={"authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["n_rows"] == 1


def test_anothers_private_model_and_none_at_all_look_alike(
    ask: Ask, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    token = tokens.create(reg, bob, "bob's", ["predict", "search"])[1]
    by_bob = {"authorization": f"Bearer {token}"}
    row = {"rows": [example(iris)]}
    seen = []
    for path in (f"/api/v1/models/{iris.model}/predict", "/api/v1/models/alice/nothing/predict"):
        for address in (path, f"{path}?version=1", f"{path}?version=99"):
            answer = ask(row, address, **by_bob)
            problem(answer, 404)
            same = answer.text.replace(iris.model, "…").replace("alice/nothing", "…")
            seen.append((same, sorted(answer.headers)))
    assert all(one == seen[0] for one in seen)
    access.share(reg, alice, iris.model, "bob", "view")
    assert ask(row, **by_bob).status_code == 200


def test_who_has_no_valid_token_gets_no_further(
    ask: Ask, client: Client, reg: Registry, alice: Actor, secret: str
) -> None:
    let_in(client, reg, alice)  # the cookie of her session counts for nothing
    wrong = secret[:-1] + ("1" if secret.endswith("0") else "0")
    for said in ("", "Bearer", f"Basic {secret}", "Bearer nonsense", f"Bearer {wrong}"):
        answer = ask(b"[" * 100_000, authorization=said)
        assert problem(answer, 401)["detail"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
    [token] = tokens.find(reg, alice)
    assert token.calls_left == 1000
    tokens.revoke(reg, alice, token.id)
    problem(ask({}), 401)


def test_a_token_for_something_else_does_not_predict(
    ask: Ask, reg: Registry, alice: Actor, iris: Version
) -> None:
    token = tokens.create(reg, alice, "looks", ["search", "download"])[1]
    said = problem(ask({"rows": [example(iris)]}, authorization=f"Bearer {token}"), 403)
    assert "does not permit" in said["detail"]


def test_a_disabled_persons_token_is_nobodys(
    ask: Ask, reg: Registry, admin: Actor, iris: Version
) -> None:
    assert ask({"rows": [example(iris)]}).status_code == 200
    accounts.set_disabled(reg, admin, "alice", True)
    problem(ask({"rows": [example(iris)]}), 401)


def test_used_up_and_too_often(
    ask: Ask, reg_with: Callable[..., Registry], reg: Registry, alice: Actor, iris: Version
) -> None:
    token = tokens.create(reg, alice, "short", ["predict"], calls=1)[1]
    row = {"rows": [example(iris)]}
    assert ask(row, authorization=f"Bearer {token}").status_code == 200
    assert "no calls left" in problem(ask(row, authorization=f"Bearer {token}"), 403)["detail"]
    handle.use(reg_with(predictions_per_minute=1))
    assert ask(row).status_code == 200
    answer = ask(row)
    assert problem(answer, 429)["title"] == "Rate limited"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize("limit", ["predictions_per_minute", "calls_per_minute"])
def test_what_a_limit_refuses_costs_the_token_no_call(
    limit: str, ask: Ask, reg_with: Callable[..., Registry], reg: Registry, alice: Actor,
    iris: Version,
) -> None:  # fmt: skip
    token = tokens.create(reg, alice, "short", ["predict"], calls=3)[1]
    handle.use(reg_with(**{limit: 2}))
    said = [
        ask({"rows": [example(iris)]}, authorization=f"Bearer {token}").status_code
        for _ in range(6)
    ]
    assert said == [200, 200, 429, 429, 429, 429]
    assert tokens.find(reg, alice)[0].calls_left == 1


def test_a_wrong_field_is_named(ask: Ask, iris: Version) -> None:
    row = example(iris)
    name = next(iter(row))
    said = problem(ask({"rows": [row | {name: "much", "extra": 1}]}), 422)
    assert set(said["problems"]) == {name, "extra"}


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"rows=1",
    "not UTF-8": b'{"rows": "\xff\xfe"}',
    "a mark of byte order": b"\xef\xbb\xbf{}",
    "half a pair": b'{"rows": [{"a": "\\ud800"}]}',
    "nested without end": b"[" * 100_000,
    "nested objects": b'{"rows":' * 5_000,
    "nested deep, closed": b'{"inputs": {"x": ' + b"[" * 180 + b"]" * 180 + b"}}",
    "NaN": b'{"rows": [{"a": NaN}]}',
    "infinite": b'{"rows": [{"a": 1e999}]}',
    "a number of many digits": b'{"rows": [{"a": ' + b"9" * 1_000_000 + b"}]}",
    "a number of some digits": b'{"rows": [{"a": ' + b"9" * 400 + b"}]}",
    "a list": b"[1, 2]",
    "a string": b'"rows"',
    "no known member": b'{"data": []}',
    "two forms": b'{"rows": [], "inputs": {}}',
    "rows that are a number": b'{"rows": 5}',
    "rows that are text": b'{"rows": "abc"}',
    "rows that are numbers": b'{"rows": [1, 2]}',
    "no rows": b'{"rows": []}',
    "very many rows": b'{"rows": [' + b"{}," * 50_000 + b"{}]}",
    "inputs that are a list": b'{"inputs": [[1]]}',
    "split without data": b'{"dataframe_split": {"columns": []}}',
    "split of text": b'{"dataframe_split": {"columns": "ab", "data": "cd"}}',
    "split with long rows": b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}',
    "split, one name twice": b'{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}',
    "split without columns": b'{"dataframe_split": {"columns": [], "data": [[], []]}}',
    "very many rows split": b'{"dataframe_split": {"columns": [], "data": ['
    + b"[]," * 50_000
    + b"[]]}}",
    "very many columns": json.dumps({"rows": [{str(n): n for n in range(100_000)}]}).encode(),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_body_is_refused_with_a_reason(what: str, ask: Ask) -> None:
    answer = ask(HOSTILE[what])
    said = problem(answer, 422)
    assert said["problems"]
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"dataframe_split": {"columns": [], "data": [[]] * 9}}, "no columns"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1]] * 300_000}}, "at most 10,000"),
        ({"dataframe_records": [{}] * 300_000}, "at most 10,000"),
        ({"rows": [{}] * 300_000}, "at most 10,000"),
    ],
    ids=["split without columns", "split", "records", "rows"],
)
def test_rows_are_counted_before_anything_is_made_of_them(body: dict[str, Any], why: str) -> None:
    [(form, given)] = body.items()
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=why):
            bodies._FORMS[form](given)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


TENSORS: dict[str, str] = {
    "ragged": "[[1, 2], [3]]",
    "deep": "[" * 150 + "1" + "]" * 150,
    "text": '"abc"',
    "huge": "[[" + "9" * 400 + "]]",
    "huge among floats": "[[1.5, " + "9" * 400 + "]]",
    "infinite": "[[1e999]]",
    "an object": '{"a": 1}',
    "nothing": "null",
}


def test_a_hostile_tensor_is_refused_too(
    client: Client, alice: Actor, publish_file: Publish, tmp_path: Path, secret: str
) -> None:
    version = publish_file(alice, makers.onnx_picture(tmp_path), name="Pictures")
    [name] = example(version)
    for what, value in TENSORS.items():
        answer = client.post(
            f"/api/v1/models/{version.model}/predict",
            content=f'{{"inputs": {{"{name}": {value}}}}}',
            headers={"authorization": f"Bearer {secret}", "content-type": "application/json"},
        )
        assert set(problem(answer, 422)["problems"]) == {name}, what


def test_a_body_is_counted_while_it_arrives(
    ask: Ask, reg: Registry, reg_with: Callable[..., Registry]
) -> None:
    handle.use(reg_with(max_request_mb=1))
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1 << 16
            yield b" " * (1 << 16)

    answer = ask(endless)
    assert "1 MiB" in problem(answer, 413)["detail"]
    assert answer.headers["connection"] == "close"
    problem(ask(b"x" * ((1 << 20) + 1)), 413)
    assert read < 1 << 26
    problem(ask(b" " * (1 << 20)), 422)


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", "application/xml"])
def test_another_media_type_is_refused(kind: str, ask: Ask) -> None:
    problem(ask(b"{}", content_type=kind), 415)


def test_a_version_that_does_not_predict_says_why(
    ask: Ask, reg: Registry, alice: Actor, iris: Version
) -> None:
    versions.edit(reg, alice, iris.ref, lifecycle="archived")
    said = problem(
        ask({"rows": [example(iris)]}, f"/api/v1/models/{iris.model}/predict?version=1"), 409
    )
    assert "archived" in said["detail"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(Busy("all workers are in use"), 503), (PredictionTimeout(10), 504)],
    ids=["busy", "timeout"],
)
def test_what_the_pool_refuses_has_its_status(
    error: Exception, status: int, ask: Ask, reg: Registry, iris: Version,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(reg.pool), "predict", refuse)
    answer = ask({"rows": [example(iris)]})
    problem(answer, status)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_one_person_does_not_fill_the_server(ask: Ask, alice: Actor, iris: Version) -> None:
    row = {"rows": [example(iris)]}
    admission.under_way[alice.id] = admission.OPEN_EACH
    try:
        problem(ask(row), 503)
    finally:
        del admission.under_way[alice.id]
    assert ask(row).status_code == 200
    assert not admission.under_way


def test_one_persons_slow_calls_keep_nobody_else_waiting(
    behind: Behind, reg: Registry, bob: Actor, iris: Version, secret: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    by_bob = tokens.create(reg, bob, "bob's", ["predict"])[1]
    let_go, waiting = threading.Event(), threading.Semaphore(0)

    def slow(*_: object, **__: object) -> None:
        waiting.release()
        let_go.wait(20)
        raise Busy("all workers are in use")

    monkeypatch.setattr(type(reg.pool), "predict", slow)
    path, row = f"{PREFIX}/models/{iris.model}/predict", {"rows": [example(iris)]}
    each = admission.OPEN_EACH

    def post(token: str) -> httpx.Response:
        assert behind.app
        return Client(behind.app).post(path, json=row, headers={"authorization": f"Bearer {token}"})

    with ThreadPoolExecutor(each) as threads:
        slow_calls = [threads.submit(post, secret) for _ in range(each)]
        try:
            assert all(waiting.acquire(timeout=20) for _ in range(each))
            refused = post(secret)
            assert "too many calls" in problem(refused, 503)["detail"]
            assert int(refused.headers["retry-after"]) >= 1
            problem(post("vtr_nonsense"), 401)
            problem(post(by_bob), 404)
        finally:
            let_go.set()
        assert {call.result().status_code for call in slow_calls} == {503}
    assert each <= admission.AT_ONCE // 4
    assert not admission.under_way


def test_a_stranger_is_refused_while_every_turn_is_taken(client: Client, iris: Version) -> None:
    path = f"{PREFIX}/models/{iris.model}/predict"

    async def all_taken() -> httpx.Response:
        takers = [object() for _ in range(admission.AT_ONCE)]
        for taker in takers:
            admission.turns.acquire_on_behalf_of_nowait(taker)
        try:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(client._app), base_url="http://testserver"
            ) as stranger:
                with anyio.fail_after(20):
                    return await stranger.post(path, json={"rows": []})
        finally:
            for taker in takers:
                admission.turns.release_on_behalf_of(taker)

    problem(run(all_taken), 401)


def test_a_failing_model_is_told_with_its_words(
    ask: Ask, reg: Registry, alice: Actor, iris: Version
) -> None:
    from dataclasses import replace

    assert iris.schema is not None
    versions.edit(reg, alice, iris.ref, schema=replace(iris.schema, fields=iris.schema.fields[:2]))
    row = dict(list(example(iris).items())[:2])
    said = problem(ask({"rows": [row]}), 502)
    assert "features" in said["log"]


def test_paths_and_methods_that_are_not_there(client: Client, iris: Version) -> None:
    problem(client.get("/api/v1/nowhere"), 404)
    problem(client.get(f"/api/v1/models/{iris.model}/predict"), 405)


def test_a_bug_says_nothing(
    behind: Behind, iris: Version, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert behind.app

    def boom(*_: object) -> None:
        raise KeyError("a secret detail")

    monkeypatch.setattr(predicting, "predict", boom)
    with capture_logs() as logged:
        answer = Client(behind.app, raise_bugs=False).post(
            f"/api/v1/models/{iris.model}/predict",
            json={"rows": [{}]},
            headers={"authorization": f"Bearer {secret}"},
        )
    assert "secret" not in problem(answer, 500)["detail"]
    assert [line["error"] for line in logged] == ["KeyError"]
    assert "secret" not in str(logged)


def test_what_json_cannot_say_is_left_empty(ask: Ask, iris: Version) -> None:
    answer = ask({"rows": [example(iris)]})
    values = answer.json()["outputs"]["probabilities"]["values"]
    assert math.isclose(sum(values[0]), 1)
    assert "NaN" not in answer.text


def test_the_description_is_whole_and_its_examples_are_taken(client: Client) -> None:
    said = client.get("/api/v1/openapi.json").json()
    call = said["paths"]["/models/{owner}/{slug}/predict"]["post"]
    assert said["servers"] == [{"url": "/api/v1"}]
    assert {"200", "401", "403", "404", "413", "422", "429", "502", "503"} <= set(call["responses"])
    assert call["security"]
    for one in call["requestBody"]["content"]["application/json"]["examples"].values():
        assert len(one["value"]) == 1

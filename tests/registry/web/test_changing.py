"""Writing by the API: what the doors allow, once, with the status that says why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry import accounts, activity, aliases, gates, jobs, models, tokens
from registry.core import Registry
from registry.records import Actor, Rule, Version
from tests.registry.web.conftest import Api, Client, problem

ApiOf = Callable[[Actor], Api]


def test_a_model_is_edited_and_published(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    said = api.ok(
        "PATCH",
        f"/models/{iris.model}",
        json={"description": "Flowers", "tags": ["a", "b"], "visibility": "public"},
    )
    assert (said["description"], said["tags"], said["visibility"]) == (
        "Flowers",
        ["a", "b"],
        "public",
    )
    assert said["name"] == "Iris"
    assert models.get(reg, alice, iris.model).description == "Flowers"
    assert api.ok("PATCH", f"/models/{iris.model}", json={"visibility": "private"})["tags"] == [
        "a",
        "b",
    ]


def test_a_version_is_edited_and_its_file_stays(api: Api, iris: Version) -> None:
    path = f"/models/{iris.model}/versions/1"
    change = {"label": "1.0.0", "lifecycle": "deprecated", "parameters": {"depth": 3},
              "links": {"code": "https://example.org"}}  # fmt: skip
    said = api.ok("PATCH", path, json=change)
    assert {key: said[key] for key in change} == change
    assert said["artifacts"][0]["digest"] == iris.artifact.digest
    schema = said["schema"] | {"target": "species"}
    assert api.ok("PATCH", path, json={"schema": schema})["schema"]["target"] == "species"
    logged = api.ok("POST", f"{path}/metrics", json={"metrics": [{"name": "f1", "value": 0.9}]})
    assert {m["name"] for m in logged["metrics"]} == {"f1", "accuracy_score"}
    for wrong in (
        {"label": "one"},
        {"lifecycle": "gone"},
        {"number": 2},
        {"links": {"a": "b"}},
        [],
    ):
        problem(api("PATCH", path, json=wrong), 422)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 5000, b'{"description": NaN}', b"\xff", b'"x"', b"null"]
)
def test_what_is_no_fitting_json_is_refused(body: bytes, api: Api, iris: Version) -> None:
    answer = api("PATCH", f"/models/{iris.model}", content=body, kind="application/json")
    assert problem(answer, 422)["problems"]


def test_another_media_type_and_too_much_are_refused(api: Api, iris: Version) -> None:
    path = f"/models/{iris.model}"
    problem(api("PATCH", path, content=b"{}", kind="text/plain"), 415)
    problem(api("PATCH", path, content=b" " * (2 << 20), kind="application/json"), 413)


def test_an_alias_moves_back_and_goes(
    api: Api, reg: Registry, alice: Actor, iris: Version,
    publish_file: Callable[..., Version], iris_file: object,
) -> None:  # fmt: skip
    publish_file(alice, iris_file, model=iris.model)
    path = f"/models/{iris.model}/aliases/champion"
    api.ok("PUT", path, json={"version": "1"})
    moved = api.ok("PUT", path, json={"version": "2", "reason": "better"})
    assert (moved["from_number"], moved["to_number"], moved["reason"]) == (1, 2, "better")
    assert api.ok("POST", f"{path}/rollback", json={})["to_number"] == 1
    gone = api.ok("DELETE", f"{path}?reason=enough")
    assert (gone["to_number"], gone["reason"]) == (None, "enough")
    problem(api("DELETE", path), 404)
    problem(api("PUT", f"/models/{iris.model}/aliases/latest", json={"version": "1"}), 422)
    assert len(aliases.history(reg, alice, iris.model)) == 4


def test_a_closed_gate_says_which_rule(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    rule = Rule("metric", metric="accuracy_score", value=0.99)
    gates.edit(reg, alice, iris.model, [rule])
    path = f"/models/{iris.model}/aliases/production"
    said = problem(api("PUT", path, json={"version": "1"}), 409)
    assert said["type"] == "urn:vitrine:problem:gate-closed"
    [result] = said["rules"]
    assert result["passed"] is False
    assert "accuracy_score" in result["said"]
    api.ok("PUT", path, json={"version": "1", "override_reason": "the data set was broken"})


def test_trash_restore_and_purge(api: Api, reg: Registry, alice: Actor, iris: Version) -> None:
    version, model = f"/models/{iris.model}/versions/1", f"/models/{iris.model}"
    api.ok("DELETE", version, 204)
    problem(api("GET", version), 404)
    assert len(api.ok("GET", f"{model}/versions?trash=true")["items"]) == 1
    api.ok("POST", f"{version}/restore")
    aliases.move(reg, alice, iris.ref, "champion")
    assert "champion" in problem(api("DELETE", version), 409)["detail"]
    api.ok("DELETE", model, 204)
    assert [m["slug"] for m in api.ok("GET", "/models?trash=true")["items"]] == ["iris"]
    api.ok("POST", f"{model}/restore")
    api.ok("DELETE", model, 204)
    assert api.ok("POST", f"{model}/purge")["freed_bytes"] == iris.size_bytes
    problem(api("POST", f"{model}/restore"), 404)


@pytest.mark.parametrize("what", ["restore", "purge"])
def test_a_version_that_is_not_in_the_trash_is_a_conflict(
    what: str, api: Api, iris: Version
) -> None:
    path = f"/models/{iris.model}/versions"
    assert "is not in the trash" in problem(api("POST", f"{path}/1/{what}"), 409)["detail"]
    assert "there is no version" in problem(api("POST", f"{path}/9/{what}"), 404)["detail"]


def test_sharing_and_taking_back(api: Api, api_of: ApiOf, bob: Actor, iris: Version) -> None:
    by_bob, path = api_of(bob), f"/models/{iris.model}"
    given = api.ok("PUT", f"{path}/grants/bob", json={"level": "view"})
    assert given["items"] == [{"username": "bob", "level": "view"}]
    by_bob.ok("GET", path)
    for method, where, body in (
        ("PATCH", path, {"description": "x"}),
        ("PUT", f"{path}/grants/bob", {"level": "manage"}),
        ("PUT", f"{path}/aliases/champion", {"version": "1"}),
        ("DELETE", f"{path}/versions/1", None),
        ("DELETE", path, None),
        ("POST", f"{path}/transfer", {"username": "bob"}),
    ):
        problem(by_bob(method, where, json=body), 403)
    assert api.ok("DELETE", f"{path}/grants/bob")["items"] == []
    problem(by_bob("GET", path), 404)
    problem(api("PUT", f"{path}/grants/nobody", json={"level": "view"}), 422)


def test_a_model_is_handed_over(api: Api, bob: Actor, iris: Version) -> None:
    moved = api.ok("POST", f"/models/{iris.model}/transfer", json={"username": "bob"})
    assert (moved["ref"], moved["level"]) == ("bob/iris", "manage")


WRITING = [
    ("PATCH", "", {}),
    ("DELETE", "", None),
    ("POST", "/restore", None),
    ("POST", "/purge", None),
    ("POST", "/transfer", {"username": "bob"}),
    ("PUT", "/grants/bob", {"level": "view"}),
    ("DELETE", "/grants/bob", None),
    ("PATCH", "/versions/1", {}),
    ("DELETE", "/versions/1", None),
    ("POST", "/versions/1/restore", None),
    ("POST", "/versions/1/purge", None),
    ("POST", "/versions/1/metrics", {"metrics": []}),
    ("PUT", "/aliases/champion", {"version": "1"}),
    ("DELETE", "/aliases/champion", None),
    ("POST", "/aliases/champion/rollback", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITING)
def test_nobody_writes_into_what_they_may_not_see(
    method: str, path: str, body: object, api_of: ApiOf, reg: Registry, alice: Actor, bob: Actor,
    iris: Version,
) -> None:  # fmt: skip
    by_bob = api_of(bob)
    before = activity.find(reg, alice, model=iris.model).total
    theirs = by_bob(method, f"/models/{iris.model}{path}", json=body)
    none = by_bob(method, f"/models/alice/nada{path}", json=body)
    problem(theirs, 404)
    assert theirs.text.replace(iris.model, "…") == none.text.replace("alice/nada", "…")
    assert activity.find(reg, alice, model=iris.model).total == before


def test_one_change_is_one_audit_line_by_the_token(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    before = activity.find(reg, alice, model=iris.model).total
    api.ok("PATCH", f"/models/{iris.model}", json={"description": "x"})
    lines = activity.find(reg, alice, model=iris.model)
    assert lines.total == before + 1
    assert lines.items[0].detail["token"] == api.secret[:12]


def test_a_token_neither_lists_nor_revokes_tokens(api: Api, reg: Registry, alice: Actor) -> None:
    [token] = tokens.find(reg, alice)
    for method, path in (("GET", "/tokens"), ("DELETE", f"/tokens/{token.id}")):
        assert "sign in" in problem(api(method, path), 403)["detail"]
    api.ok("GET", "/me")


def test_an_author_locks_nobody_out(api: Api, reg: Registry, bob: Actor, admin: Actor) -> None:
    problem(api("POST", "/users/bob/disable"), 403)
    api.secret = tokens.create(reg, admin, "no token administers", ["search"])[1]
    problem(api("POST", "/users/bob/disable"), 403)
    assert accounts.sign_in(reg, "bob", "a long enough password")


def test_a_job_is_cancelled_by_who_started_it(
    api: Api, api_of: ApiOf, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    with reg.writing() as s:
        job_id = jobs.submit_in(s, alice, "rescan", iris.id, iris.ref)
    problem(api_of(bob)("GET", f"/jobs/{job_id}"), 404)
    problem(api_of(bob)("DELETE", f"/jobs/{job_id}"), 404)
    api.ok("DELETE", f"/jobs/{job_id}", 204)
    assert api.ok("GET", f"/jobs/{job_id}")["state"] == "failed"


def test_a_body_is_not_read_before_the_token(client: Client, iris: Version) -> None:
    read = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal read
        for _ in range(100):
            read += 1
            yield b" " * 1000

    answer = client.request(
        "PATCH", f"/api/v1/models/{iris.model}", content=endless(),
        headers={"content-type": "application/json", "authorization": "Bearer vtr_x"},
    )  # fmt: skip
    problem(answer, 401)
    assert read == 0
